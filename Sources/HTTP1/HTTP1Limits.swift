/// What one request may cost before it is refused. All limits are on; a value is the largest that is still accepted.
///
/// Body size is the caller's to bound: `RequestHead.bodyFraming` has the declared length, `RequestParser.bodyBytes` what has arrived.
public struct HTTP1Limits: Sendable, Equatable {
    /// Bytes of the request target; past it 414.
    public var targetBytesMax: Int
    /// Bytes of one field line without its CRLF; past it 431.
    public var fieldBytesMax: Int
    /// Bytes of a whole head, from the request line through the empty line; past it 431.
    public var headBytesMax: Int
    /// Field lines in a head, and in a trailer section; past it 431.
    public var fieldsMax: Int
    /// Options (list elements) in all `Connection` fields of a head; past it 400. Each is compared with every field name.
    public var connectionOptionsMax: Int
    /// Bytes of chunk extensions in a message; past it 400. Also the amount of all chunk framing below which the ratio isn't looked at.
    public var chunkOverheadBytesMax: Int
    /// Bytes of chunk framing per byte of chunk data, once there is more framing than `chunkOverheadBytesMax`; past it 400.
    public var chunkOverheadRatioMax: Int
    /// Bytes of a trailer section; past it 431.
    public var trailerBytesMax: Int
    /// Empty lines skipped before a request line (RFC 9112 section 2.2 asks for at least one); past it 400.
    public var emptyLinesMax: Int

    /// Makes limits. Sizes are clamped to 1…1 MiB and counts to 0…10,000, so that no configured number can overflow an index.
    public init(
        targetBytesMax: Int = 8 << 10, fieldBytesMax: Int = 8 << 10, headBytesMax: Int = 32 << 10, fieldsMax: Int = 100,
        connectionOptionsMax: Int = 16, chunkOverheadBytesMax: Int = 16 << 10, chunkOverheadRatioMax: Int = 16,
        trailerBytesMax: Int = 8 << 10, emptyLinesMax: Int = 1
    ) {
        func size(_ value: Int) -> Int { min(max(value, 1), 1 << 20) }
        func count(_ value: Int) -> Int { min(max(value, 0), 10_000) }
        self.targetBytesMax = size(targetBytesMax)
        self.fieldBytesMax = size(fieldBytesMax)
        self.headBytesMax = size(headBytesMax)
        self.fieldsMax = count(fieldsMax)
        self.connectionOptionsMax = count(connectionOptionsMax)
        self.chunkOverheadBytesMax = size(chunkOverheadBytesMax)
        self.chunkOverheadRatioMax = count(chunkOverheadRatioMax)
        self.trailerBytesMax = size(trailerBytesMax)
        self.emptyLinesMax = count(emptyLinesMax)
    }
}
