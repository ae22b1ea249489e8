// The server side of HTTP/1.1 message parsing (RFC 9112), strict: whatever can be read in two ways is refused, and nothing after a refusal
// is looked at. Pure: bytes in, events out; sockets and timers are the caller's.
//
// A head is copied into the storage of `head` in pieces of at most 2 KiB and parsed there line by line, each line when its LF is in: so the
// caller may reuse its read buffer at once, and the verdict does not depend on how the bytes were split. Bodies are never copied.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What `RequestParser.next` found.
public enum RequestEvent: Sendable, Equatable {
    /// All input was taken and the message goes on: call again with more.
    case needMore
    /// A head is complete: `RequestParser.head`.
    case head
    /// Bytes of the body, chunked coding removed, as positions in the input. Never empty.
    case body(Range<Int>)
    /// The message is complete; the next one may follow.
    case end
    /// The message is refused: answer, close, and give the parser nothing more. Comes again if it is asked again.
    case refused(HTTPRefusal)
}

/// Reads the requests of one connection. Confined to its loop like everything of a connection.
public struct RequestParser: Sendable {
    private enum State: Sendable, Equatable {
        case head, length, chunked, ending, stopped
        case refused(HTTPRefusal)
    }

    /// The head of the message being read: complete from its `.head` event until the first byte of the next message is taken.
    public private(set) var head = RequestHead()
    /// The limits in force.
    public let limits: HTTP1Limits
    /// Bytes of the current message's body so far, chunked coding removed. For the caller's body limit.
    public private(set) var bodyBytes: UInt64 = 0

    private let names = FieldNameTable.shared
    private var state = State.head
    /// Bytes of `head.bytes` that are in use; 0 before a message starts.
    private var filled = 0
    /// Where the line being read starts in `head.bytes`.
    private var lineStart = 0
    private var hasRequestLine = false
    private var emptyLines = 0
    /// Bytes of a body with a length still to come.
    private var remaining: UInt64 = 0
    private var chunks = ChunkedDecoder()

    /// Makes a parser for a new connection. Allocates nothing until bytes arrive.
    public init(limits: HTTP1Limits = HTTP1Limits()) {
        self.limits = limits
    }

    /// Whether no byte of a next message was taken: the connection is idle, or at its very start.
    public var isBetweenMessages: Bool { state == .head && filled == 0 }

    /// Whether nothing more will be read: a message said that it was the last one, `stop` was called, or a message was refused.
    public var isFinished: Bool {
        switch state {
        case .stopped, .refused: true
        default: false
        }
    }

    /// Reads no more: all further input is taken and ignored. For a caller that closes before the message is complete. After a refusal
    /// it changes nothing.
    public mutating func stop() {
        if case .refused = state { return }
        state = .stopped
    }

    /// Gives back the memory of the last head, which is then empty. For connections that stay idle; only between messages.
    public mutating func releaseMemory() {
        guard isBetweenMessages else { return }
        head = RequestHead()
    }

    /// Takes input from `offset` on and returns one event; `offset` moves past what was taken. Call again until `.needMore`, which
    /// means that all of `input` was taken.
    ///
    /// - Parameter offset: in `0...input.count`.
    public mutating func next(_ input: Span<UInt8>, from offset: inout Int) -> RequestEvent {
        precondition(offset >= 0 && offset <= input.count, "offset is outside the input")
        return input.withUnsafeBufferPointer { advance($0, &offset) }
    }

    private mutating func advance(_ input: UnsafeBufferPointer<UInt8>, _ offset: inout Int) -> RequestEvent {
        switch state {
        case .head: return advanceHead(input, &offset)
        case .length: return advanceLength(input, &offset)
        case .chunked: return advanceChunked(input, &offset)
        case .ending: return finishMessage()
        case .refused(let refusal): return .refused(refusal)
        case .stopped:
            offset = input.count
            return .needMore
        }
    }

    @inline(never) private mutating func refuse(_ refusal: HTTPRefusal) -> RequestEvent {
        state = .refused(refusal)
        return .refused(refusal)
    }

    // MARK: Body

    private mutating func advanceLength(_ input: UnsafeBufferPointer<UInt8>, _ offset: inout Int) -> RequestEvent {
        guard offset < input.count else { return .needMore }
        let count = Int(truncatingIfNeeded: min(remaining, UInt64(input.count &- offset)))
        let range = offset..<offset &+ count
        offset &+= count
        remaining &-= UInt64(count)
        bodyBytes &+= UInt64(count)
        if remaining == 0 { state = .ending }
        return .body(range)
    }

    private mutating func advanceChunked(_ input: UnsafeBufferPointer<UInt8>, _ offset: inout Int) -> RequestEvent {
        do throws(HTTPRefusal) {
            switch try chunks.next(input, from: &offset, limits) {
            case .needMore: return .needMore
            case .data(let range):
                bodyBytes = chunks.dataBytes
                return .body(range)
            case .end: return finishMessage()
            }
        } catch {
            return refuse(error)
        }
    }

    private mutating func finishMessage() -> RequestEvent {
        state = head.keepsAlive ? .head : .stopped
        filled = 0
        return .end
    }

    // MARK: Head

    private mutating func advanceHead(_ input: UnsafeBufferPointer<UInt8>, _ offset: inout Int) -> RequestEvent {
        guard offset < input.count else { return .needMore }
        if filled == 0 { startMessage() }
        do throws(HTTPRefusal) {
            guard try takeHead(input, &offset) else { return .needMore }
        } catch {
            return refuse(error)
        }
        startBody()
        return .head
    }

    private mutating func startMessage() {
        head.reset()
        (lineStart, hasRequestLine, emptyLines, bodyBytes) = (0, false, 0, 0)
    }

    private mutating func startBody() {
        switch head.bodyFraming {
        case .none, .length(0): state = .ending
        case .length(let length):
            remaining = length
            state = .length
        case .chunked:
            chunks = ChunkedDecoder()
            state = .chunked
        }
    }

    /// Pieces in which a head is copied: most heads fit, and little of a body that follows is copied in vain.
    private static let pieceBytes = 2048

    /// Copies input into the head's storage and parses the lines that became complete; true when the head is.
    private mutating func takeHead(_ input: UnsafeBufferPointer<UInt8>, _ offset: inout Int) throws(HTTPRefusal) -> Bool {
        // The storage leaves the head meanwhile, so that the head can be written to while its bytes are borrowed.
        var bytes: [UInt8] = []
        swap(&bytes, &head.bytes)
        defer { swap(&bytes, &head.bytes) }
        while offset < input.count {
            let count = min(input.count &- offset, Self.pieceBytes, max(limits.headBytesMax &+ 1 &- filled, 1))
            RequestHead.reserve(&bytes, filled: filled, count: count)
            let isComplete = try bytes.withUnsafeMutableBufferPointer { storage throws(HTTPRefusal) in
                guard let base = storage.baseAddress, let source = input.baseAddress else { return false }
                memcpy(base + filled, source + offset, count)
                return try readLines(UnsafePointer(base), end: filled &+ count)
            }
            if isComplete {
                offset &+= head.byteCount &- filled
                filled = head.byteCount
                return true
            }
            offset &+= count
            filled &+= count
        }
        return false
    }

    /// Reads the lines between `lineStart` and `end`; true after the empty line that ends the head. Bytes before `filled` have no LF.
    private mutating func readLines(_ base: UnsafePointer<UInt8>, end: Int) throws(HTTPRefusal) -> Bool {
        var scanned = filled
        while let found = memchr(base + scanned, Int32(UInt8.lineFeed), end &- scanned) {
            let lineFeed = UnsafeRawPointer(found) - UnsafeRawPointer(base)
            let hasReturn = lineFeed > lineStart && base[lineFeed &- 1] == .carriageReturn
            let line = lineStart..<(hasReturn ? lineFeed &- 1 : lineFeed)
            if !hasRequestLine {
                try readFirstLine(base, line, hasReturn)
            } else {
                guard line.count <= limits.fieldBytesMax, lineFeed < limits.headBytesMax else { throw .fieldsTooLarge }
                guard hasReturn else { throw .invalidLineEnding }
                if line.isEmpty {
                    head.byteCount = lineFeed &+ 1
                    try head.complete(base, limits)
                    return true
                }
                guard head.fields.count < limits.fieldsMax else { throw .tooManyFields }
                try head.readFieldLine(base, line, names)
            }
            scanned = lineFeed &+ 1
            lineStart = scanned
        }
        try checkIncompleteLine(base, lineStart..<end)
        return false
    }

    /// Reads the request line, or an empty line before it.
    private mutating func readFirstLine(_ base: UnsafePointer<UInt8>, _ line: Range<Int>, _ hasReturn: Bool) throws(HTTPRefusal) {
        if line.isEmpty {
            guard hasReturn else { throw .invalidLineEnding }
            emptyLines &+= 1
            guard emptyLines <= limits.emptyLinesMax else { throw .malformedRequestLine }
            return
        }
        _ = try RequestHead.readMethod(base, line)
        guard line.count <= requestLineBytesMax else { throw .targetTooLong }
        guard hasReturn else { throw .invalidLineEnding }
        try head.readRequestLine(base, line, limits)
        hasRequestLine = true
    }

    /// Refuses a line whose end is not in yet if its end can't change the verdict, so that no client makes us buffer more than the
    /// limits. One byte of grace: a CR that ends the line counts for no limit of a line.
    private func checkIncompleteLine(_ base: UnsafePointer<UInt8>, _ line: Range<Int>) throws(HTTPRefusal) {
        if hasRequestLine {
            guard line.count <= limits.fieldBytesMax &+ 1, line.upperBound <= limits.headBytesMax else { throw .fieldsTooLarge }
        } else if !line.isEmpty {
            let endsInReturn = base[line.upperBound &- 1] == .carriageReturn
            _ = try RequestHead.readMethod(base, endsInReturn ? line.dropLast() : line)
            guard line.count <= requestLineBytesMax &+ 1 else { throw .targetTooLong }
        }
    }

    /// The longest request line: `OPTIONS`, two spaces, the target and the version.
    private var requestLineBytesMax: Int { min(limits.targetBytesMax &+ Method.bytesMax &+ 10, limits.headBytesMax) }
}
