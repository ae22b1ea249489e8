import GatewayModel
import Hashing
import Tenants
import Testing

@testable import GatewayConfiguration

@Suite struct TenancyTests {
    private let key = "wk_" + String(repeating: "k", count: 43)

    @Test func `tenants and keys are read whole`() throws {
        let snapshot = try load(
            """
            cache: {shares: {team: [acme, in-the-store]}}
            tenants:
              acme:
                provider_keys: either
                client_key_fallback: true
                models: [gpt-4o*, gemini/*]
                providers: [openai, gemini]
                paths: [/v1/files*, gemini/v1beta/files*]
                in_flight_max: 5
                metadata: {plan: gold, seats: 3, vip: true, code: "007"}
                cache: {enabled: false, ttl: 1m, namespace: n, custom_keys: false}
            keys:
              app:
                key: env:APP_KEY
                tenant: acme
                label: The app
                expires: 2027-01-01
                models: openai/gpt-4o
                allow_ip: [10.0.0.0/8]
                metadata: {app: web}
            """, environment: ["APP_KEY": key])
        let tenant = try #require(snapshot.tenancy.tenants.first)
        #expect(tenant.providerKeys == .either)
        #expect(tenant.models.texts == ["gpt-4o*", "google-ai-studio/*"])
        #expect(tenant.providers.texts == ["openai", "google-ai-studio"])
        #expect(tenant.pathGrants.texts == ["/v1/files*", "google-ai-studio/v1beta/files*"])
        #expect(tenant.metadata.entries.map(\.value) == [.text("gold"), .number("3"), .flag(true), .text("007")])
        #expect(tenant.cacheTTLSeconds == 60)
        #expect(!tenant.allowsCustomCacheKeys)
        #expect(tenant.managedBy == .config)
        let found = try #require(snapshot.tenancy.keys.first)
        let raw = Array(key.utf8)
        #expect(found.verifier == .sha256(SHA256.digest(of: raw.span)))
        #expect(found.hint == "kkkk")
        #expect(found.expires == WallTime(milliseconds: 1_798_761_600_000))
        #expect(found.managedBy == .config)
        #expect(snapshot.tenancy.shares == [CacheShare(name: "team", tenants: ["acme", "in-the-store"])])
        #expect(!"\(snapshot) \(snapshot.tenancy)".contains(key))
    }

    @Test func `a key from the environment lets its bearer in`() throws {
        let snapshot = try load("tenants: {acme: {}}\nkeys: {app: {key: env:K, tenant: acme}}", environment: ["K": key])
        let contents = KeyTable.Contents(tenants: snapshot.tenancy.tenants, keys: snapshot.tenancy.keys)
        let pepper = [UInt8](repeating: 1, count: 32)
        let table = KeyTable(contents, authenticator: HMACSHA256(key: pepper.span))
        let raw = Array(key.utf8)
        let result = table.authenticate(presented: raw.span, address: nil, now: WallTime(milliseconds: 0))
        #expect((try? result.get())?.tenant == TenantIndex(rawValue: 0))
    }

    @Test(arguments: [
        "tenants: {a/b: {}}", "tenants: {acme: {models: [opnai/x]}}", "tenants: {acme: {providers: [nobody]}}",
        "tenants: {acme: {paths: [files]}}",
        "tenants: {acme: {provider_keys: none}}", "tenants: {acme: {in_flight_max: 0}}", "tenants: {acme: {metadata: {a: [1]}}}",
        "tenants: {acme: {metadata: {'a b': 1}}}", "tenants: {acme: {cache: {namespace: 'a b'}}}", "tenants: [acme]",
        "tenants: {acme: {admin: true}}",
        "tenants: {acme: {}}\nkeys: {app: {tenant: acme}}", "tenants: {acme: {}}\nkeys: {app: {key: 'wk_x', tenant: acme}}",
        "tenants: {acme: {}}\nkeys: {key_app: {key: 'sha256:00', tenant: acme}}",
        "tenants: {acme: {}}\nkeys: {app: {key: env:SHORT, tenant: acme}}",
        "keys: {app: {key: 'hmac:0000000000000000000000000000000000000000000000000000000000000000'}}", "tenants: {acme: {models: ['a b']}}",
        "cache: {shares: {'a b': [x]}}", "cache: {shares: {a: ['x y']}}", "cache: {shares: {a: {b: c}}}", "cache: {shares: [a]}",
    ])
    func `a broken tenant, key or share is refused with one line`(_ yaml: String) {
        let lines = refusals(yaml, environment: ["SHORT": "wk_short"])
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.hasPrefix("weir.yaml:") == true)
        #expect(!lines.joined().contains("wk_short"))
    }

    @Test func `200 shares are taken and 201 are not`() throws {
        func shares(_ count: Int) -> String { "cache:\n  shares:\n" + (1...count).map { "    s\($0): [t\($0)]\n" }.joined() }
        #expect(try load(shares(200)).cache.shares.count == 200)
        #expect(refusals(shares(201)) == ["weir.yaml:2: cache.shares: 201 entries where at most 200 are allowed"])
    }

    @Test func `16 metadata entries are taken and 17 are not`() throws {
        func metadata(_ count: Int) -> String {
            "tenants: {a: {metadata: {\((1...count).map { "n\($0): \($0)" }.joined(separator: ", "))}}}"
        }
        #expect(try load(metadata(16)).tenancy.tenants[0].metadata.entries.count == 16)
        #expect(refusals(metadata(17)) == ["weir.yaml:1: tenants.a.metadata: more than 16 metadata entries"])
    }

    @Test func `policies of keys made elsewhere get canonical provider names too`() throws {
        let names = try load("").policyNames
        #expect(try names.models(["gemini/x", "*/y", "z"]).texts == ["google-ai-studio/x", "*/y", "z"])
        #expect(try names.providers(["xai", "open*"]).texts == ["grok", "open*"])
        #expect(throws: PatternError("\"opnai\" is not a provider; did you mean openai?")) { try names.models(["opnai/x"]) }
    }

    @Test func `names of accounts and gateways are free ones`() throws {
        let snapshot = try load("accounts: [acme]\ngateways: prod")
        #expect(snapshot.accounts == ["acme"])
        #expect(snapshot.gateways == ["prod"])
        for name in ["v1", "chat", "messages", "images", "a/b", "weir"] { #expect(refusals("accounts: ['\(name)']").count == 1, "\(name)") }
        for name in ["v1", "weir", "healthz"] { #expect(refusals("gateways: ['\(name)']").count == 1, "\(name)") }
    }
}
