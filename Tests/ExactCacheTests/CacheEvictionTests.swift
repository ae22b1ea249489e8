import GatewayModel
import Glibc
import Storage
import TestSupport
import Testing

@testable import ExactCache

@Suite struct CacheEvictionTests {
    let folder = TemporaryFolder()

    /// A cache of `count` records of one cost, least recently used out first: the reference.
    struct LRU {
        let count: Int
        private var used: [UInt64: Int] = [:]
        private var order: [(key: UInt64, time: Int)] = []
        private var head = 0
        private var time = 0

        init(count: Int) { self.count = count }

        mutating func use(_ key: UInt64) -> Bool {
            time += 1
            let isHit = used.updateValue(time, forKey: key) != nil
            order.append((key, time))
            while used.count > count {
                let oldest = order[head]
                head += 1
                if used[oldest.key] == oldest.time { used[oldest.key] = nil }
            }
            return isHit
        }
    }

    /// Keys by Zipf's law with exponent 0.9, and now and then a scan of keys that never return.
    struct Trace {
        private var random: SplitMix64
        private var sums: [Double] = []
        private var scanned: UInt64 = 1 << 40
        private let scanShare: Double

        init(keys: Int, scanShare: Double, seed: UInt64) {
            random = SplitMix64(seed: seed)
            self.scanShare = scanShare
            var sum = 0.0
            for rank in 1...keys {
                sum += pow(Double(rank), -0.9)
                sums.append(sum)
            }
        }

        mutating func next() -> UInt64 {
            if Double.random(in: 0..<1, using: &random) < scanShare {
                scanned += 1
                return scanned
            }
            let point = Double.random(in: 0..<(sums.last ?? 1), using: &random)
            var (low, high) = (0, sums.count - 1)
            while low < high {
                let middle = (low + high) / 2
                if sums[middle] <= point { low = middle + 1 } else { high = middle }
            }
            return UInt64(low)
        }
    }

    @Test(arguments: [0.0, 0.3]) func `hot entries survive: the hit rate is no worse than that of a least-recently-used cache`(
        scanShare: Double
    ) throws {
        let cap = 2 << 20
        let cache = try ExactCache(cacheOptions(folder.path, cap: cap) { $0.writer.delayMilliseconds = 60_000 })
        let reader = cache.makeReader()
        let body = String(repeating: "e", count: 700)
        let cost = EvictionState.cost(of: try #require(record(body).encoded(for: digest(1))).count)
        var reference = LRU(count: cap / cost)
        var trace = Trace(keys: 20_000, scanShare: scanShare, seed: 11)
        var hits = (cache: 0, reference: 0)
        let requests = 60_000
        for number in 0..<requests {
            let key = trace.next()
            let isHit = reader.contains(digest(key), now: noon)
            if !isHit { cache.put(record(body), digest(key)) }
            if number % 64 == 63 { cache.flush() }
            let isReferenceHit = reference.use(key)
            guard number > requests / 4 else { continue }
            hits.cache += isHit ? 1 : 0
            hits.reference += isReferenceHit ? 1 : 0
        }
        let share = { (count: Int) in Double(count) / Double(requests - requests / 4) }
        print("hit rate, scans \(scanShare): cache \(share(hits.cache)), least recently used \(share(hits.reference))")
        #expect(share(hits.cache) >= share(hits.reference) - 0.03)
        #expect(share(hits.reference) > 0.1)
        let statistics = cache.statistics
        #expect(statistics.bytes <= cap && statistics.evicted > 1000)
        #expect(CacheTortureExpectation.holds(cache))
        cache.close()
    }

    @Test func `the cap holds after every batch, for entries of all sizes`() throws {
        let cap = 8 << 20
        let cache = try ExactCache(cacheOptions(folder.path, cap: cap))
        var random = SplitMix64(seed: 5)
        for number in 0..<4000 as Range<UInt64> {
            let size = Int.random(in: 0...10, using: &random) == 0 ? Int.random(in: 0...250_000, using: &random) : 300
            cache.put(record(String(repeating: "s", count: size)), digest(number))
            guard number % 40 == 39 else { continue }
            cache.flush()
            #expect(cache.statistics.bytes <= cap, "after \(number)")
        }
        let statistics = cache.statistics
        #expect(statistics.evicted > 0 && statistics.writer.discarded.isEmpty && statistics.stored == 4000)
        #expect(statistics.bytes > cap / 2)
        #expect(statistics.writer.usage.mapSize == 24 << 20)
        #expect(CacheTortureExpectation.holds(cache))
        cache.close()
    }

    @Test func `a map much too small evicts or drops, and no reader notices`() throws {
        // The cap promises more than the map holds: what happens when the estimate of costs is wrong.
        let pending = PendingWrites()
        let options = StoreOptions(
            schema: ExactCacheOptions.schema, databases: CacheStore.databases, mapSize: 2 << 20, durability: .noMetaSync, isDisposable: true
        )
        let environment = try StoreEnvironment.open(path: folder.path, options: options)
        let work = try CacheWriter(
            environment: environment, pending: pending, hot: HotTable(slots: 1024), ghostSlots: 1024, byteCap: 100 << 20)
        let writer = try WriterThread(environment: environment, work: work)
        for number in 0..<3000 as Range<UInt64> {
            let bytes = try #require(record(String(repeating: "m", count: 3000)).encoded(for: digest(number)))
            let entry = PendingEntry(digest: digest(number), bytes: bytes)
            _ = pending.insert(entry) { false }
            _ = writer.submit(.store(entry), bytes: bytes.count)
            if number % 100 == 99 { writer.flush() }
        }
        writer.flush()
        let statistics = writer.statistics
        #expect(statistics.roomMade > 0)
        #expect(statistics.committedItems > 2000, "\(statistics)")
        #expect(!statistics.isDisabled && pending.size.entries == 0)
        let reader = environment.makeReader()
        #expect(reader.count(in: environment.database("val")) ?? 0 > 100)
        writer.close()
        environment.close()
        #expect(CacheCheck.run(path: folder.path, isQuick: false).verdict == .sound)
    }

    @Test func `use counters stop at three and forget when told`() {
        let hot = HotTable(slots: 64)
        for expected in [1, 2, 3, 3] as [UInt8] {
            hot.touch(digest(1))
            #expect(hot.count(digest(1)) == expected)
        }
        hot.set(digest(1), to: 9)
        #expect(hot.count(digest(1)) == 3)
        hot.set(digest(1), to: 0)
        #expect(hot.count(digest(1)) == 0)
    }

    @Test func `a ghost is remembered for the window and no longer`() {
        var ghosts = GhostTable(slots: 1024)
        #expect(!ghosts.contains(digest(1), window: 1000))
        ghosts.insert(digest(1))
        #expect(ghosts.contains(digest(1), window: 1))
        for number in 2...10 as ClosedRange<UInt64> { ghosts.insert(digest(number)) }
        #expect(ghosts.contains(digest(1), window: 10))
        #expect(!ghosts.contains(digest(1), window: 9))
        #expect(!ghosts.contains(digest(11), window: 10))
    }

    @Test func `the state of the eviction is read back or refused`() {
        var state = EvictionState()
        state.inserted(cost: 100)
        state.inserted(cost: 200)
        state.removed(sequence: 1, cost: 100)
        #expect(state.bytes == 200 && state.smallBytes == 200 && state.entries == 1 && state.next == 3)
        state.boundary = 3
        state.removed(sequence: 2, cost: 50)
        #expect(state.bytes == 150 && state.smallBytes == 200)
        state.smallBytes = 10
        #expect(readState(state.encoded) == state)
        #expect(readState([]) == nil)
        #expect(readState([UInt8](repeating: 0xFF, count: 48)) == nil)
    }
}
