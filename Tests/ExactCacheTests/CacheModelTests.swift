import GatewayModel
import Storage
import TestSupport
import Testing

@testable import ExactCache

/// Random operations on the cache and on a dictionary: what can be seen must be the same.
@Suite struct CacheModelTests {
    struct Entry {
        var body: String
        var tenant: String
        var tag: String
        var created: WallTime
        var ttl: UInt32
        var stale: UInt32
    }

    @Test func `the cache behaves like a dictionary with times`() throws {
        let folder = TemporaryFolder()
        var cache = try ExactCache(cacheOptions(folder.path, cap: 256 << 20) { $0.writer.delayMilliseconds = 1 })
        var reader = cache.makeReader()
        var model: [UInt64: Entry] = [:]
        var now = noon
        var random = SplitMix64(seed: 99)
        let operations = isLong ? 1_000_000 : 100_000
        var hits = 0
        for number in 0..<operations {
            let key = UInt64.random(in: 0..<800, using: &random)
            switch Int.random(in: 0..<10_000, using: &random) {
            case 0..<3500:
                let entry = Entry(
                    body: "\(number) " + String(repeating: "b", count: Int.random(in: 0...40, using: &random) == 0 ? 5000 : 30),
                    tenant: "t\(Int.random(in: 0..<5, using: &random))", tag: "g\(Int.random(in: 0..<5, using: &random))", created: now,
                    ttl: UInt32.random(in: 0...60, using: &random), stale: UInt32.random(in: 0...20, using: &random))
                let isTaken = cache.put(
                    record(entry.body, tenant: entry.tenant, tags: [entry.tag], created: now, ttl: entry.ttl, stale: entry.stale),
                    digest(key))
                #expect(isTaken == nil)
                model[key] = entry
            case 3500..<9900: hits += expectSame(reader, key, model[key], now) ? 1 : 0
            case 9900..<9970: now = WallTime(milliseconds: now.milliseconds + Int64.random(in: 0...9000, using: &random))
            case 9970..<9980: purge(cache, &model, &random, now)
            case 9980..<9996: cache.flush()
            case 9996..<9998:
                cache.close()
                cache = try ExactCache(cacheOptions(folder.path, cap: 256 << 20) { $0.writer.delayMilliseconds = 1 })
                #expect(cache.opening.damage == nil)
                reader = cache.makeReader()
            default: now = WallTime(milliseconds: now.milliseconds - Int64.random(in: 0...70_000, using: &random))
            }
        }
        for key in 0..<800 as Range<UInt64> { _ = expectSame(reader, key, model[key], now) }
        #expect(hits > operations / 10)
        cache.flush()
        #expect(CacheTortureExpectation.holds(cache))
        #expect(cache.statistics.badReads == 0 && cache.statistics.evicted == 0)
        cache.close()
        #expect(CacheCheck.run(path: folder.path, isQuick: false).verdict == .sound)
    }

    func expectSame(_ reader: CacheReader, _ key: UInt64, _ entry: Entry?, _ now: WallTime) -> Bool {
        let expected: String? = entry.flatMap { entry in
            let age = now.milliseconds - entry.created.milliseconds
            if age < -60_000 { return nil }
            if age < Int64(entry.ttl) * 1000 { return entry.body }
            let beyond = age - Int64(entry.ttl) * 1000
            return beyond < Int64(entry.stale) * 1000 ? "stale \(beyond / 1000) \(entry.body)" : nil
        }
        let found = reader.body(digest(key), now: now)
        #expect(found == expected)
        return found != nil
    }

    func purge(_ cache: ExactCache, _ model: inout [UInt64: Entry], _ random: inout SplitMix64, _ now: WallTime) {
        let word = Int.random(in: 0..<5, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
            cache.purgeNow(.tenant("t\(word)"))
            model = model.filter { $0.value.tenant != "t\(word)" }
        case 1:
            cache.purgeNow(.tag("g\(word)"))
            model = model.filter { $0.value.tag != "g\(word)" }
        case 2:
            let time = now.adding(seconds: -30)
            cache.purgeNow(.before(time))
            model = model.filter { $0.value.created >= time }
        case 3:
            let key = UInt64.random(in: 0..<800, using: &random)
            cache.purgeNow(.key(digest(key)))
            model[key] = nil
        default:
            guard word == 0 else { return }
            cache.purgeNow(.all)
            model = [:]
        }
    }
}
