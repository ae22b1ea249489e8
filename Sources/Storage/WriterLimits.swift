/// Limits and batching of a writer thread.
public struct WriterLimits: Sendable {
    /// Submissions that may wait. One more displaces the oldest droppable one, or is refused.
    public var queueEntriesMax = 8192
    /// Bytes that may wait.
    public var queueBytesMax = 32 << 20
    /// As many waiting submissions start a transaction at once.
    public var batchEntriesTarget = 64
    /// Submissions in one transaction.
    public var batchEntriesMax = 512
    /// Bytes in one transaction; as many waiting bytes start it at once.
    public var batchBytesMax = 4 << 20
    /// How long the first droppable submission waits for company, in milliseconds.
    public var delayMilliseconds: UInt64 = 50
    /// How often housekeeping runs, in milliseconds.
    public var tickMilliseconds: UInt64 = 1000
    /// The longest pause after a failed write, in milliseconds; the first is 1 s, each the double of the one before.
    public var backoffMillisecondsMax: UInt64 = 30_000

    /// The defaults.
    public init() {}
}
