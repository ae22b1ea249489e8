/// The request header fields that the gateway itself reads, drops or rewrites. Everything else is `nil` and travels untouched.
///
/// One table, so that the parser can recognise a name once and every later step compares a byte.
public enum FieldName: UInt8, Sendable, CaseIterable {
    // Framing and connection (RFC 9110, 9112)
    case host, contentLength, transferEncoding, connection, keepAlive, proxyConnection, te, trailer, upgrade, expect
    case contentType, contentEncoding, accept, acceptEncoding, cacheControl, date, via, forwarded
    case xForwardedFor, xForwardedHost, xForwardedProto, xForwardedPort, xRealIP
    case cookie, origin, referer, userAgent, proxyAuthorization
    case ifNoneMatch
    // Identity
    case authorization, xApiKey, apiKey, xGoogApiKey, cfAigAuthorization
    // Dialects
    case anthropicVersion, anthropicBeta, openAIOrganization, openAIProject, openAIBeta, xGoogUserProject
    case xStainlessRetryCount
    // Cache controls
    case cfAigCacheTTL, cfAigSkipCache, cfAigCacheKey, cfCacheTTL, cfSkipCache
    case weirCacheNamespace, weirCacheTags, weirSemantic
    case xPortkeyCacheForceRefresh, xPortkeyCacheNamespace, heliconeCacheEnabled, heliconeCacheSeed
    // Routing and logging
    case cfAigRequestTimeout, cfAigMaxAttempts, cfAigRetryDelay, cfAigBackoff
    case cfAigMetadata, cfAigCustomCost, cfAigEventID, cfAigCollectLog, cfAigCollectLogPayload
    case traceparent, tracestate

    /// The field name in lower case, as it is compared and sent.
    public var name: String {
        switch self {
        case .host: "host"
        case .contentLength: "content-length"
        case .transferEncoding: "transfer-encoding"
        case .connection: "connection"
        case .keepAlive: "keep-alive"
        case .proxyConnection: "proxy-connection"
        case .te: "te"
        case .trailer: "trailer"
        case .upgrade: "upgrade"
        case .expect: "expect"
        case .contentType: "content-type"
        case .contentEncoding: "content-encoding"
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .cacheControl: "cache-control"
        case .date: "date"
        case .via: "via"
        case .forwarded: "forwarded"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        case .xForwardedPort: "x-forwarded-port"
        case .xRealIP: "x-real-ip"
        case .cookie: "cookie"
        case .origin: "origin"
        case .referer: "referer"
        case .userAgent: "user-agent"
        case .proxyAuthorization: "proxy-authorization"
        case .ifNoneMatch: "if-none-match"
        case .authorization: "authorization"
        case .xApiKey: "x-api-key"
        case .apiKey: "api-key"
        case .xGoogApiKey: "x-goog-api-key"
        case .cfAigAuthorization: "cf-aig-authorization"
        case .anthropicVersion: "anthropic-version"
        case .anthropicBeta: "anthropic-beta"
        case .openAIOrganization: "openai-organization"
        case .openAIProject: "openai-project"
        case .openAIBeta: "openai-beta"
        case .xGoogUserProject: "x-goog-user-project"
        case .xStainlessRetryCount: "x-stainless-retry-count"
        case .cfAigCacheTTL: "cf-aig-cache-ttl"
        case .cfAigSkipCache: "cf-aig-skip-cache"
        case .cfAigCacheKey: "cf-aig-cache-key"
        case .cfCacheTTL: "cf-cache-ttl"
        case .cfSkipCache: "cf-skip-cache"
        case .weirCacheNamespace: "weir-cache-namespace"
        case .weirCacheTags: "weir-cache-tags"
        case .weirSemantic: "weir-semantic"
        case .xPortkeyCacheForceRefresh: "x-portkey-cache-force-refresh"
        case .xPortkeyCacheNamespace: "x-portkey-cache-namespace"
        case .heliconeCacheEnabled: "helicone-cache-enabled"
        case .heliconeCacheSeed: "helicone-cache-seed"
        case .cfAigRequestTimeout: "cf-aig-request-timeout"
        case .cfAigMaxAttempts: "cf-aig-max-attempts"
        case .cfAigRetryDelay: "cf-aig-retry-delay"
        case .cfAigBackoff: "cf-aig-backoff"
        case .cfAigMetadata: "cf-aig-metadata"
        case .cfAigCustomCost: "cf-aig-custom-cost"
        case .cfAigEventID: "cf-aig-event-id"
        case .cfAigCollectLog: "cf-aig-collect-log"
        case .cfAigCollectLogPayload: "cf-aig-collect-log-payload"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        }
    }
}
