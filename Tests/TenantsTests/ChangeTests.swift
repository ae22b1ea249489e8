import GatewayModel
import JSON
import Testing

@testable import Tenants

@Suite struct ChangeTests {
    private func key(_ json: String) throws -> KeyChange {
        let raw = bytes(json)
        return try KeyChange(try JSONValue(parsing: raw.span), now: .test)
    }

    private func tenant(_ json: String) throws -> TenantChange {
        let raw = bytes(json)
        return try TenantChange(try JSONValue(parsing: raw.span))
    }

    @Test(arguments: ["role", "tenant", "tenant_id", "budget", "id", "verifier", "created", "revoked", "managed_by", "hint", "isDisabled"])
    func `a field that was not offered can't be assigned`(_ name: String) {
        let error = #expect(throws: KeyStoreError.self) { try key("{\"label\":\"x\",\"\(name)\":\"admin\"}") }
        #expect(error?.code == .invalidValue)
        #expect(error?.field == name)
    }

    @Test func `a tenant's change takes no id, no salt and no foreign cache field`() {
        for json in [
            "{\"id\":\"x\"}", "{\"salt\":\"x\"}", "{\"cache\":{\"share\":\"x\"}}", "{\"managed_by\":\"config\"}", "[]", "3",
            "{\"cache\":1}",
        ] {
            #expect(throws: KeyStoreError.self) { try tenant(json) }
        }
    }

    @Test func `only what is given changes, and null resets`() throws {
        var changed = VirtualKey(
            id: "key_a", verifier: .hmac(Digest256(words: (1, 1, 1, 1))), hint: "abcd", tenant: "t", label: "old", created: .test,
            expires: .test.adding(seconds: 9), models: try ScopedPatternList(["a"], of: .model))
        let before = changed
        try key("{}").apply(to: &changed)
        #expect(changed == before)
        try key(#"{"expires":null,"models":null,"disabled":true,"allow_ip":["10.0.0.0/8"],"metadata":{"a":1}}"#).apply(to: &changed)
        #expect(changed.expires == nil)
        #expect(changed.models.isEmpty)
        #expect(changed.isDisabled)
        #expect(changed.addresses.texts == ["10.0.0.0/8"])
        #expect(changed.metadata["a"] == .number("1"))
        #expect(changed.label == "old")
        try key(#"{"expires":"30d","label":null}"#).apply(to: &changed)
        #expect(changed.expires == WallTime.test.adding(seconds: 30 * 86_400))
        #expect(changed.label.isEmpty)
    }

    @Test func `a tenant is read back as it is listed`() throws {
        let json = """
            {"provider_keys":"either","client_key_fallback":true,"models":["gpt-*"],"providers":["openai"],"paths":["/v1/files*"],"in_flight_max":5,\
            "cache":{"enabled":false,"ttl":60,"namespace":"n","custom_keys":false},"limits":{"requests":"9/1m","budgets":[{"cost":5,"per":"month"}]},"custom_cost":true,"semantic":{"enabled":false},"metadata":{"a":"b"},"disabled":true}
            """
        var changed = Tenant(id: "acme")
        try tenant(json).apply(to: &changed)
        #expect(changed.inFlightMax == 5)
        #expect(changed.limits.limits.count == 2)
        #expect(changed.chargesCustomCost)
        #expect(changed.isCacheEnabled == false)
        #expect(changed.isSemanticEnabled == false)
        var members = try #require(changed.listing.objectValue).members
        members.removeAll { $0.key == "id" || $0.key == "managed_by" }
        var again = Tenant(id: "acme")
        try TenantChange(.object(JSONObject(members: members))).apply(to: &again)
        #expect(again == changed)
        try tenant(#"{"in_flight_max":null,"cache":{"enabled":null,"ttl":null,"namespace":null},"semantic":{"enabled":null}}"#).apply(
            to: &again)
        #expect(again.inFlightMax == nil)
        #expect(again.isCacheEnabled == nil)
        #expect(again.isSemanticEnabled == nil)
        #expect(again.cacheTTLSeconds == nil)
    }

    @Test(arguments: [
        #"{"label":1}"#, #"{"expires":"soon"}"#, #"{"expires":5}"#, #"{"disabled":"yes"}"#, #"{"models":"gpt"}"#, #"{"models":[1]}"#,
        #"{"models":["a b"]}"#,
        #"{"limits":5}"#, #"{"limits":{"requests":"0/1m"}}"#, #"{"limits":{"metadata":{"user":{"requests":5}}}}"#,
        #"{"allow_ip":["10.0.0.1/8"]}"#, #"{"metadata":[]}"#, #"{"metadata":{"a":{}}}"#,
    ])
    func `a malformed field is refused by name`(_ json: String) {
        let error = #expect(throws: KeyStoreError.self) { try key(json) }
        #expect(error?.error.status == 400)
        #expect(error?.field != nil)
    }

    @Test func `limits change member by member, and what is wrong is named to its last part`() throws {
        var changed = Tenant(id: "acme")
        try tenant(#"{"limits":{"requests":"9/1m","metadata":{"user":{"requests":"1/1m"}}}}"#).apply(to: &changed)
        try tenant(#"{"limits":{"tokens":"5/1m"}}"#).apply(to: &changed)
        #expect(changed.limits.summary == "9/1m requests, 5/1m tokens, 1/1m requests for each user")
        let before = changed
        let error = #expect(throws: KeyStoreError.self) { try tenant(#"{"limits":{"requests":null},"disabled":true}"#).apply(to: &changed) }
        #expect(error?.field == "limits.metadata.user.requests")
        #expect(error?.error.status == 400)
        #expect(changed == before)
        let slip = #expect(throws: KeyStoreError.self) { try tenant(#"{"limits":{"budgets":[{"cost":1,"per":"weak"}]}}"#) }
        #expect(slip?.field == "limits.budgets[0].per")
        try tenant(#"{"limits":null}"#).apply(to: &changed)
        #expect(changed.limits.isEmpty)
        #expect(changed.listing["limits"] == nil)
        #expect(before.listing["limits"] == before.limits.json)
    }

    @Test func `a new key has the limits it is made with`() throws {
        let options = try KeyOptions(try key(#"{"limits":{"requests":"9/1m"}}"#))
        #expect(options.limits.summary == "9/1m requests")
        let error = #expect(throws: KeyStoreError.self) {
            try KeyOptions(try key(#"{"limits":{"metadata":{"user":{"requests":"9/1m"}}}}"#))
        }
        #expect(error?.field == "limits.metadata.user.requests")
    }

    @Test func `a listed key shows four characters and no hash`() throws {
        let digest = Digest256(words: (0xDEAD_BEEF_0000_0001, 2, 3, 4))
        var listed = VirtualKey(
            id: "key_a", verifier: .hmac(digest), previous: VirtualKey.Previous(verifier: .hmac(digest), until: .test), hint: "abcd",
            tenant: "t",
            created: .test, expires: .test)
        let text = String(decoding: listed.listing(now: .test).bytes, as: UTF8.self)
        #expect(!text.contains("deadbeef"))
        #expect(text.contains(#""hint":"abcd""#))
        #expect(listed.listing(now: .test)["state"]?.stringValue == "expired")
        #expect(listed.listing(now: WallTime(milliseconds: 0))["state"]?.stringValue == "active")
        listed.isDisabled = true
        #expect(listed.listing(now: WallTime(milliseconds: 0))["state"]?.stringValue == "disabled")
        listed.revoked = .test
        #expect(listed.listing(now: WallTime(milliseconds: 0))["state"]?.stringValue == "revoked")
    }
}
