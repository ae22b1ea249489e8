/// LiteLLM's `cache` object of a request body, as far as the gateway maps it onto its own cache controls.
public struct LiteLLMCache: Sendable, Equatable {
    /// `ttl`: seconds the answer may be kept; fractions dropped, negative counts as 0.
    public var ttlSeconds: Int?
    /// `s-maxage`: the greatest age in seconds of an answer from the cache.
    public var maxAgeSeconds: Int?
    /// `no-cache: true`: do not read.
    public var noCache = false
    /// `no-store: true`: do not write.
    public var noStore = false
    /// `namespace`: the string token in the body, quotes included.
    public var namespaceRange: Range<Int>?

    /// Nothing set.
    public init() {}
}
