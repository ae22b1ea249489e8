import GatewayModel
import Providers
import Tenants
import Testing

@testable import GatewayConfiguration

@Suite struct ProviderTests {
    private func provider(_ name: String, _ yaml: String, environment: [String: String] = [:]) throws -> ProviderDefinition {
        let snapshot = try load(yaml, environment: environment)
        return snapshot.providers[try #require(snapshot.providers.index(of: name))]
    }

    @Test func `every shipped provider is read as it is written`() throws {
        let snapshot = try load("")
        let names = snapshot.providers.definitions.map(\.name)
        for name in [
            "openai", "anthropic", "google-ai-studio", "azure-openai", "aws-bedrock", "mistral", "groq", "openrouter", "deepseek",
            "together",
            "fireworks", "grok", "cohere", "perplexity-ai", "cerebras", "ollama", "vllm", "lm-studio", "demo",
        ] { #expect(names.contains(name), "\(name)") }
        let anthropic = try provider("anthropic", "")
        #expect(anthropic.credential == .xAPIKey)
        #expect(anthropic.clientCredentialFields == [.xApiKey, .authorization])
        #expect(anthropic.bases.map(\.dialect) == [.anthropic, .openAI])
        #expect(anthropic.bases[0].defaultHeaders == [HeaderDefault(name: "anthropic-version", value: "2023-06-01")])
        #expect(anthropic.bases[1].credential == .bearer)
        #expect(anthropic.bases[1].supportsIncludeUsage)
        #expect(anthropic.credentialVariable == "ANTHROPIC_API_KEY")
        #expect(anthropic.answerChangingHeaders == ["anthropic-version", "anthropic-beta"])
        #expect(try provider("gemini", "").bases[0].offer(of: .generateContent)?.path == "/models/{model}:generateContent")
        #expect(try provider("azure", "").requiredParameters == ["resource"])
        #expect(try provider("demo", "").isLocal)
        #expect(try provider("perplexity", "").bases.map(\.sendsDoneMarker) == [false])
        #expect(try provider("openai", "").bases.map(\.sendsDoneMarker) == [true])
    }

    @Test func `a provider of one's own needs nothing but a url`() throws {
        let mine = try provider("mine", "providers: {mine: {url: https://llm.example.com/api/v1, key_env: MINE}}")
        #expect(mine.bases.map(\.url) == ["https://llm.example.com/api/v1"])
        #expect(mine.bases[0].offer(of: .chatCompletions)?.path == "/chat/completions")
        #expect(mine.native == [NativeMount(url: "https://llm.example.com/api", versions: ["v1"])])
        #expect(!mine.allowsPrivateAddresses)
        let rootless = try provider("mine", "providers: {mine: {url: https://llm.example.com}}")
        #expect(rootless.native == [NativeMount(url: "https://llm.example.com")])
    }

    @Test func `a shipped provider keeps what is not given`() throws {
        let ollama = try provider("ollama", "providers: {ollama: {url: http://10.0.0.5:11434}}")
        #expect(ollama.bases.map(\.url) == ["http://10.0.0.5:11434/v1", "http://10.0.0.5:11434/v1"])
        #expect(ollama.native.first?.url == "http://10.0.0.5:11434/api")
        #expect(ollama.isLocal)
        let openai = try provider("openai", "providers: {openai: {drop_headers: [x-team]}}")
        #expect(openai.accountHeaders == ["x-team"])
        let shipped = try provider("openai", "")
        #expect(openai.bases == shipped.bases)
        #expect(refusals("providers: {openai: {url: https://proxy.example.com/openai}}").count == 1)
    }

    @Test func `Azure's resource and Bedrock's region come from the file or the environment`() throws {
        let azure = try provider("azure-openai", "providers: {azure-openai: {parameters: {resource: [one, two]}}}")
        #expect(azure.parameters == ["resource": ["one", "two"]])
        #expect(azure.hasRequiredParameters)
        let bedrock = try provider(
            "bedrock", "providers: {aws-bedrock: {parameters: {region: env:REGION}}}", environment: ["REGION": "eu-central-1"])
        #expect(bedrock.parameters == ["region": ["eu-central-1"]])
        #expect(
            refusals("providers: {aws-bedrock: {parameters: {region: env:REGION}}}") == [
                "weir.yaml:1: providers.aws-bedrock.parameters.region: environment variable REGION is not set"
            ])
    }

    @Test func `a parameter can't smuggle a host`() {
        for value in ["evil.example.com/", "x@evil", "a.b", "..", "", "a#", "a?"] {
            #expect(!refusals("providers: {azure-openai: {parameters: {resource: [\"\(value)\"]}}}").isEmpty, "\(value)")
        }
    }

    @Test(arguments: [
        "127.0.0.1", "169.254.169.254", "10.1.2.3", "192.168.0.1", "172.20.0.1", "[::1]", "[fd00::8]", "[::ffff:7f00:1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "0x7f.1", "0", "00000", "localhost", "LOCALHOST", "localhost.",
        "api.localhost", "metadata.google.internal", "router.lan", "printer.local", "db", "[64:ff9b::7f00:1]", "017700000001", "127.0.0.1.",
        "100.100.100.200", "[2002:7f00:1::]",
    ])
    func `a private host is refused in every spelling`(_ host: String) {
        let lines = refusals("providers: {mine: {url: \"https://\(host)/v1\"}}")
        #expect(lines.count == 1)
        #expect(lines.first?.contains("is a private or loopback host") == true, "\(lines)")
    }

    @Test(arguments: [
        "https://", "https:///v1", "https://a b/v1", "https://host:0/v1", "https://host.example.com:99999/v1",
        "https://host.example.com:x/v1",
        "https://1.2.3.4.5/v1", "https://0x1ffffffff/v1", "https://256.1.1.1/v1", "https://1.2.3.08/v1", "https://%31%32%37.0.0.1/v1",
        "https://１２７.0.0.1/v1",
        "https://[::1/v1", "https://[fe80::1%25eth0]/v1", "https://a..b/v1", "https://-a.example.com/v1", "https://a.example.com/v1/",
        "https://a.example.com/v1?x=1",
        "https://a.example.com/../v1", "https://a.example.com//v1", "https://a.example.com/v1#x", "https://u@a.example.com/v1",
        "https://a.example.com\\\\@b/v1",
        "ftp://a.example.com/v1", "gopher://a.example.com", "dict://a.example.com", "unix:///run/x", "//a.example.com", "a.example.com/v1",
        "javascript:alert(1)",
    ])
    func `what is no plain URL is refused`(_ url: String) {
        #expect(refusals("providers: {mine: {url: \"\(url)\"}}").count == 1, "\(url)")
    }

    @Test func `a listed private host is allowed, and only that one`() throws {
        let egress = "egress: {allow_private: [10.0.0.0/8, llm.internal, \"::1\"], allow_http: [plain.example.com]}\n"
        #expect(try provider("mine", egress + "providers: {mine: {url: https://10.1.2.3/v1}}").allowsPrivateAddresses)
        #expect(try provider("mine", egress + "providers: {mine: {url: https://LLM.internal/v1}}").allowsPrivateAddresses)
        #expect(try provider("mine", egress + "providers: {mine: {url: \"http://[::1]:8080/v1\"}}").allowsPrivateAddresses)
        #expect(try provider("mine", egress + "providers: {mine: {url: https://012.1.2.3/v1}}").allowsPrivateAddresses)
        _ = try provider("mine", egress + "providers: {mine: {url: http://plain.example.com/v1}}")
        #expect(refusals(egress + "providers: {mine: {url: https://11.x.internal/v1}}").count == 1)
        #expect(refusals(egress + "providers: {mine: {url: https://127.0.0.1/v1}}").count == 1)
        #expect(refusals(egress + "providers: {mine: {url: http://other.example.com/v1}}").count == 1)
        #expect(refusals("egress: {allow_private: [\"10.0.0.1/8\"]}").count == 1)
    }

    @Test func `a whole provider can be written out`() throws {
        let full = try provider(
            "full",
            """
            providers:
              full:
                aliases: [f]
                key_env: FULL_KEY
                auth: {header: X-Key, prefix: "Token "}
                client_auth: [authorization, x-api-key]
                allowed: [generate, embed]
                key_query: [v]
                required: [zone]
                parameters: {zone: eu}
                bases:
                  - dialect: anthropic
                    url: https://{zone}.example.com/v1
                    auth: x-api-key
                    headers: {Anthropic-Version: "2023-06-01"}
                    operations:
                      messages: {path: /messages, cache: false}
                      count_tokens: /messages/count_tokens
                native:
                  - path: "{zone}/api"
                    url: https://{zone}.example.com
                    versions: [v1, ""]
            """)
        #expect(full.aliases == ["f"])
        #expect(full.credential == CredentialForm(header: "x-key", prefix: "Token "))
        #expect(full.allowedKinds == [.generate, .embed])
        #expect(full.bases[0].offer(of: .messages)?.isCacheable == false)
        #expect(full.bases[0].offer(of: .countTokens)?.isCacheable == true)
        #expect(full.bases[0].defaultHeaders == [HeaderDefault(name: "anthropic-version", value: "2023-06-01")])
        #expect(full.native[0].versions == ["v1", ""])
    }

    @Test(arguments: [
        "auth: 5", "auth: basic", "auth: {prefix: x}", "auth: [bearer]", "client_auth: cookie", "allowed: everything", "aliases: [UPPER]",
        "bases: {}", "bases: []",
        "bases: [{dialect: klingon}]", "bases: [{url: 'https://a.example.com'}]", "bases: [x]", "native: 3", "parameters: [a]",
        "parameters: {a: {b: c}}",
        "drop_headers: ['a b']", "key_env: 'A B'", "allow_private: maybe",
        "bases: [{dialect: openai, url: 'https://a.example.com', operations: {other: /x}}]",
        "bases: [{dialect: openai, url: 'https://a.example.com', operations: {models: x}}]",
        "bases: [{dialect: openai, url: 'https://{host}.example.com', operations: {models: /x}}]",
        "bases: [{dialect: openai, url: 'https://a.example.com', operations: {models: {cache: true}}}]",
        "bases: [{dialect: openai, url: 'https://a.example.com', operations: {models: {path: /m, cache: 1}}}]",
        "bases: [{dialect: openai, url: 'https://a.example.com', operations: {models: /x}, headers: {a: [b]}}]",
        "url: 'https://a.example.com', bases: [{dialect: openai, url: 'https://a.example.com', operations: {models: /x}}]",
    ])
    func `a broken provider is refused with a line`(_ fields: String) {
        let prefix = fields.hasPrefix("url") || fields.hasPrefix("bases") ? "" : "url: 'https://a.example.com/v1', "
        let lines = refusals("cache: {}\nproviders: {mine: {\(prefix)\(fields)}}")
        #expect(!lines.isEmpty)
        #expect(lines.allSatisfy { $0.hasPrefix("weir.yaml:2: providers.mine") }, "\(lines)")
    }

    @Test func `a provider that moves has another revision and one that gets a key has not`() throws {
        func revision(_ yaml: String, _ environment: [String: String] = [:]) throws -> UInt64 {
            let snapshot = try load("providers: {mine: {\(yaml)}}", environment: environment)
            return snapshot.providerRevisions[try #require(snapshot.providers.index(of: "mine"))]
        }
        let first = try revision("url: https://a.example.com/v1")
        #expect(try revision("url: https://a.example.com/v1, key_env: K", ["K": "k"]) == first)
        #expect(try revision("url: https://b.example.com/v1") != first)
    }
}
