import ExactCache
import GatewayModel
import Providers
import Upstream

/// Everything one fetch needs, independent of the request that ordered it: the client may leave, the fetch may go on for others.
struct FetchOrder {
    var request: UpstreamRequest
    var operation: Operation
    var dialect: Dialect
    var isUnified: Bool
    var wantsStream: Bool
    var provider: String
    var model: String
    /// Whether the time to the first byte is the client's own, shorter than the operator's.
    var isClientTimeout: Bool
    /// Whether the client's own provider key is used: its failures are its own.
    var usesClientCredential: Bool
    /// Whether an OpenAI-style stream of this provider ends with `data: [DONE]`.
    var requiresDoneMarker: Bool
    /// Whether the recorded stream will hold a usage event.
    var carriesUsage: Bool
    /// How to keep the answer; `nil` when it is not to be kept.
    var record: RecordOrder?
    /// The items of a unified embeddings request, kept one by one.
    var embeddings: EmbeddingsBatch?
    /// What the semantic cache wants to know of the answer.
    var similar: SimilarRequest?
    /// On whose account: for what is used when the request is gone.
    var account: Account

    /// Whom an answer is counted for.
    struct Account {
        var tenant: String
        var key: String
        var route: String
    }
}

/// How an answer is kept.
struct RecordOrder {
    var digest: Digest256
    /// A second key for a fallback's answer: the one that was looked up, where the route says so.
    var alsoUnder: Digest256?
    var ttlSeconds: Int64
    var staleSeconds: Int64
    var storesToolCalls: Bool
    var tenantID: String
    var keyID: String
    var namespace: String
    var tags: [String]
    var routeRevision: UInt64
    /// A purge after this point forbids the store.
    var purgeEpoch: PurgeEpoch

    /// The record of an answer.
    func make(_ order: FetchOrder, body: [UInt8], contentType: [UInt8], isStream: Bool, usage: Usage?, created: WallTime) -> CacheRecord {
        CacheRecord(
            status: 200, fields: [CacheField(name: Array("content-type".utf8), value: contentType)], body: body, isStream: isStream,
            operation: order.operation, target: Target(provider: order.provider, model: order.model), tenantID: tenantID, keyID: keyID,
            tags: tags, namespace: namespace, created: created, ttlSeconds: UInt32(clamping: ttlSeconds),
            staleSeconds: UInt32(clamping: staleSeconds), usage: usage, routeRevision: routeRevision)
    }
}
