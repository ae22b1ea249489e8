import GatewayModel

/// One row as it was read: still encoded, with what was said about it later.
public struct LogRow: Sendable {
    /// Its place in the log: rises strictly, over restarts too.
    public let sequence: UInt64
    /// The encoded row.
    public let bytes: [UInt8]
    /// What was said about it later.
    public let patch: LogPatch?
    /// Whether its payloads are still there.
    public let hasPayloads: Bool

    init(sequence: UInt64, bytes: [UInt8], patch: LogPatch?, hasPayloads: Bool) {
        self.sequence = sequence
        self.bytes = bytes
        self.patch = patch
        self.hasPayloads = hasPayloads
    }

    /// Takes an encoded row from elsewhere, such as a batch; `nil` where the bytes do not hold.
    public init?(sequence: UInt64, bytes: [UInt8]) {
        guard bytes.withUnsafeBytes({ RowView($0) != nil }) else { return nil }
        self.init(sequence: sequence, bytes: bytes, patch: nil, hasPayloads: false)
    }

    /// The event, decoded; `nil` where the bytes do not hold.
    public var event: GatewayEvent? { bytes.withUnsafeBytes { RowView($0)?.event() } }
}
