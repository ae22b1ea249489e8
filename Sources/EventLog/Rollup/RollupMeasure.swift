// One list of everything that is added up, so that the cell, its encoding and the reports can't disagree about it.

/// A sum kept for every interval and label. All are integers that stop at `UInt64.max`.
public enum RollupMeasure: UInt8, Sendable, CaseIterable {
    /// Finished requests, refused ones included.
    case requests = 0
    /// Attempts at providers.
    case attempts = 1
    /// Requests that ended well.
    case successes = 2
    /// Input tokens.
    case tokensIn = 3
    /// Output tokens.
    case tokensOut = 4
    /// Input tokens from the provider's own prompt cache.
    case tokensCached = 5
    /// Tokens that no provider had to make.
    case tokensSaved = 6
    /// Nano-USD charged.
    case cost = 7
    /// Nano-USD that the cache saved.
    case costSaved = 8
    /// Bytes of request bodies.
    case requestBytes = 9
    /// Bytes of answers' bodies.
    case responseBytes = 10
    /// Attempts that repeated one on the same target. With `fallbacks` and the first attempt of each request it adds up to `attempts`.
    case retries = 11
    /// Attempts that moved on to another target.
    case fallbacks = 12
    /// Microseconds from head to end.
    case latencySum = 13
    /// Microseconds of the gateway itself.
    case overheadSum = 14
    /// Microseconds to the first byte, of the requests that had one.
    case firstByteSum = 15
    /// Thousandths of tokens per second, of the requests that had a rate.
    case rateSum = 16
    /// Requests counted under `other` in a dimension because a bound was reached.
    case overflowed = 17

    /// How many there are.
    static let count = 18
}

/// The distributions kept for every interval and label.
public enum RollupHistogram: UInt8, Sendable, CaseIterable {
    /// Microseconds from head to end, of all requests.
    case latency = 0
    /// Microseconds of the gateway itself, of all requests.
    case overhead = 1
    /// Microseconds to the first byte, of requests that had one.
    case firstByte = 2
    /// Thousandths of output tokens per second, of requests with output tokens: over the time after the first byte in a stream, over the
    /// whole duration otherwise.
    case rate = 3
}
