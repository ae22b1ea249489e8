import Testing

@testable import GatewayConfiguration

@Suite struct SemanticEndpointTests {
    private let whole = "endpoint_model: m, endpoint_dimensions: 128"

    private func complaints(_ fields: String, more: String = "") -> [String] {
        refusals("semantic: {\(fields)}\n\(more)").map { $0.replacing("weir.yaml:1: semantic.", with: "") }
    }

    @Test func `an endpoint arrives with its key, which nothing prints`() throws {
        let settings = try load(
            "semantic: {endpoint_url: https://llm.example.com/v1/embeddings?v=1, \(whole), endpoint_key: env:EMBEDDING_KEY}",
            environment: ["EMBEDDING_KEY": "key-canary"]
        ).semantic
        #expect(
            settings.endpoint
                == SemanticSettings.Endpoint(
                    url: "https://llm.example.com/v1/embeddings?v=1", model: "m", dimensions: 128, key: Secret("key-canary")))
        #expect(!"\(settings)".contains("canary"))
        #expect(try load("semantic: {endpoint_url: http://127.0.0.1:1/embeddings, \(whole)}").semantic.endpoint?.key == nil)
    }

    @Test func `an endpoint needs its model and its dimensions`() {
        let url = "endpoint_url: https://llm.example.com/v1/embeddings"
        #expect(complaints("\(url), endpoint_dimensions: 64") == ["endpoint_url: needs endpoint_model as well"])
        #expect(complaints("\(url), endpoint_model: m") == ["endpoint_url: needs endpoint_dimensions as well"])
    }

    @Test(arguments: ["endpoint_model: m", "endpoint_dimensions: 64", "endpoint_key: env:HOME_KEY"])
    func `a part without a URL is refused`(_ field: String) {
        let lines = refusals("semantic: {\(field)}", environment: ["HOME_KEY": "x"])
        let name = field.prefix { $0 != ":" }
        #expect(lines == ["weir.yaml:1: semantic.\(name): is of no use without endpoint_url"])
    }

    @Test(arguments: [(64, true), (4096, true), (63, false), (65, false), (4097, false), (4160, false), (0, false), (1536, true)])
    func `dimensions are a multiple of 64 up to 4096`(_ dimensions: Int, _ isTaken: Bool) {
        let lines = complaints("endpoint_url: https://llm.example.com/e, endpoint_model: m, endpoint_dimensions: \(dimensions)")
        #expect(lines.isEmpty == isTaken)
        #expect(lines.allSatisfy { $0.hasPrefix("endpoint_dimensions: ") })
    }

    @Test(arguments: [
        "http://llm.example.com/e", "https://10.0.0.1/e", "ftp://llm.example.com", "https://user:pw@llm.example.com", "llm.example.com",
        "https://169.254.169.254/latest",
    ])
    func `a URL that the gateway must not call is refused`(_ url: String) {
        let lines = complaints("endpoint_url: \"\(url)\", \(whole)")
        #expect(lines.count == 1 && lines[0].hasPrefix("endpoint_url: "), "\(lines)")
    }

    @Test func `a private host takes its entry in egress`() {
        #expect(complaints("endpoint_url: https://10.0.0.1/e, \(whole)", more: "egress: {allow_private: [10.0.0.0/8]}").isEmpty)
    }

    @Test func `a model's name may have 256 bytes and no more`() {
        for (count, isTaken) in [(256, true), (257, false)] {
            let name = String(repeating: "m", count: count)
            #expect(
                complaints("endpoint_url: https://x.example.com/e, endpoint_model: \(name), endpoint_dimensions: 64").isEmpty == isTaken)
        }
    }

    @Test func `a reload tells that URL and key wait for a restart, and shows neither`() throws {
        let url = "endpoint_url: https://llm.example.com/url-canary"
        let old = try load("semantic: {\(url)1, \(whole), endpoint_key: env:K}", environment: ["K": "key-canary-1"])
        let new = try load(
            "semantic: {\(url)2, endpoint_model: n, endpoint_dimensions: 192, endpoint_key: env:K}", environment: ["K": "key-canary-2"])
        let found = ConfigurationDifference(running: old, loaded: new)
        #expect(
            found.pending.map(\.field)
                == ["semantic.endpoint_url", "semantic.endpoint_model", "semantic.endpoint_dimensions", "semantic.endpoint_key"])
        #expect(found.changes.isEmpty)
        #expect(!found.description.contains("canary"))
    }
}
