import GatewayModel
import Hashing
import JSON
import TestSupport
import Testing

@testable import Tenants

@Suite struct KeyRecordTests {
    private func fullTenant() throws -> Tenant {
        var metadata = Metadata()
        try metadata.add("team", .number("3"))
        try metadata.add("name", .text("Ä \"quoted\""))
        try metadata.add("gold", .flag(true))
        return Tenant(
            id: "acme", providerKeys: .either, allowsClientKeyFallback: true,
            models: try ScopedPatternList(["gpt-*", "openai/o3"], of: .model),
            providers: try PatternList(["openai"]), pathGrants: try ScopedPatternList(["/v1/files*"], of: .path), isCacheEnabled: false,
            cacheTTLSeconds: 60, cacheNamespace: "ns", allowsCustomCacheKeys: false, inFlightMax: 5,
            limits: try limits(), chargesCustomCost: true, isSemanticEnabled: false, metadata: metadata, isDisabled: true)
    }

    private func limits() throws -> LimitSet {
        try LimitSet(
            #"""
            {"requests":"100/1m","cost":{"rate":0.25,"per":"1h","burst":1,"shadow":true},"budgets":[{"tokens":5,"per":"day"}],
            "models":{"a/*":{"concurrency":2}},"metadata":{"user":{"requests":"1/1s"}}}
            """#)
    }

    private func fullKey() throws -> VirtualKey {
        VirtualKey(
            id: "key_abc", verifier: .hmac(Digest256(words: (1, 2, 3, 4))),
            previous: VirtualKey.Previous(verifier: .sha256(Digest256(words: (5, 6, 7, 8))), until: .test), hint: "wxyz", tenant: "acme",
            label: "ci", created: .test, expires: .test.adding(seconds: 5), isDisabled: true, revoked: .test.adding(seconds: 1),
            models: try ScopedPatternList(["a*"], of: .model), providers: try PatternList(["x"]),
            paths: try ScopedPatternList(["/v1/*"], of: .path), addresses: try AddressList(["10.0.0.0/8"]), limits: try limits(),
            metadata: try fullTenant().metadata)
    }

    private func records() throws -> [KeyRecord] {
        [
            .tenant(try fullTenant()), .tenant(Tenant(id: "plain")), .key(try fullKey()),
            .key(VirtualKey(id: "key_x", verifier: .hmac(Digest256(words: (0, 0, 0, 1))), hint: "", tenant: "t", created: .test)),
            .salt(scope: "share:team", Digest256(words: (9, 9, 9, 9))),
            .revision(ConfigurationRevision(digest: Digest256(words: (3, 3, 3, 3)), time: .test)),
            .pepperCheck(Digest256(words: (1, 1, 1, 1))),
        ]
    }

    @Test func `every record is read as it was written`() throws {
        for record in try records() {
            #expect(try KeyRecordCodec.decode(name: record.name, value: KeyRecordCodec.encode(record)) == record)
        }
    }

    @Test func `a record with any byte changed, or cut anywhere, is refused`() throws {
        var random = SplitMix64(seed: 21)
        for record in try records() {
            let value = KeyRecordCodec.encode(record)
            for index in value.indices {
                var bad = value
                bad[index] ^= UInt8.random(in: 1...255, using: &random)
                #expect(throws: KeyRecordError.self) { try KeyRecordCodec.decode(name: record.name, value: bad) }
                #expect(throws: KeyRecordError.self) { try KeyRecordCodec.decode(name: record.name, value: Array(value[..<index])) }
            }
        }
    }

    @Test func `a record under another name is refused`() throws {
        let value = KeyRecordCodec.encode(.tenant(Tenant(id: "acme")))
        #expect(throws: KeyRecordError("fails its checksum")) { try KeyRecordCodec.decode(name: Array("t/evil".utf8), value: value) }
        let forged = sealed(name: Array("t/evil".utf8), #"{"id":"acme"}"#)
        #expect(throws: KeyRecordError("stands under another record's name")) {
            try KeyRecordCodec.decode(name: Array("t/evil".utf8), value: forged)
        }
    }

    @Test func `a record of a newer release is refused as such`() throws {
        var value = KeyRecordCodec.encode(.tenant(Tenant(id: "acme")))
        value[3] = 2
        #expect(throws: KeyRecordError("has format 2, which a newer release wrote; this one reads up to 1", isNewer: true)) {
            try KeyRecordCodec.decode(name: Array("t/acme".utf8), value: value)
        }
    }

    @Test(arguments: [
        #"{"id":"acme","limit_that_narrows":1}"#, #"{"id":"acme","models":"gpt"}"#, #"{"id":"acme","models":[1]}"#, #"{"id":1}"#, "{}",
        "[]",
        #"{"id":"acme","provider_keys":"all"}"#, #"{"id":"acme","disabled":1}"#, #"{"id":"acme","cache_ttl":1.5}"#, "{",
        #"{"id":"acme","metadata":{"a":[]}}"#, #"{"id":"acme","id":"acme"}"#, #"{"id":"acme","models":["a b"]}"#,
        #"{"id":"acme","limits":{"requests":"0/1m"}}"#, #"{"id":"acme","limits":{"unknown":1}}"#, #"{"id":"acme","limits":[]}"#,
        #"{"id":"acme","custom_cost":1}"#,
    ])
    func `a record with a field that is unknown or malformed is refused`(_ json: String) {
        #expect(throws: KeyRecordError.self) {
            try KeyRecordCodec.decode(name: Array("t/acme".utf8), value: sealed(name: Array("t/acme".utf8), json))
        }
    }

    @Test func `a record from before there were limits has none, and one without limits reads as before`() throws {
        let name = Array("t/acme".utf8)
        let record = try KeyRecordCodec.decode(name: name, value: sealed(name: name, #"{"id":"acme","in_flight_max":5}"#))
        #expect(record == .tenant(Tenant(id: "acme", inFlightMax: 5)))
        #expect(KeyRecordCodec.encode(record) == sealed(name: name, #"{"id":"acme","in_flight_max":5}"#))
    }

    @Test func `random bytes are never a record and never a trap`() {
        var random = SplitMix64(seed: 22)
        for _ in 0..<5000 {
            var value = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            if Bool.random(using: &random) { value = [0x57, 0x4B, 0x52, 1] + value }
            let name = (0..<Int.random(in: 0...8, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(throws: KeyRecordError.self) { try KeyRecordCodec.decode(name: name, value: value) }
        }
    }

    @Test func `revisions sort by time`() {
        let times: [Int64] = [0, 9, 10, 1_800_000_000_000]
        let names = times.map { KeyRecord.name(ofRevision: WallTime(milliseconds: $0)) }
        for (left, right) in zip(names, names.dropFirst()) { #expect(left.lexicographicallyPrecedes(right)) }
    }

    private func sealed(name: [UInt8], _ json: String) -> [UInt8] {
        let payload = Array(json.utf8)
        let content = name + [0] + payload
        let sum = xxh3(content.span)
        return [0x57, 0x4B, 0x52, 1] + (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64(8 * $0)) } + payload
    }
}
