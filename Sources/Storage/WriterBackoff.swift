import GatewayModel

/// The pause after a failed write: 1, 2, 4 … s, ended early when the disk has more room than at the failure. Pure.
struct WriterBackoff {
    /// The longest pause.
    var millisecondsMax: UInt64 = 30_000
    /// Nanoseconds of the monotonic clock before which droppable writes wait; 0 for no pause.
    private(set) var until: UInt64 = 0
    private var milliseconds: UInt64 = 0
    private var freeBytesAtFailure: Int?
    /// More free bytes than this since the failure are worth a try.
    private static let worthATry = 1 << 20

    mutating func failed(now: MonotonicTime, freeBytes: Int?) {
        milliseconds = min(millisecondsMax, milliseconds == 0 ? 1000 : milliseconds * 2)
        freeBytesAtFailure = freeBytes
        until = now.adding(milliseconds: milliseconds).nanoseconds
    }

    mutating func succeeded() {
        until = 0
        milliseconds = 0
    }

    /// Ends the pause if space came back.
    mutating func reconsider(freeBytes: () -> Int?) {
        guard until != 0, let before = freeBytesAtFailure, let now = freeBytes(), now - before >= Self.worthATry else { return }
        until = 0
    }
}
