import GatewayModel
import Glibc
import Storage
import TestSupport
import Testing

@testable import ExactCache

@Suite struct ExactCacheTests {
    let folder = TemporaryFolder()

    func open(cap: Int = 32 << 20, _ change: (inout ExactCacheOptions) -> Void = { _ in }) throws -> ExactCache {
        try ExactCache(cacheOptions(folder.path, cap: cap, change))
    }

    @Test func `an answer is served before it is written, after it, and after a restart`() throws {
        var cache = try open { $0.writer.delayMilliseconds = 60_000 }
        var reader = cache.makeReader()
        #expect(reader.body(digest(1)) == nil)
        #expect(cache.put(richRecord(), digest(1)) == nil)
        #expect(cache.statistics.pendingEntries == 1)
        func expectServed() {
            let found = reader.look(up: digest(1), now: noon) { view, bytes in view.record(in: bytes) }
            guard case .fresh(let served) = found else {
                Issue.record("not served")
                return
            }
            #expect(served == richRecord())
        }
        expectServed()
        cache.flush()
        #expect(cache.statistics.pendingEntries == 0 && cache.statistics.entries == 1 && cache.statistics.stored == 1)
        expectServed()
        cache.close()
        #expect(reader.body(digest(1)) == nil, "a closed cache misses")
        #expect(cache.put(record(), digest(2)) == .storeUnavailable)
        cache = try open()
        reader = cache.makeReader()
        #expect(cache.opening.verdict == nil && cache.statistics.entries == 1)
        expectServed()
        #expect(reader.body(digest(2)) == nil)
        cache.close()
    }

    @Test func `a newer answer takes the place of an older one`() throws {
        let cache = try open()
        let reader = cache.makeReader()
        for text in ["one", "two", "three"] {
            cache.put(record(text), digest(1))
            #expect(reader.body(digest(1)) == text)
            if text != "two" { cache.flush() }
        }
        #expect(reader.body(digest(1)) == "three")
        #expect(cache.statistics.entries == 1)
        cache.close()
    }

    @Test func `an entry is served up to its last millisecond and stale after it`() throws {
        let cache = try open()
        let reader = cache.makeReader()
        cache.put(record("x", ttl: 10, stale: 5), digest(1))
        for _ in 0..<2 {
            #expect(reader.body(digest(1), now: WallTime(milliseconds: noon.milliseconds + 9999)) == "x")
            #expect(reader.body(digest(1), now: noon.adding(seconds: 10)) == "stale 0 x")
            #expect(reader.body(digest(1), now: noon.adding(seconds: 14)) == "stale 4 x")
            #expect(reader.body(digest(1), now: noon.adding(seconds: 15)) == nil)
            #expect(reader.body(digest(1), now: noon.adding(seconds: -61)) == nil)
            #expect(reader.contains(digest(1), now: noon) && !reader.contains(digest(1), now: noon.adding(seconds: 15)))
            cache.flush()
        }
        #expect(cache.statistics.badReads == 0)
        cache.close()
    }

    @Test func `an entry at the size cap is stored and one byte more is not`() throws {
        let cache = try open { $0.entryBytesMax = 4096 }
        let overhead = try #require(record("").encoded(for: digest(1))).count
        let fitting = String(repeating: "x", count: 4096 - overhead)
        #expect(cache.put(record(fitting), digest(1)) == nil)
        #expect(cache.put(record(fitting + "x"), digest(2)) == .entryTooLarge)
        #expect(cache.put(record(String(repeating: "x", count: 4097)), digest(3)) == .entryTooLarge)
        cache.flush()
        let reader = cache.makeReader()
        #expect(reader.body(digest(1)) == fitting)
        #expect(reader.body(digest(2)) == nil)
        #expect(cache.statistics.refused[.entryTooLarge] == 2)
        cache.close()
    }

    @Test func `the default cap takes an entry of 256 KiB`() throws {
        let cache = try open()
        let overhead = try #require(record("").encoded(for: digest(1))).count
        #expect(cache.put(record(String(repeating: "x", count: (256 << 10) - overhead)), digest(1)) == nil)
        #expect(cache.put(record(String(repeating: "x", count: (256 << 10) - overhead + 1)), digest(2)) == .entryTooLarge)
        cache.flush()
        #expect(cache.makeReader().contains(digest(1), now: noon))
        cache.close()
    }

    @Test func `a value damaged in the file is a miss, counted and removed`() throws {
        let cache = try open()
        let reader = cache.makeReader()
        let body = String(repeating: "Z", count: 700)
        cache.put(record(body), digest(1))
        cache.put(record("whole"), digest(2))
        cache.flush()
        let places = TestFile.find(Array(body.utf8), in: folder.file("data.mdb"))
        for place in places { TestFile.write([0x59], to: folder.file("data.mdb"), at: place + 300) }
        #expect(!places.isEmpty)
        #expect(reader.body(digest(1)) == nil)
        #expect(reader.body(digest(1)) == nil)
        cache.flush()
        #expect(cache.statistics.badReads == 1 && cache.statistics.removedBad == 1 && cache.statistics.entries == 1)
        #expect(reader.body(digest(2)) == "whole")
        cache.put(record("fresh"), digest(1))
        #expect(reader.body(digest(1)) == "fresh")
        cache.flush()
        #expect(reader.body(digest(1)) == "fresh")
        cache.close()
    }

    @Test func `answers displaced from a full queue are gone and counted`() throws {
        let cache = try open {
            $0.writer.queueEntriesMax = 4
            $0.writer.delayMilliseconds = 60_000
        }
        let reader = cache.makeReader()
        for number in 1...5 as ClosedRange<UInt64> { cache.put(record("\(number)"), digest(number)) }
        #expect(reader.body(digest(1)) == nil)
        for number in 2...5 as ClosedRange<UInt64> { #expect(reader.body(digest(number)) == "\(number)") }
        cache.flush()
        #expect(reader.body(digest(1)) == nil)
        #expect(cache.statistics.entries == 4 && cache.statistics.refused[.queueFull] == 1 && cache.statistics.pendingEntries == 0)
        cache.close()
    }

    @Test func `a damaged store is set aside, and the cache begins anew`() throws {
        var cache = try open()
        for number in 0..<500 as Range<UInt64> { cache.put(record(String(repeating: "q", count: 3000)), digest(number)) }
        cache.close()
        truncate(folder.file("data.mdb"), 200_000)
        cache = try open()
        #expect(cache.opening.damage?.kind == .damaged)
        #expect(cache.opening.quarantinedFile != nil)
        #expect(cache.statistics.entries == 0)
        cache.put(record("new"), digest(1))
        cache.flush()
        #expect(cache.makeReader().body(digest(1)) == "new")
        cache.close()
    }

    @Test func `records of another format are dropped, never misread`() throws {
        let other = StoreOptions(
            schema: StoreSchema(name: "cache", version: ExactCacheOptions.schema.version + 1), databases: CacheStore.databases,
            mapSize: 4 << 20)
        let environment = try StoreEnvironment.open(path: folder.path, options: other)
        let database = environment.database("val")
        try environment.write { transaction throws(StoreError) in
            try transaction.put([1, 2, 3].span, for: digest(1).bytes.span, in: database)
        }
        environment.close()
        let cache = try open()
        #expect(cache.opening.damage?.kind == .schema)
        #expect(cache.makeReader().body(digest(1)) == nil)
        cache.close()
    }

    @Test func `sums that are missing or wrong are counted anew`() throws {
        var cache = try open()
        for number in 0..<100 as Range<UInt64> { cache.put(record("\(number)"), digest(number)) }
        cache.flush()
        let expected = cache.statistics.bytes
        let database = cache.environment.database("sum")
        for wrong in [nil, [1, 2, 3], EvictionState().encoded] as [[UInt8]?] {
            try cache.environment.write { transaction throws(StoreError) in
                if let wrong {
                    try transaction.put(wrong.span, for: Array("state".utf8).span, in: database)
                } else {
                    try transaction.deleteAll(in: database)
                }
            }
            cache.close()
            cache = try open()
            #expect(cache.statistics.entries == 100 && cache.statistics.bytes == expected)
            cache.put(record("again"), digest(5))
            cache.flush()
            #expect(cache.statistics.entries == 100 && cache.makeReader().body(digest(5)) == "again")
            cache.put(record("5"), digest(5))
            cache.flush()
        }
        cache.close()
    }

    @Test func `the cap follows the disk`() {
        let cap = { ExactCacheOptions.effectiveByteCap(configured: $0, free: $1, existing: $2) }
        let unit = 1 << 30
        #expect(cap(nil, 100 * unit, 0) == 8 * unit)
        #expect(cap(nil, 4 * unit, 0) == unit)
        #expect(cap(nil, 3 * unit, unit) == unit)
        #expect(cap(2 * unit, 100 * unit, 0) == 2 * unit)
        #expect(cap(20 * unit, 10 * unit, unit) == 11 * unit)
        #expect(cap(1, 100 * unit, 0) == ExactCacheOptions.byteCapMin)
        #expect(cap(nil, 0, 0) == ExactCacheOptions.byteCapMin)
        #expect(cap(nil, .max, .max) == 8 * unit)
        #expect(ExactCacheOptions.mapSize(for: 8 * unit) == 10 * unit)
        #expect(ExactCacheOptions.mapSize(for: .max) > 0)
    }

    @Test func `every store killed at any moment opens, verifies and serves`() throws {
        let rounds = isLong ? 200 : 20
        var random = SplitMix64(seed: 7)
        for round in 0..<rounds {
            let child = try #require(ChildProcess(["write-cache", folder.path, "\(round)"]))
            #expect(child.line() == "open sound", "round \(round)")
            var flushed: [Digest256] = []
            for _ in 0..<Int.random(in: 0...100, using: &random) {
                guard let line = child.line() else { break }
                flushed += line.split(separator: " ").dropFirst(2).compactMap { Digest256(hex: String($0)) }
            }
            child.kill()
            // On a busy machine it has written on meanwhile, and evicted or purged what was flushed when this process looked last.
            while let line = child.line() {
                flushed += line.split(separator: " ").dropFirst(2).compactMap { Digest256(hex: String($0)) }
            }
            let cache = try ExactCache(cacheOptions(folder.path, cap: 4 << 20))
            #expect(cache.opening.damage == nil, "round \(round)")
            #expect(CacheTortureExpectation.holds(cache), "round \(round)")
            // What was flushed just before the kill was neither purged nor evicted yet.
            if let last = flushed.last, flushed.count % 64 > 1 {
                #expect(cache.makeReader().contains(last, now: cache.clock.time(at: .now())), "round \(round)")
            }
            cache.close()
        }
    }

    @Test(.enabled(if: SmallDisk.isPossible, "needs root and mount"))
    func `a full disk loses answers and nothing else, and writing resumes`() throws {
        let disk = try #require(SmallDisk(megabytes: 6, at: folder.path))
        let cache = try ExactCache(
            cacheOptions(folder.path, cap: 4 << 20) {
                $0.writer.delayMilliseconds = 1
                $0.writer.tickMilliseconds = 20
                $0.writer.backoffMillisecondsMax = 2000
            })
        let reader = cache.makeReader()
        cache.put(record("before"), digest(0))
        cache.flush()
        disk.fill()
        var number: UInt64 = 1
        while cache.statistics.writer.failures.isEmpty, number < 5000 {
            #expect(cache.put(record(String(repeating: "f", count: 8000)), digest(number)) == nil)
            number += 1
            if number % 50 == 0 { cache.flush() }
        }
        #expect(!cache.statistics.writer.failures.isEmpty)
        #expect(cache.statistics.writer.isBackingOff)
        #expect(reader.body(digest(0)) == "before")
        #expect(cache.put(record("during"), digest(1_000_000)) == nil)
        #expect(reader.body(digest(1_000_000)) == "during")
        disk.free()
        let start = MonotonicTime.now()
        while cache.statistics.pendingEntries > 0, MonotonicTime.now().nanoseconds(since: start) < 5_000_000_000 { usleep(5000) }
        #expect(cache.statistics.pendingEntries == 0, "writing must resume within 5 s")
        #expect(reader.body(digest(1_000_000)) == "during")
        cache.close()
        #expect(CacheCheck.run(path: folder.path, isQuick: false).verdict == .sound)
    }
}

/// What must hold in any cache that was killed: each record belongs to one place of the order, and the sums are those of the order.
enum CacheTortureExpectation {
    static func holds(_ cache: ExactCache) -> Bool {
        let store = CacheStore(cache.environment)
        let reader = cache.environment.makeReader()
        var places: [UInt64: Digest256] = [:]
        var cost = 0
        let none: [UInt8] = []
        reader.forEach(in: store.order, from: none.span) { key, value in
            guard let place = OrderEntry(key: key, value: value) else { return false }
            places[place.sequence] = place.digest
            cost += place.cost
            return true
        }
        var isRight = places.count == cache.statistics.entries && cost == cache.statistics.bytes
        var records = 0
        reader.forEach(in: store.records, from: none.span) { key, value in
            records += 1
            guard let digest = Digest256(bytes: key), let view = CacheRecordView(value, digest: digest) else {
                isRight = false
                return false
            }
            isRight = isRight && places[view.sequence] == digest
            return true
        }
        return isRight && records == places.count
    }
}

/// A small file system that can be full. Needs root.
final class SmallDisk {
    private let path: String

    static var isPossible: Bool {
        guard geteuid() == 0 else { return false }
        let folder = TemporaryFolder()
        guard let disk = SmallDisk(megabytes: 1, at: folder.path) else { return false }
        withExtendedLifetime(disk) {}
        return true
    }

    init?(megabytes: Int, at path: String) {
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else { return nil }
        self.path = path
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    /// Takes all the space but a little.
    func fill() {
        let descriptor = open(path + "/ballast", O_WRONLY | O_CREAT, 0o600)
        let block = [UInt8](repeating: 1, count: 64 << 10)
        while write(descriptor, block, block.count) == block.count {}
        close(descriptor)
    }

    func free() { unlink(path + "/ballast") }
}
