import GatewayModel
import Hashing
import TestSupport
import Testing

@testable import Tenants

@Suite struct KeyTableTests {
    private let pepper = Pepper(bytes: [UInt8](repeating: 7, count: 32))

    private func secret(_ number: UInt64) -> String {
        var random = SplitMix64(seed: number)
        return KeyFormat.key(from: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }) ?? ""
    }

    private func key(_ number: UInt64, tenant: String = "acme", _ change: (inout VirtualKey) -> Void = { _ in }) -> VirtualKey {
        var key = VirtualKey(id: "key_\(number)", verifier: pepper.verifier(of: secret(number)), hint: "", tenant: tenant, created: .test)
        change(&key)
        return key
    }

    private func table(_ keys: [VirtualKey], tenants: [Tenant] = [Tenant(id: "acme")], isComplete: Bool = true) -> KeyTable {
        KeyTable(KeyTable.Contents(tenants: tenants, keys: keys, isComplete: isComplete), authenticator: pepper.authenticator)
    }

    // MARK: Who

    @Test func `a key with one character changed at any position is unknown`() {
        let table = table([key(1)])
        let good = bytes(secret(1))
        #expect(table.authenticate(good).value?.tenant == TenantIndex(rawValue: 0))
        for index in good.indices {
            for byte in [good[index] ^ 1, good[index] ^ 0x20, 0, 0xFF] where byte != good[index] {
                var bad = good
                bad[index] = byte
                #expect(table.authenticate(bad).failure == .invalidKey)
            }
        }
    }

    @Test func `nothing but the whole key lets anybody in`() {
        let table = table([key(1)])
        let good = bytes(secret(1))
        #expect(table.authenticate("").failure == .missingKey)
        #expect(table.authenticate("wk_").failure == .invalidKey)
        #expect(table.authenticate(good + [0x20]).failure == .invalidKey)
        #expect(table.authenticate(Array(good.dropLast())).failure == .invalidKey)
        #expect(table.authenticate([UInt8](repeating: 0x41, count: 1 << 20)).failure == .invalidKey)
        #expect(table.authenticate("wk_ключ").failure == .invalidKey)
        #expect(table.authenticate(bytes(key(1).verifier.digest.hex)).failure == .invalidKey)
    }

    @Test func `the stand-in for malformed keys is no key itself`() {
        let decoy = String(repeating: "A", count: KeyFormat.byteCount)
        let table = table([VirtualKey(id: "k", verifier: pepper.verifier(of: decoy), hint: "", tenant: "acme", created: .test)])
        #expect(table.authenticate("anything").failure == .invalidKey)
        #expect(table.authenticate(decoy).failure == .invalidKey)
    }

    @Test func `every one of many keys is found and no other`() {
        let table = table((0..<2000).map { key($0) })
        for number in UInt64(0)..<2000 {
            #expect(table.authenticate(secret(number)).value?.key == UInt32(number))
            #expect(table.authenticate(secret(number + 1_000_000)).failure == .invalidKey)
        }
    }

    @Test func `a key under another pepper is unknown`() {
        let other = Pepper(bytes: [UInt8](repeating: 8, count: 32))
        let table = table([VirtualKey(id: "k", verifier: other.verifier(of: secret(1)), hint: "", tenant: "acme", created: .test)])
        #expect(table.authenticate(secret(1)).failure == .invalidKey)
    }

    @Test func `a key known by its plain hash is found beside keyed ones`() {
        let raw = bytes(secret(2))
        let plain = VirtualKey(id: "yaml", verifier: .sha256(SHA256.digest(of: raw.span)), hint: "", tenant: "acme", created: .test)
        let table = table([key(1), plain])
        #expect(table.authenticate(secret(1)).value?.key == 0)
        #expect(table.authenticate(secret(2)).value?.key == 1)
        #expect(table.authenticate(secret(3)).failure == .invalidKey)
    }

    @Test func `a keyed hash is not taken for a plain one`() {
        let raw = bytes(secret(1))
        let wrong = VirtualKey(id: "k", verifier: .hmac(SHA256.digest(of: raw.span)), hint: "", tenant: "acme", created: .test)
        #expect(table([wrong]).authenticate(secret(1)).failure == .invalidKey)
    }

    @Test func `an unreadable store is 503 for an unknown key and never 401`() {
        let table = table([key(1)], isComplete: false)
        #expect(table.authenticate(secret(2)).failure == .storeUnavailable)
        #expect(table.authenticate(secret(1)).value != nil)
        #expect(AuthenticationFailure.storeUnavailable.error.status == 503)
        #expect(AuthenticationFailure.storeUnavailable.error.retryAfterSeconds != nil)
    }

    // MARK: Whether it holds

    @Test func `a key holds until its last millisecond`() {
        let end = WallTime(milliseconds: 2_000_000_000_000)
        let table = table([key(1) { $0.expires = end }])
        #expect(table.authenticate(secret(1), now: WallTime(milliseconds: end.milliseconds - 1)).value != nil)
        #expect(table.authenticate(secret(1), now: end).failure == .keyExpired)
        #expect(table.authenticate(secret(1), now: WallTime(milliseconds: .max)).failure == .keyExpired)
    }

    @Test func `disabled, revoked and switched-off tenants have codes of their own`() {
        let tenants = [Tenant(id: "acme"), Tenant(id: "gone", isDisabled: true)]
        let table = table(
            [key(1) { $0.isDisabled = true }, key(2) { $0.revoked = .test }, key(3, tenant: "gone")], tenants: tenants)
        #expect(table.authenticate(secret(1)).failure == .keyDisabled)
        #expect(table.authenticate(secret(2)).failure == .keyRevoked)
        #expect(table.authenticate(secret(3)).failure == .tenantDisabled)
    }

    @Test func `a rotated secret holds during the overlap and is unknown afterwards`() {
        let until = WallTime.test.adding(seconds: 60)
        let rotated = key(2) { $0.previous = VirtualKey.Previous(verifier: self.key(1).verifier, until: until) }
        let table = table([rotated])
        #expect(table.authenticate(secret(2)).value?.key == 0)
        #expect(table.authenticate(secret(1)).value?.key == 0)
        #expect(table.authenticate(secret(1), now: WallTime(milliseconds: until.milliseconds - 1)).value != nil)
        #expect(table.authenticate(secret(1), now: until).failure == .invalidKey)
        #expect(table.authenticate(secret(2), now: until).value != nil)
    }

    @Test func `an overlap does not outlive the key`() {
        let end = WallTime.test.adding(seconds: 10)
        let rotated = key(2) {
            $0.expires = end
            $0.previous = VirtualKey.Previous(verifier: self.key(1).verifier, until: .test.adding(seconds: 60))
        }
        #expect(table([rotated]).authenticate(secret(1), now: end).failure == .keyExpired)
    }

    @Test func `a key with addresses holds from nowhere else, an unknown address included`() throws {
        let addresses = try AddressList(["10.0.0.0/8", "2001:db8::/32"])
        let table = table([key(1) { $0.addresses = addresses }])
        #expect(table.authenticate(secret(1), address: IPAddress("10.9.9.9")).value != nil)
        #expect(table.authenticate(secret(1), address: IPAddress("::ffff:10.9.9.9")).value != nil)
        #expect(table.authenticate(secret(1), address: IPAddress("2001:db8::5")).value != nil)
        #expect(table.authenticate(secret(1), address: IPAddress("11.0.0.0")).failure == .addressNotAllowed)
        #expect(table.authenticate(secret(1), address: nil).failure == .addressNotAllowed)
    }

    @Test func `a key of a tenant that does not exist is unknown`() {
        #expect(table([key(1, tenant: "nobody")]).authenticate(secret(1)).failure == .invalidKey)
    }

    @Test func `failures have the statuses of the wire contract and name nobody`() {
        for failure in AuthenticationFailure.allCases {
            #expect([401, 403, 503].contains(failure.error.status))
            #expect(failure.error.code == failure.rawValue)
            #expect(!failure.error.message.contains("acme"))
        }
        #expect(AuthenticationFailure.addressNotAllowed.status == 403)
        #expect(AuthenticationFailure.keyExpired.status == 401)
    }

    // MARK: Tenant indexes and scopes

    @Test func `tenants that are gone leave nothing in the table`() {
        let tenants = [Tenant(id: "c"), Tenant(id: "b"), Tenant(id: "c")]
        let table = table([key(1, tenant: "gone"), key(2, tenant: "b")], tenants: tenants)
        #expect(table.tenants.map(\.id) == ["c", "b"] && table.scopes.count == 2 && table.tenantCount == 2)
        #expect(table.index(ofTenant: "gone") == nil && table.index(ofTenant: "b") == TenantIndex(rawValue: 1))
        #expect(table.authenticate(bytes(secret(2))).value?.tenant == TenantIndex(rawValue: 1))
        #expect(table.authenticate(bytes(secret(1))).failure == .invalidKey)
    }

    @Test func `only members of a share have its scope, and leaving it ends that at once`() {
        let share = CacheShare(name: "team", tenants: ["a", "b", "absent"])
        let tenants = [Tenant(id: "a"), Tenant(id: "b"), Tenant(id: "team")]
        let shared = KeyTable(KeyTable.Contents(tenants: tenants, shares: [share]), authenticator: pepper.authenticator)
        #expect(shared.scopes[0] == shared.scopes[1])
        #expect(shared.scopes[0].isShared)
        // A tenant that is called like the share is not in it.
        #expect(shared.scopes[2].name != shared.scopes[0].name)
        #expect(shared.scopes[2].salt != shared.scopes[0].salt)
        let after = KeyTable(KeyTable.Contents(tenants: tenants), authenticator: pepper.authenticator)
        #expect(after.scopes[0] != after.scopes[1])
    }

    // MARK: What it may use

    @Test func `a key narrows its tenant and never widens it`() throws {
        let tenant = Tenant(
            id: "acme", models: try ScopedPatternList(["gpt-*"], of: .model), providers: try PatternList(["openai", "azure-openai"]))
        let narrow = key(1)
        let wide = try ScopedPatternList(["*"], of: .model)
        let table = table(
            [narrow, key(2) { $0.models = wide }, key(3) { $0.models = (try? ScopedPatternList(["openai/gpt-4o"], of: .model)) ?? wide }],
            tenants: [tenant])
        let identities = try (1...3).map { try #require(table.authenticate(secret($0)).value) }
        #expect(table.permits(identities[0], model: "gpt-4o") == nil)
        #expect(table.permits(identities[1], model: "o3")?.code == "model_not_allowed")
        #expect(table.permits(identities[1], model: "gpt-4o", provider: "groq")?.code == "provider_not_allowed")
        #expect(table.permits(identities[2], model: "gpt-4o", provider: "openai") == nil)
        #expect(table.permits(identities[2], model: "gpt-4o", provider: "azure-openai")?.code == "model_not_allowed")
        #expect(table.permits(identities[0], model: "") == nil)
        let refusal = try #require(table.permits(identities[0], model: "o3"))
        #expect(refusal.status == 403)
        #expect(refusal.param == "model")
    }

    @Test func `a path beyond the listed operations needs the tenant's grant, which a key can't give itself`() throws {
        let grants = try ScopedPatternList(["openai/v1/files*"], of: .path)
        let everything = try ScopedPatternList(["*"], of: .path)
        let table = table(
            [
                key(1), key(2, tenant: "none") { $0.paths = everything },
                key(3) { $0.paths = (try? ScopedPatternList(["/v1/chat/*"], of: .path)) ?? everything },
            ],
            tenants: [Tenant(id: "acme", pathGrants: grants), Tenant(id: "none")])
        let identities = try (1...3).map { try #require(table.authenticate(secret($0)).value) }
        #expect(table.permits(identities[0], path: "/v1/files/f-1", isPathGranted: false) == nil)
        #expect(table.permits(identities[0], provider: "mistral", path: "/v1/files/f-1", isPathGranted: false)?.code == "path_not_allowed")
        #expect(table.permits(identities[1], path: "/v1/files/f-1", isPathGranted: false)?.code == "path_not_allowed")
        #expect(table.permits(identities[2], path: "/v1/files/f-1", isPathGranted: false)?.code == "path_not_allowed")
        #expect(table.permits(identities[2], path: "/v1/chat/completions", isPathGranted: true) == nil)
        #expect(table.permits(identities[2], path: "/v1/embeddings", isPathGranted: true)?.code == "path_not_allowed")
    }

    // MARK: Guessing

    @Test func `the 601st failure of a minute is slowed down and other addresses are not`() throws {
        var throttle = AuthenticationThrottle(failuresPerMinuteMax: 600)
        let (guesser, other) = (try #require(IPAddress("203.0.113.5")), try #require(IPAddress("203.0.113.6")))
        let start = MonotonicTime(nanoseconds: 1_000_000_000_000)
        let first = (0..<601).map { _ in throttle.recordFailure(from: guesser, now: start) }
        #expect(first == [Bool](repeating: false, count: 600) + [true])
        let later = [
            throttle.recordFailure(from: other, now: start), throttle.recordFailure(from: guesser, now: start.adding(milliseconds: 200)),
            throttle.recordFailure(from: guesser, now: start.adding(milliseconds: 200)),
        ]
        #expect(later == [false, false, true])
    }

    @Test func `addresses of one IPv6 network count as one`() throws {
        var throttle = AuthenticationThrottle(failuresPerMinuteMax: 2)
        let now = MonotonicTime(nanoseconds: 1)
        let results = try ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"].map {
            throttle.recordFailure(from: try #require(IPAddress($0)), now: now)
        }
        #expect(results == [false, false, true, false])
    }

    @Test func `IPv4 clients of a dual-stack socket are counted one by one`() throws {
        var throttle = AuthenticationThrottle(failuresPerMinuteMax: 1)
        let now = MonotonicTime(nanoseconds: 5)
        let failures = try ["::ffff:1.2.3.4", "::ffff:1.2.3.5", "1.2.3.4"].map {
            throttle.recordFailure(from: try #require(IPAddress($0)), now: now)
        }
        #expect(failures == [false, false, true])
    }

    @Test func `a limit that was raised counts at once`() throws {
        var throttle = AuthenticationThrottle(failuresPerMinuteMax: 1)
        let (address, now) = (try #require(IPAddress("1.2.3.4")), MonotonicTime(nanoseconds: 5))
        let before = (0..<2).map { _ in throttle.recordFailure(from: address, now: now) }
        throttle.failuresPerMinuteMax = 3
        let after = (0..<2).map { _ in throttle.recordFailure(from: address, now: now) }
        #expect(before == [false, true] && after == [false, true])
    }

    @Test func `a flood of addresses does not grow the table`() {
        var throttle = AuthenticationThrottle(failuresPerMinuteMax: 1, addressesMax: 8)
        for value in UInt32(0)..<10_000 { _ = throttle.recordFailure(from: IPAddress(ipv4: value), now: MonotonicTime(nanoseconds: 5)) }
        // Each is new to the table or shares a slot that is full: the answer is either, and nothing traps.
        let again = throttle.recordFailure(from: IPAddress(ipv4: 9999), now: MonotonicTime(nanoseconds: 5))
        #expect(again)
    }
}
