import ExactCacheTrial
import GatewayModel
import TestSupport
import Testing

@testable import ExactCache

@Suite struct CacheRecordTests {
    @Test func `every part of a record comes back`() throws {
        for original in [record(), richRecord()] {
            let bytes = try #require(original.encoded(for: digest(1)))
            let view = try #require(readView(bytes, digest(1)))
            let copy = view.record(in: bytes.span)
            #expect(copy == original)
            #expect(view.isStream == original.isStream && view.hasToolCalls == original.hasToolCalls)
            let finishReason = view.text(view.finishReasonRange, in: bytes.span)
            #expect(finishReason == original.finishReason)
        }
    }

    @Test func `a record under another digest is bad`() throws {
        let bytes = try #require(record().encoded(for: digest(1)))
        #expect(readView(bytes, digest(2)) == nil)
    }

    @Test func `a record with any bit flipped is bad`() throws {
        let bytes = try #require(richRecord().encoded(for: digest(1)))
        // The sequence is the writer's and compared with the order instead.
        for index in bytes.indices where !(CacheRecordLayout.sequenceAt..<CacheRecordLayout.checksumAt).contains(index) {
            for bit in 0..<8 as Range<UInt8> {
                var flipped = bytes
                flipped[index] ^= 1 << bit
                #expect(readView(flipped, digest(1)) == nil, "byte \(index)")
            }
        }
    }

    @Test func `a record of any other length is bad`() throws {
        let bytes = try #require(richRecord().encoded(for: digest(1)))
        for count in 0..<bytes.count {
            #expect(readView(Array(bytes.prefix(count)), digest(1)) == nil, "\(count) bytes")
        }
        #expect(readView(bytes + [0], digest(1)) == nil)
    }

    @Test func `a record of another version is bad though its checksum holds`() throws {
        var bytes = try #require(record().encoded(for: digest(1)))
        bytes[CacheRecordLayout.versionAt] += 1
        CacheRecordLayout.seal(&bytes)
        #expect(readView(bytes, digest(1)) == nil)
    }

    @Test func `random bytes under a right checksum never trap`() {
        var random = SplitMix64(seed: 3)
        var readable = 0
        for _ in 0..<50_000 {
            var changed = CacheRecordTrial.seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                changed[Int.random(in: 0..<changed.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Int.random(in: 0...9, using: &random) == 0 { changed.removeLast(Int.random(in: 0...changed.count, using: &random)) }
            if CacheRecordTrial.run(changed) { readable += 1 }
        }
        #expect(readable > 1000 && readable < 49_000)
    }

    @Test func `texts of 65,535 bytes are taken and longer ones refused`() {
        for (count, isTaken) in [(65535, true), (65536, false)] {
            let text = String(repeating: "x", count: count)
            #expect((record(tenant: text).encoded(for: digest(1)) != nil) == isTaken)
            #expect((record(namespace: text).encoded(for: digest(1)) != nil) == isTaken)
            var fields = record()
            fields.fields = [CacheField("x", text)]
            #expect((fields.encoded(for: digest(1)) != nil) == isTaken)
        }
    }

    @Test func `a usage event outside the body is refused`() {
        var bad = record("12345")
        bad.usageEventRange = 2..<5
        #expect(bad.encoded(for: digest(1)) != nil)
        bad.usageEventRange = 2..<6
        #expect(bad.encoded(for: digest(1)) == nil)
        bad.usageEventRange = -1..<2
        #expect(bad.encoded(for: digest(1)) == nil)
    }

    @Test func `the checked file records are those the check refuses when they are cut`() throws {
        let bytes = try #require(record().encoded(for: digest(1)))
        let key = digest(1).bytes
        #expect(holds("val", key, bytes))
        #expect(!holds("val", digest(2).bytes, bytes))
        #expect(!holds("val", Array(key.prefix(31)), bytes))
        #expect(!holds("ord", key, bytes))
        #expect(!holds("sum", key, bytes))
        #expect(holds("sum", key, EvictionState().encoded))
    }
}

@Suite struct CacheFreshnessTests {
    func judge(age: Int64, ttl: UInt32 = 10, stale: UInt32 = 5) -> CacheFreshness {
        CacheFreshness(created: noon, ttlSeconds: ttl, staleSeconds: stale, now: WallTime(milliseconds: noon.milliseconds + age))
    }

    @Test func `an entry ends with its last millisecond`() {
        #expect(judge(age: 0) == .fresh)
        #expect(judge(age: 9999) == .fresh)
        #expect(judge(age: 10_000) == .stale(secondsBeyond: 0))
        #expect(judge(age: 10_001) == .stale(secondsBeyond: 0))
        #expect(judge(age: 11_000) == .stale(secondsBeyond: 1))
        #expect(judge(age: 14_999) == .stale(secondsBeyond: 4))
        #expect(judge(age: 15_000) == .expired)
        #expect(judge(age: 10_000, stale: 0) == .expired)
        #expect(judge(age: 0, ttl: 0, stale: 0) == .expired)
    }

    @Test func `an entry made over a minute in the future is expired`() {
        #expect(judge(age: -60_000) == .fresh)
        #expect(judge(age: -60_001) == .expired)
        #expect(judge(age: -3_600_000) == .expired)
    }

    @Test func `the ends of time do not trap`() {
        let (first, last) = (WallTime(milliseconds: .min), WallTime(milliseconds: .max))
        #expect(CacheFreshness(created: first, ttlSeconds: .max, staleSeconds: .max, now: last) == .expired)
        #expect(CacheFreshness(created: last, ttlSeconds: .max, staleSeconds: .max, now: first) == .expired)
    }

    @Test func `age and what is left are whole seconds`() throws {
        let bytes = try #require(record(ttl: 100).encoded(for: digest(1)))
        let view = try #require(readView(bytes, digest(1)))
        #expect(view.ageSeconds(now: noon.adding(seconds: 30)) == 30)
        #expect(view.secondsLeft(now: noon.adding(seconds: 30)) == 70)
        #expect(view.secondsLeft(now: noon.adding(seconds: 142)) == -42)
        #expect(view.ageSeconds(now: noon.adding(seconds: -30)) == 0)
    }
}
