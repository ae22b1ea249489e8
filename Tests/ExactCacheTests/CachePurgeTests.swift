import GatewayModel
import Storage
import TestSupport
import Testing

@testable import ExactCache

@Suite struct CachePurgeTests {
    let folder = TemporaryFolder()

    func filled(flushed: Bool) throws -> ExactCache {
        let cache = try ExactCache(cacheOptions(folder.path) { $0.writer.delayMilliseconds = 60_000 })
        cache.put(record("1", tenant: "a", key: "k1", model: "m1", tags: ["x"]), digest(1))
        cache.put(record("2", tenant: "a", key: "k2", model: "m2", tags: ["x", "y"], namespace: "n"), digest(2))
        cache.put(record("3", tenant: "b", key: "k3", model: "m1/turbo"), digest(3))
        cache.put(record("4", tenant: "b", key: "k1", model: "m3", created: noon.adding(seconds: -10)), digest(4))
        if flushed { cache.flush() }
        return cache
    }

    static var cases: [(PurgeSelector, [UInt64])] {
        [
            (.all, []), (.tenant("a"), [3, 4]), (.tenant("A"), [1, 2, 3, 4]), (.key(digest(2)), [1, 3, 4]),
            (.key(digest(9)), [1, 2, 3, 4]),
            (.keyID("k1"), [2, 3]), (.model("m1"), [2, 3, 4]), (.model("openai/m2"), [1, 3, 4]), (.model("azure/m2"), [1, 2, 3, 4]),
            (.model("m1/turbo"), [1, 2, 4]), (.model("openai/m1/turbo"), [1, 2, 4]), (.tag("x"), [3, 4]), (.tag("y"), [1, 3, 4]),
            (.before(noon), [1, 2, 3]), (.before(noon.adding(seconds: 1)), []), (.namespace("n"), [1, 3, 4]), (.namespace(""), [2]),
            (.every([.tenant("a"), .tag("y")]), [1, 3, 4]), (.every([.tenant("b"), .tag("y")]), [1, 2, 3, 4]),
        ]
    }

    @Test(arguments: cases, [false, true]) func `a purge removes what it selects and nothing else`(
        selection: (PurgeSelector, [UInt64]), flushed: Bool
    ) throws {
        let cache = try filled(flushed: flushed)
        let result = cache.purgeNow(selection.0)
        #expect(result.error == nil)
        if flushed { #expect(result.removed == 4 - selection.1.count) }
        let reader = cache.makeReader()
        for _ in 0..<2 {
            let left = (1...4 as ClosedRange<UInt64>).filter { reader.contains(digest($0), now: noon) }
            #expect(left == selection.1)
            cache.flush()
        }
        #expect(cache.statistics.entries == selection.1.count && cache.statistics.pendingEntries == 0)
        #expect(CacheTortureExpectation.holds(cache))
        cache.close()
    }

    @Test func `an answer whose request began before the purge is not stored`() throws {
        let cache = try filled(flushed: true)
        let reader = cache.makeReader()
        let begun = cache.purgeEpoch
        cache.purgeNow(.tenant("a"))
        #expect(cache.store(record("5", tenant: "a"), for: digest(5), begun: begun) == .purged)
        #expect(cache.store(record("6", tenant: "b"), for: digest(6), begun: begun) == nil)
        #expect(cache.store(record("7", tenant: "a"), for: digest(7), begun: cache.purgeEpoch) == nil)
        #expect(reader.body(digest(5)) == nil)
        #expect(reader.body(digest(6)) == "6")
        #expect(reader.body(digest(7)) == "7")
        #expect(cache.statistics.refused[.purged] == 1)
        cache.close()
    }

    @Test func `a purge of everything counts for requests under way however many purges follow`() {
        let log = PurgeLog(capacity: 4)
        let begun = log.epoch
        let bytes = record(tenant: "a").encoded(for: digest(1)) ?? []
        #expect(!log.selects(bytes, digest: digest(1), since: begun))
        for number in 0..<4 { log.add(.tenant("other\(number)")) }
        #expect(!log.selects(bytes, digest: digest(1), since: begun), "four are remembered")
        log.add(.tenant("other"))
        #expect(log.selects(bytes, digest: digest(1), since: begun), "the fifth made it forget one, which might have been meant")
        #expect(!log.selects(bytes, digest: digest(1), since: log.epoch))
        let middle = log.epoch
        log.add(.all)
        log.add(.tenant("other"))
        #expect(log.selects(bytes, digest: digest(1), since: begun) && log.selects(bytes, digest: digest(1), since: middle))
        #expect(!log.selects(bytes, digest: digest(1), since: log.epoch))
    }

    @Test func `an answer that was replaced does not come back when its replacement is purged`() throws {
        let cache = try filled(flushed: true)
        cache.put(record("newer", tenant: "z"), digest(1))
        cache.purgeNow(.tenant("z"))
        #expect(cache.makeReader().body(digest(1)) == nil)
        #expect(cache.statistics.entries == 3)
        cache.close()
    }

    @Test func `a purge of a closed cache says so`() throws {
        let cache = try filled(flushed: true)
        cache.close()
        let result = Box<PurgeResult?>(nil)
        cache.purge(.all) { result.value = $0 }
        #expect(result.value?.error != nil)
    }

    @Test func `a purge walks more records than one step holds`() throws {
        let cache = try ExactCache(cacheOptions(folder.path, cap: 64 << 20))
        for number in 0..<10_000 as Range<UInt64> {
            cache.put(record("x", tenant: number % 3 == 0 ? "a" : "b"), digest(number))
            if number % 5000 == 4999 { cache.flush() }
        }
        #expect(cache.purgeNow(.tenant("a")) == PurgeResult(removed: 3334, error: nil))
        #expect(cache.statistics.entries == 6666)
        #expect(CacheTortureExpectation.holds(cache))
        cache.close()
    }

    /// Threads store and look up while purges run. Each body names the purges begun before its request: whoever reads one after a later
    /// purge completed has found a ghost.
    @Test func `nothing purged is served after the purge completed, whatever races it`() throws {
        let cache = try ExactCache(cacheOptions(folder.path) { $0.writer.delayMilliseconds = 1 })
        let begunPurges = Box(0)
        let completedPurges = Box(0)
        let isOver = Box(false)
        let ghosts = Box(0)
        let hits = Box(0)
        onThreads(4) { lane in
            var random = SplitMix64(seed: UInt64(lane))
            if lane == 0 {
                for round in 1...60 {
                    begunPurges.value = round
                    let done = Box(false)
                    cache.purge(round % 3 == 0 ? .all : .tenant("a")) { _ in
                        completedPurges.value = round
                        done.value = true
                    }
                    while !done.value { yieldThread() }
                }
                isOver.value = true
                return
            }
            let reader = cache.makeReader()
            while !isOver.value {
                let name = digest(UInt64.random(in: 0..<50, using: &random))
                if lane == 1 {
                    let epoch = cache.purgeEpoch
                    let purges = begunPurges.value
                    _ = cache.store(record("\(purges)", tenant: "a"), for: name, begun: epoch)
                } else {
                    let completed = completedPurges.value
                    guard let body = reader.body(name), let purges = Int(body) else { continue }
                    hits.value += 1
                    if purges < completed { ghosts.value += 1 }
                }
            }
        }
        #expect(ghosts.value == 0)
        #expect(hits.value > 0)
        cache.close()
    }
}
