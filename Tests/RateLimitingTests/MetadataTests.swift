import GatewayModel
import Synchronization
import TestSupport
import Testing

@testable import RateLimiting

@Suite struct MetadataTests {
    private static func perUser(_ amount: Int64) -> Limit {
        Limit(measure: .requests, selector: .metadata("user"), amount: amount, window: .bucket(nanoseconds: 3600 * second))
    }

    private static func value(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func family(
        _ registry: LimitRegistry, _ now: LimitTime, amount: Int64 = 2, scope: LimitScope = .tenant("t"), tenant: String? = nil
    )
        -> MetadataFamily
    {
        registry.bind([MetadataTests.perUser(amount)], scope: scope, tenant: tenant, now).families[0]
    }

    @Test func `each value has its own buckets, absence is one value`() {
        let time = ManualTime()
        let users = family(LimitRegistry(), time.now)
        for user in ["alice", "bob", ""] {
            let limits = users.limits(for: MetadataTests.value(user).span, time.now)
            #expect(
                isAdmitted(limits.requests, time.now) && isAdmitted(limits.requests, time.now) && !isAdmitted(limits.requests, time.now))
            #expect(users.limits(for: MetadataTests.value(user).span, time.now) === limits)
        }
        #expect(users.limits(for: nil, time.now) === users.limits(for: nil, time.now))
        #expect(isAdmitted(users.limits(for: nil, time.now).requests, time.now))
        #expect(users.valuesCount == 3)
    }

    @Test func `values up to the cap have their own buckets, the one after shares the overflow bucket`() {
        let time = ManualTime()
        let registry = LimitRegistry(valuesMax: 100)
        let users = family(registry, time.now)
        var all: [BoundLimits] = []
        for user in 0..<100 {
            let limits = users.limits(for: MetadataTests.value("\(user)").span, time.now)
            #expect(isAdmitted(limits.requests, time.now))
            all.append(limits)
        }
        #expect(users.valuesCount == 100)
        let overflow = users.limits(for: MetadataTests.value("100").span, time.now)
        #expect(!all.contains { $0 === overflow })
        for other in 101..<1_000_000 where other % 997 == 0 {
            #expect(users.limits(for: MetadataTests.value("\(other)").span, time.now) === overflow)
        }
        #expect(users.valuesCount == 100)
        // Those who are in stay in.
        #expect(users.limits(for: MetadataTests.value("7").span, time.now) === all[7])
        // The cap is the tenant's: a key of the same tenant has none left, another tenant has.
        let ofKey = family(registry, time.now, scope: .key("k"), tenant: "t")
        #expect(ofKey.limits(for: MetadataTests.value("a").span, time.now) === ofKey.limits(for: MetadataTests.value("b").span, time.now))
        let ofOther = family(registry, time.now, scope: .tenant("u"))
        #expect(
            ofOther.limits(for: MetadataTests.value("a").span, time.now) !== ofOther.limits(for: MetadataTests.value("b").span, time.now))
    }

    @Test func `a full bucket gives way, a spent one or one in use does not`() {
        var time = ManualTime()
        let users = family(LimitRegistry(valuesMax: 3), time.now)
        for user in ["a", "b", "c"] { #expect(isAdmitted(users.limits(for: MetadataTests.value(user).span, time.now).requests, time.now)) }
        let overflow = users.limits(for: MetadataTests.value("d").span, time.now)
        time.advance(seconds: 3600)
        // All three are full again, but someone has the limits of each in hand, or only copied them out to charge them.
        let held = ["a", "b", "c"].map { users.limits(for: MetadataTests.value($0).span, time.now) }
        #expect(users.limits(for: MetadataTests.value("d").span, time.now) === overflow)
        withExtendedLifetime(held) {}
    }

    @Test func `a bucket that someone copied out to charge does not give way`() {
        var time = ManualTime()
        let users = family(LimitRegistry(valuesMax: 3), time.now)
        let copied = ["a", "b", "c"].map { users.limits(for: MetadataTests.value($0).span, time.now).requests[0] }
        let overflow = users.limits(for: [UInt8](repeating: 1, count: 257).span, time.now)
        time.advance(seconds: 3600)
        for _ in 0..<3 { #expect(users.limits(for: MetadataTests.value("d").span, time.now) === overflow) }
        #expect(isAdmitted(copied, time.now))
        #expect(users.limits(for: MetadataTests.value("a").span, time.now).requests[0].remaining(time.now) == 1)
    }

    @Test func `an unused value makes room for a new one and is counted anew when it returns`() {
        var time = ManualTime()
        let users = family(LimitRegistry(valuesMax: 3), time.now)
        for user in ["a", "b", "c"] { #expect(isAdmitted(users.limits(for: MetadataTests.value(user).span, time.now).requests, time.now)) }
        time.advance(seconds: 3600)
        for user in ["b", "c"] { #expect(isAdmitted(users.limits(for: MetadataTests.value(user).span, time.now).requests, time.now)) }
        let overflow = users.limits(for: MetadataTests.value(String(repeating: "x", count: 257)).span, time.now)
        #expect(isAdmitted(users.limits(for: MetadataTests.value("d").span, time.now).requests, time.now))
        #expect(users.limits(for: MetadataTests.value("d").span, time.now) !== overflow)
        #expect(users.limits(for: MetadataTests.value("a").span, time.now) === overflow)
        for user in ["b", "c", "d"] {
            #expect(users.limits(for: MetadataTests.value(user).span, time.now).requests[0].remaining(time.now) == 1)
        }
    }

    @Test func `a value of 256 bytes has its own bucket, one more shares the overflow bucket`() {
        let time = ManualTime()
        let users = family(LimitRegistry(), time.now)
        let longest = users.limits(for: [UInt8](repeating: 1, count: 256).span, time.now)
        let longer = users.limits(for: [UInt8](repeating: 1, count: 257).span, time.now)
        #expect(longest !== longer && users.valuesCount == 1)
        #expect(users.limits(for: [UInt8](repeating: 2, count: 300).span, time.now) === longer)
    }

    @Test func `a reload changes every value's limits and refills none`() {
        let time = ManualTime()
        let registry = LimitRegistry()
        let users = family(registry, time.now, amount: 5)
        let before = users.limits(for: MetadataTests.value("a").span, time.now)
        for _ in 0..<4 { #expect(isAdmitted(before.requests, time.now)) }
        #expect(family(registry, time.now, amount: 7) === users)
        let after = users.limits(for: MetadataTests.value("a").span, time.now)
        #expect(after !== before && after.requests[0].remaining(time.now) == 3 && before.requests[0].remaining(time.now) == 3)
        // Without the limit nothing is made; with it again nothing was forgotten.
        _ = registry.bind([], scope: .tenant("t"), time.now)
        #expect(users.limits(for: MetadataTests.value("a").span, time.now).isEmpty)
        #expect(users.limits(for: MetadataTests.value("new").span, time.now).isEmpty && users.valuesCount == 1)
        let again = family(registry, time.now, amount: 5).limits(for: MetadataTests.value("a").span, time.now)
        #expect(again.requests[0].remaining(time.now) == 1)
    }

    @Test func `a sweep lets unused values go and keeps the others`() {
        var time = ManualTime()
        let registry = LimitRegistry()
        let users = family(registry, time.now)
        for user in 0..<1000 { _ = admit(users.limits(for: MetadataTests.value("\(user)").span, time.now).requests, time.now) }
        registry.sweep(time.now)
        #expect(users.valuesCount == 1000)
        time.advance(seconds: 1800)
        for user in 0..<10 { _ = admit(users.limits(for: MetadataTests.value("\(user)").span, time.now).requests, time.now) }
        registry.sweep(time.now)
        #expect(users.valuesCount == 10)
        for user in 0..<10 {
            #expect(users.limits(for: MetadataTests.value("\(user)").span, time.now).requests[0].remaining(time.now) == 1)
        }
        time.advance(seconds: 1800)
        registry.sweep(time.now)
        #expect(users.valuesCount == 0)
    }

    @Test func `the table equals a dictionary under any order of insertions and removals`() {
        var random = SplitMix64(seed: 8)
        var table = ValueTable()
        var expected: Set<[UInt8]> = []
        for _ in 0..<30_000 {
            let value = Array("\(Int.random(in: 0..<300, using: &random))".utf8)
            // Few hashes, so that they collide.
            let hash = Int(value.reduce(0) { $0 &+ $1 }) % 16
            let position = table.position(of: value.span, hash: hash)
            #expect((position != nil) == expected.contains(value))
            if let position {
                guard Bool.random(using: &random) else { continue }
                table.remove(at: position)
                expected.remove(value)
            } else {
                _ = table.insert(value, hash: hash)
                expected.insert(value)
            }
            #expect(table.count == expected.count)
        }
    }

    @Test func `eight threads that bring a thousand values each stay within the cap and within every bucket`() {
        let time = ManualTime()
        let users = family(LimitRegistry(valuesMax: 500), time.now, amount: 3)
        let counts = (0..<1000).map { _ in Counter() }
        let others = Counter()
        let overflow = users.limits(for: [UInt8](repeating: 1, count: 300).span, time.now)
        onThreads(8) { thread in
            var random = SplitMix64(seed: UInt64(thread))
            for _ in 0..<8000 {
                let user = Int.random(in: 0..<1000, using: &random)
                let limits = users.limits(for: Array("\(user)".utf8).span, time.now)
                if isAdmitted(limits.requests, time.now) { (limits === overflow ? others : counts[user]).add() }
            }
        }
        #expect(users.valuesCount == 500)
        #expect(others.value == 3)
        #expect(counts.allSatisfy { $0.value <= 3 } && counts.count { $0.value == 3 } >= 490)
    }

    private final class Counter: Sendable {
        private let count = Atomic<Int>(0)
        func add() { count.wrappingAdd(1, ordering: .relaxed) }
        var value: Int { count.load(ordering: .relaxed) }
    }
}
