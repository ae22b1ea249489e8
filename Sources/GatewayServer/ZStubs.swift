import GatewayModel
import EventLoop
import Upstream
import Providers
import Tenants

struct CacheScope: Sendable {}
struct PurgeEpoch: Sendable {}
struct CacheKeyBuilder { init(scope: CacheScope, operation: Operation) {}
 mutating func add(credential: [UInt8]?) {}
 mutating func add(route: String, revision: UInt64) {}
 mutating func add(target: Target, revision: UInt64) {}
 mutating func add(queryField: String, value: Span<UInt8>) {}
 mutating func add(headerField: String, value: Span<UInt8>) {}
 mutating func add(namespace: [UInt8]) {}
 mutating func add(extra: Span<UInt8>) {}
 func digest(customKey: [UInt8]) -> Digest256 { Digest256(words: (0,0,0,0)) }
 func digest(body: Digest256) -> Digest256 { body }
}
struct CacheRecordView { var created: WallTime; var ttlSeconds: Int64; var hasUsage: Bool; var isStream: Bool; var usage: Usage?; var usageEventRange: Range<Int>?; var status: Int
  var bodyA: [UInt8] = []
  var body: [UInt8] { bodyA }
  var contentType: [UInt8] { bodyA }
}
enum CacheLookup<R> { case miss, fresh(R), stale(R, Int64) }
final class CacheReader { func look<R>(up d: Digest256, now: WallTime, _ b: (borrowing CacheRecordView) -> R) -> CacheLookup<R> { .miss } }
enum StoreResult { case stored, rejected(CacheReason) }
final class ExactCache: Sendable { func makeReader() -> CacheReader { CacheReader() }
 var purgeEpoch: PurgeEpoch { PurgeEpoch() }
 func store(_ r: CacheRecord, for d: Digest256, epoch: PurgeEpoch) -> StoreResult { .stored } }
struct CacheRecord { init(order: RecordOrder, status: Int, contentType: [UInt8], body: [UInt8], isStream: Bool, operation: Operation, target: Target, usage: Usage?, hasUsage: Bool, usageEventRange: Range<Int>?, hasToolCalls: Bool, created: WallTime) {} }
struct KeyIdentity: Sendable { var tenant: TenantIndex }
final class KeyTable: Sendable {
 func authenticate(presented: Span<UInt8>, address: Int, now: WallTime) -> Result<KeyIdentity, AuthenticationFailure> { .failure(.invalidKey) }
 func permits(provider: String, for: KeyIdentity) -> GatewayError? { nil }
 func permits(model: String, ofProvider: String, alias: String?, for: KeyIdentity) -> GatewayError? { nil }
 func permits(path: String, ofProvider: String, isListed: Bool, for: KeyIdentity) -> GatewayError? { nil }
 func keyID(of: KeyIdentity) -> String { "" }
}
final class UpstreamDriver { init(loop: EventLoop, options: UpstreamOptions) throws(UpstreamFailure) {}
 func start(_ r: UpstreamRequest, delegate: TransferDelegate) throws(UpstreamFailure) -> Transfer { Transfer() }
 func close() {} }
final class Transfer { func pause() {}; func resume() {}; func cancel() {}; func send(_ b: Span<UInt8>) {}; var unsentBytes: Int { 0 }; func finishBody() {} }
protocol TransferDelegate: AnyObject {
 func transfer(_ t: Transfer, receivedHead head: UpstreamHead)
 func transfer(_ t: Transfer, receivedBody bytes: Span<UInt8>)
 func transferReadyForBody(_ t: Transfer)
 func transferCompleted(_ t: Transfer)
 func transferFailed(_ t: Transfer, _ failure: UpstreamFailure)
}
enum Replay { static func streamFromAnswer(_ o: Operation, body: Span<UInt8>, includeUsage: Bool) -> [UInt8]? { nil }
 static func answerFromStream(_ o: Operation, body: Span<UInt8>) -> [UInt8]? { nil } }
struct UsageEventFilter { mutating func receive(_ b: Span<UInt8>, into: inout [UInt8]) {}; mutating func finish(into: inout [UInt8]) {} }
final class GatewaySnapshot: Sendable {
 let providers: ProviderTable; let router: PathRouter; let keys: KeyTable; let tenants: [TenantState]; let limits = DataLimits(); let httpLimits = HTTP1Limits()
 let credentials: [String: String] = [:]; let routes: [String: RouteState] = [:]; let cachePolicy = CachePolicy(); let baseRevision: UInt64 = 0
 let upstreamOptions = UpstreamOptions(); let flightLimits = Flight.Limits(); let streamTimeouts = UpstreamTimeouts(); let plainTimeouts = UpstreamTimeouts()
 init(_ p: ProviderTable, _ r: PathRouter, _ k: KeyTable) { providers = p; router = r; keys = k; tenants = [] }
 func target(named: String) -> RouteTarget? { nil }
 func egress(of: Int) -> EgressPolicy { .publicOnly }
 func isTrusted<T>(_ a: T) -> Bool { false }
}
import HTTP1

struct RequestFieldPolicy { init(definition: ProviderDefinition, usesClientCredential: Bool) {}
 func forwards(_ known: FieldName?, name: Span<UInt8>) -> Bool { true } }
enum ResponseFieldPolicy { static func append(name: Span<UInt8>, value: Span<UInt8>, to lines: inout [UInt8]) {} }
final class EmbeddingsBatch { init?(_ e: Exchange) { nil }
 func upstreamBody(model: String, body: [UInt8], scan: RequestScan) -> [UInt8] { [] } }
import RequestScan
struct ModelCatalog { init(snapshot: GatewaySnapshot, identity: KeyIdentity?) {}
 func body(dialect: Dialect, model: String?) throws(GatewayError) -> [UInt8] { [] } }
extension Exchange { func lookUpItems(_ b: EmbeddingsBatch) throws(GatewayError) -> Bool { false }
  func gatewayStops() {} }
extension ClientConnection { func peerAddress(_ h: RequestHead) -> Int { 0 } }
