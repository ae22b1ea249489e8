/// Why an answer was not read from, or will not be kept in, the cache. Each is counted, logged, and named in `Cache-Status` where it is
/// known before the head goes out.
public enum CacheReason: String, Sendable, CaseIterable, Error {
    // Known from the request
    case off = "off"
    case operation = "operation"
    case skipRequested = "skip-requested"
    case noStore = "no-store"
    case ttlZero = "ttl-zero"
    case encodedBody = "encoded-body"
    case stateful = "stateful"
    case hostedTools = "hosted-tools"
    case multipleChoices = "multiple-choices"
    case temperature = "temperature"
    case bodyTooLarge = "body-too-large"
    case clientCredential = "client-credential"
    case usageAbsent = "usage-absent"
    case storeUnavailable = "store-unavailable"
    case hitForMiss = "hit-for-miss"
    case noReplayForm = "no-replay-form"
    // Known from the answer
    case status = "status"
    case contentType = "content-type"
    case contentEncoding = "content-encoding"
    case toolCalls = "tool-calls"
    case finishReason = "finish-reason"
    case errorInBody = "error-in-body"
    case malformedAnswer = "malformed-answer"
    case truncated = "truncated"
    case entryTooLarge = "entry-too-large"
    case clientLeft = "client-left"
    case upstreamFailed = "upstream-failed"
    case purged = "purged"
    case queueFull = "queue-full"

    /// A dense index for counters, in the order of `allCases`.
    public var index: Int { CacheReason.indices[self] ?? 0 }

    private static let indices: [CacheReason: Int] = Dictionary(uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
}
