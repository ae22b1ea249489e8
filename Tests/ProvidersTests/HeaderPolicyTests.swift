import GatewayModel
import Testing

@testable import Providers

@Suite struct HeaderPolicyTests {
    static func forwards(_ name: String) -> Bool {
        HeaderPolicy.forwardsRequestField(FieldName.allCases.first { $0.name == name.lowercased() }, name: Array(name.utf8).span)
    }
    static func response(_ name: String) -> ResponseFieldAction { HeaderPolicy.responseField(name: Array(name.utf8).span) }

    @Test(arguments: [
        "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect", "Accept-Encoding",
        "Authorization", "X-Api-Key", "api-key", "x-goog-api-key", "cf-aig-authorization", "cf-aig-zdr", "CF-AIG-Byok-Alias",
        "cf-aig-cache-ttl",
        "cf-cache-ttl", "cf-skip-cache", "weir-semantic", "Weir-Anything", "Helicone-Auth", "helicone-cache-enabled", "x-portkey-config",
        "Cookie", "X-Forwarded-For", "X-Forwarded-Prefix", "Forwarded", "X-Real-IP", "Via", "Proxy-Authorization", "Proxy-Anything",
        "True-Client-IP", "cf-connecting-ip", "cf-connecting-ipv6", "X-Client-IP", "X-Original-Host", "",
    ])
    func `a field that is not the provider's reaches it`(name: String) { #expect(!HeaderPolicyTests.forwards(name)) }

    @Test(arguments: [
        "Content-Type", "Accept", "User-Agent", "anthropic-version", "anthropic-beta", "OpenAI-Beta", "OpenAI-Organization", "traceparent",
        "x-stainless-lang", "X-Title", "HTTP-Referer", "Idempotency-Key", "x-amz-date", "x-goog-user-project", "Content-Encoding", "weird",
        "cfg",
        "cf-ray", "x-helicone", "Origin",
    ])
    func `a field of the provider's API is lost`(name: String) { #expect(HeaderPolicyTests.forwards(name)) }

    @Test func `an answer's field contradicts the gateway's or outlives the connection`() {
        for name in [
            "Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Proxy-Authenticate", "Content-Length",
            "Set-Cookie",
            "set-cookie2", "Server-Timing", "Age", "Cache-Status", "cf-aig-cache-status", "weir-request-id", "Alt-Svc",
            "Strict-Transport-Security", "NEL", "Report-To", "",
        ] { #expect(HeaderPolicyTests.response(name) == .drop, "\(name)") }
        for name in [
            "Content-Type", "x-request-id", "request-id", "anthropic-ratelimit-requests-limit", "openai-processing-ms", "Retry-After",
            "Date",
            "Content-Encoding", "Server", "www-authenticate", "cf-ray", "x-ratelimited",
        ] { #expect(HeaderPolicyTests.response(name) == .forward, "\(name)") }
        for (name, renamed) in [
            ("X-RateLimit-Limit-Requests", "x-upstream-ratelimit-limit-requests"), ("RateLimit", "x-upstream-ratelimit"),
            ("ratelimit-policy", "x-upstream-ratelimit-policy"),
        ] {
            #expect(HeaderPolicyTests.response(name) == .rename)
            var output: [UInt8] = []
            HeaderPolicy.appendUpstreamName(of: Array(name.utf8).span, to: &output)
            #expect(String(decoding: output, as: UTF8.self) == renamed)
        }
    }

    @Test func `a field named by connection passes`() {
        func nominated(_ name: String, _ value: String) -> Bool {
            HeaderPolicy.isNominated(Array(name.utf8).span, by: Array(value.utf8).span)
        }
        #expect(nominated("X-Foo", "close, x-foo ,y"))
        #expect(nominated("y", "close, x-foo ,y"))
        #expect(!nominated("x", "x-foo"))
        #expect(!nominated("x-foo", ""))
    }

    @Test func `identity is asked of a client that forbids it`() {
        func forbids(_ value: String) -> Bool { HeaderPolicy.forbidsIdentity(Array(value.utf8).span) }
        for value in ["identity;q=0", "gzip, identity; q=0.000", "gzip, *;q=0", "*; Q=0 , br"] { #expect(forbids(value), "\(value)") }
        for value in ["", "gzip", "gzip, deflate, br", "identity;q=0.1", "*;q=0, identity", "*;q=1", "identity;q=", "gzip;q=0"] {
            #expect(!forbids(value), "\(value)")
        }
    }

    @Test func `an account is chosen, or a key forwarded, that the provider's definition does not allow`() throws {
        let table = try Fixture.table()
        let openAI = try #require(table.index(of: "openai"))
        let anthropic = try #require(table.index(of: "anthropic"))
        func isAccount(_ provider: Int, _ name: String) -> Bool { table.isAccountField(provider: provider, name: Array(name.utf8).span) }
        func changes(_ provider: Int, _ name: String) -> Bool {
            table.isAnswerChangingField(provider: provider, name: Array(name.utf8).span)
        }
        func changesQuery(_ provider: Int, _ name: String) -> Bool {
            table.isAnswerChangingQuery(provider: provider, name: Array(name.utf8).span)
        }
        let azure = try #require(table.index(of: "azure"))
        #expect(isAccount(openAI, "OpenAI-Organization") && !isAccount(anthropic, "OpenAI-Organization"))
        #expect(changes(openAI, "OpenAI-Beta") && !changes(openAI, "User-Agent"))
        #expect(changesQuery(azure, "api-version") && !changesQuery(azure, "alt"))
        #expect(table.forwardsClientCredential(provider: anthropic, field: .xApiKey))
        #expect(!table.forwardsClientCredential(provider: openAI, field: .xApiKey))
        #expect(Fixture.openAI.allows(.chatCompletions) && !Fixture.openAI.allows(.other))
    }
}
