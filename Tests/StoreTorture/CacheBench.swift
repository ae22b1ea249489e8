import ExactCache
import GatewayModel
import Glibc
import Storage
import TestSupport

/// Measures a cache of records with 700-byte bodies: filling, hits at random, misses, a purge, and opening it again.
enum CacheBench {
    static func run(_ folder: String, entries: Int) {
        do { try measure(folder, entries) } catch { say("failed \(error)") }
    }

    private static func options(_ folder: String, _ entries: Int) -> ExactCacheOptions {
        ExactCacheOptions(path: folder, byteCap: max(64 << 20, entries * 2500))
    }

    private static func measure(_ folder: String, _ entries: Int) throws {
        var cache = try ExactCache(options(folder, entries))
        let now = cache.clock.time(at: .now())
        let body = [UInt8](repeating: 0x62, count: 700)
        var start = MonotonicTime.now()
        for number in 0..<entries {
            let record = CacheRecord(
                status: 200, fields: [CacheField("content-type", "application/json")], body: body, isStream: false,
                operation: .chatCompletions, target: Target(provider: "demo", model: "demo-chat"), tenantID: number % 10 == 0 ? "t" : "u",
                keyID: "k", created: now, ttlSeconds: 3600)
            _ = cache.store(record, for: digest(number), begun: cache.purgeEpoch)
            if number % 4096 == 4095 { cache.flush() }
        }
        cache.flush()
        report("fill, per entry", start, entries)
        say("entries \(cache.statistics.entries), bytes by cost \(cache.statistics.bytes), file \(StoreEnvironment.fileBytes(at: folder))")
        let reader = cache.makeReader()
        for round in 0..<3 {
            var random = SplitMix64(seed: UInt64(round))
            let digests = (0..<200_000).map { _ in digest(Int.random(in: 0..<entries, using: &random)) }
            let absent = (0..<200_000).map { digest(-1 - $0) }
            var length = 0
            start = MonotonicTime.now()
            for digest in digests {
                if case .fresh(let count) = reader.look(up: digest, now: now, { view, _ in view.bodyRange.count }) { length += count }
            }
            report("hit (\(length / digests.count) bytes)", start, digests.count)
            start = MonotonicTime.now()
            for digest in absent { if reader.contains(digest, now: now) { length += 1 } }
            report("miss", start, absent.count)
        }
        cache.close()
        start = MonotonicTime.now()
        cache = try ExactCache(options(folder, entries))
        report("open", start, 1)
        cache.close()
        start = MonotonicTime.now()
        let look = CacheCheck.run(path: folder, isQuick: true)
        report("quick check (\(look.verdict), \(look.report.entries) entries)", start, 1)
        cache = try ExactCache(options(folder, entries))
        start = MonotonicTime.now()
        cache.purge(.tenant("t")) { result in say("purged \(result.removed)") }
        cache.flush()
        report("purge of a tenth, per entry", start, entries)
        cache.close()
    }

    private static func digest(_ number: Int) -> Digest256 {
        var random = SplitMix64(seed: UInt64(bitPattern: Int64(number)))
        return Digest256(words: (random.next(), random.next(), random.next(), random.next()))
    }

    private static func report(_ what: String, _ start: MonotonicTime, _ count: Int) {
        say("\(what): \(MonotonicTime.now().nanoseconds(since: start) / UInt64(max(1, count))) ns")
    }
}
