import GatewayModel
import Glibc
import Storage
import TestSupport
import Testing

@testable import ExactCache

/// A point of the cache's time in tests that need none of their own.
let noon = WallTime(milliseconds: 1_800_000_000_000)

func digest(_ number: UInt64) -> Digest256 {
    var random = SplitMix64(seed: number)
    return Digest256(words: (random.next(), random.next(), random.next(), random.next()))
}

func record(
    _ body: String = "{\"answer\":42}", tenant: String = "acme", key: String = "k1", model: String = "gpt", tags: [String] = [],
    namespace: String = "", created: WallTime = noon, ttl: UInt32 = 3600, stale: UInt32 = 0
) -> CacheRecord {
    CacheRecord(
        status: 200, fields: [CacheField("content-type", "application/json")], body: Array(body.utf8), isStream: false,
        operation: .chatCompletions, target: Target(provider: "openai", model: model), tenantID: tenant, keyID: key, tags: tags,
        namespace: namespace, created: created, ttlSeconds: ttl, staleSeconds: stale)
}

/// A record with something in every part.
func richRecord() -> CacheRecord {
    CacheRecord(
        status: 207, fields: [CacheField("content-type", "text/event-stream"), CacheField("x-empty", "")],
        body: Array("data: one\n\ndata: usage\n\ndata: [DONE]\n\n".utf8), isStream: true, operation: .messages,
        target: Target(provider: "anthropic", model: "claude/best"), tenantID: "tenant-ü", keyID: "wk-1", tags: ["a", "", "b c"],
        namespace: "n", created: noon, ttlSeconds: 12, staleSeconds: 34,
        usage: Usage(
            inputTokens: 1, outputTokens: .max, cachedInputTokens: 3, cacheWriteInputTokens: 4, reasoningTokens: 5, isSuspect: true),
        finishReason: "end_turn", usageEventRange: 11..<24, hasToolCalls: true, routeRevision: 0xFFFF_FFFF_FFFF_FFFF)
}

extension CacheReader {
    /// The body of the record that may be served.
    func body(_ digest: Digest256, now: WallTime = noon) -> String? {
        switch look(up: digest, now: now, { view, bytes in view.text(view.bodyRange, in: bytes) }) {
        case .miss: nil
        case .fresh(let text): text
        case .stale(let text, let seconds): "stale \(seconds) \(text)"
        }
    }
}

extension ExactCache {
    @discardableResult
    func put(_ record: CacheRecord, _ digest: Digest256) -> CacheReason? { store(record, for: digest, begun: purgeEpoch) }

    /// Purges and waits until it is done.
    @discardableResult
    func purgeNow(_ selector: PurgeSelector) -> PurgeResult {
        let result = Box<PurgeResult?>(nil)
        purge(selector) { result.value = $0 }
        flush()
        return result.value ?? PurgeResult(removed: -1, error: "not called")
    }
}

final class Box<Value: Sendable>: @unchecked Sendable {
    // @unchecked: guarded by `mutex`.
    private let mutex = Lock()
    private var stored: Value
    init(_ value: Value) { stored = value }
    var value: Value {
        get { mutex.withLock { stored } }
        set { mutex.withLock { stored = newValue } }
    }
}

func cacheOptions(_ path: String, cap: Int = 32 << 20, _ change: (inout ExactCacheOptions) -> Void = { _ in }) -> ExactCacheOptions {
    var options = ExactCacheOptions(path: path, byteCap: cap)
    options.checker = { ChildProcessCheck(executable: ChildProcess.torture) { ["check-cache", $0] }.run(path: $0) }
    change(&options)
    return options
}

var isLong: Bool { getenv("WEIR_LONG") != nil }

func readView(_ bytes: [UInt8], _ digest: Digest256) -> CacheRecordView? { CacheRecordView(bytes.span, digest: digest) }

func readState(_ bytes: [UInt8]) -> EvictionState? { EvictionState(bytes.span) }

func holds(_ database: String, _ key: [UInt8], _ value: [UInt8]) -> Bool {
    CacheCheck.verify(database: database, key: key.span, value: value.span)
}

func yieldThread() { sched_yield() }
