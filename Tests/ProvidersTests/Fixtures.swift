import GatewayModel

@testable import Providers

/// Providers like the shipped ones, as far as the tests need them.
enum Fixture {
    static let openAI = ProviderDefinition(
        name: "openai",
        bases: [
            ProviderBase(
                dialect: .openAI, url: "https://api.openai.com/v1",
                operations: [
                    OfferedOperation(.chatCompletions, path: "/chat/completions"), OfferedOperation(.responses, path: "/responses"),
                    OfferedOperation(.completions, path: "/completions"), OfferedOperation(.embeddings, path: "/embeddings"),
                    OfferedOperation(.moderations, path: "/moderations"), OfferedOperation(.models, path: "/models"),
                ], supportsIncludeUsage: true)
        ],
        native: [NativeMount(url: "https://api.openai.com", versions: ["v1"])], answerChangingHeaders: ["openai-beta"],
        accountHeaders: ["openai-organization", "openai-project"])

    static let anthropic = ProviderDefinition(
        name: "anthropic", aliases: ["claude"],
        bases: [
            ProviderBase(
                dialect: .anthropic, url: "https://api.anthropic.com/v1",
                operations: [
                    OfferedOperation(.messages, path: "/messages"), OfferedOperation(.countTokens, path: "/messages/count_tokens"),
                    OfferedOperation(.models, path: "/models"),
                ], defaultHeaders: [HeaderDefault(name: "anthropic-version", value: "2023-06-01")]),
            ProviderBase(
                dialect: .openAI, url: "https://api.anthropic.com/v1",
                operations: [OfferedOperation(.chatCompletions, path: "/chat/completions")], credential: .bearer),
        ],
        native: [NativeMount(url: "https://api.anthropic.com", versions: ["v1"])], credential: .xAPIKey,
        clientCredentialFields: [.xApiKey, .authorization])

    static let gemini = ProviderDefinition(
        name: "google-ai-studio", aliases: ["gemini"],
        bases: [
            ProviderBase(
                dialect: .gemini, url: "https://generativelanguage.googleapis.com/v1beta",
                operations: [
                    OfferedOperation(.generateContent, path: "/models/{model}:generateContent"),
                    OfferedOperation(.embedContent, path: "/models/{model}:embedContent"),
                    OfferedOperation(.geminiCountTokens, path: "/models/{model}:countTokens"), OfferedOperation(.models, path: "/models"),
                ]),
            ProviderBase(
                dialect: .openAI, url: "https://generativelanguage.googleapis.com/v1beta/openai",
                operations: [OfferedOperation(.chatCompletions, path: "/chat/completions")], credential: .bearer),
        ],
        native: [NativeMount(url: "https://generativelanguage.googleapis.com", versions: ["v1beta", "v1"])], credential: .xGoogAPIKey,
        credentialQuery: ["key"])

    static let azure = ProviderDefinition(
        name: "azure-openai", aliases: ["azure"],
        bases: [
            ProviderBase(
                dialect: .openAI, url: "https://{resource}.openai.azure.com/openai/v1",
                operations: [OfferedOperation(.chatCompletions, path: "/chat/completions")])
        ],
        native: [
            NativeMount(path: "{resource}/openai/v1", url: "https://{resource}.openai.azure.com/openai/v1"),
            NativeMount(
                path: "{resource}/{deployment}", url: "https://{resource}.openai.azure.com/openai/deployments/{deployment}",
                operations: [OfferedOperation(.chatCompletions, path: "/chat/completions")]),
        ], credential: .apiKey, answerChangingQuery: ["api-version"], requiredParameters: ["resource"],
        parameters: ["resource": ["west", "east"]])

    static let bedrock = ProviderDefinition(
        name: "aws-bedrock",
        bases: [
            ProviderBase(
                dialect: .openAI, url: "https://bedrock-runtime.{region}.amazonaws.com/openai/v1",
                operations: [OfferedOperation(.chatCompletions, path: "/chat/completions")])
        ],
        native: [NativeMount(path: "bedrock-runtime/{region}", url: "https://bedrock-runtime.{region}.amazonaws.com")],
        requiredParameters: ["region"], parameters: ["region": ["us-west-2"]])

    static let groq = ProviderDefinition(
        name: "groq",
        bases: [
            ProviderBase(
                dialect: .openAI, url: "https://api.groq.com/openai/v1",
                operations: [OfferedOperation(.chatCompletions, path: "/chat/completions"), OfferedOperation(.models, path: "/models")])
        ],
        native: [
            NativeMount(path: "openai", url: "https://api.groq.com/openai", versions: ["v1"]),
            NativeMount(url: "https://api.groq.com/openai", versions: ["v1"]),
        ])

    static let deepSeek = ProviderDefinition(
        name: "deepseek",
        bases: [
            ProviderBase(
                dialect: .openAI, url: "https://api.deepseek.com",
                operations: [OfferedOperation(.chatCompletions, path: "/chat/completions")]),
            ProviderBase(
                dialect: .anthropic, url: "https://api.deepseek.com/anthropic/v1",
                operations: [OfferedOperation(.messages, path: "/messages")], credential: .xAPIKey),
        ],
        native: [
            NativeMount(path: "anthropic", url: "https://api.deepseek.com/anthropic", versions: ["v1"]),
            NativeMount(url: "https://api.deepseek.com", versions: ["", "v1", "beta"]),
        ])

    static let local = ProviderDefinition(
        name: "demo",
        bases: [
            ProviderBase(
                dialect: .openAI, url: "http://127.0.0.1:8789/v1",
                operations: [OfferedOperation(.chatCompletions, path: "/chat/completions"), OfferedOperation(.models, path: "/models")]),
            ProviderBase(
                dialect: .gemini, url: "http://127.0.0.1:8789/v1beta",
                operations: [OfferedOperation(.generateContent, path: "/models/{model}:generateContent")]),
        ],
        native: [NativeMount(url: "http://127.0.0.1:8789", versions: ["v1", "v1beta"])], allowsPrivateAddresses: true, isLocal: true)

    static let definitions = [openAI, anthropic, gemini, azure, bedrock, groq, deepSeek, local]

    static func table() throws -> ProviderTable { try ProviderTable(definitions) }

    static func router(accounts: [String] = [], gateways: [String] = []) throws -> PathRouter {
        PathRouter(providers: try table(), accounts: accounts, gateways: gateways)
    }
}

extension PathRouter {
    /// Routes a target as a test writes it.
    func route(_ method: String, _ target: String, anthropic: Bool = false) -> RoutedRequest {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = Array(parts[0].utf8)
        let query = Array((parts.count > 1 ? parts[1] : "").utf8)
        return route(method: Array(method.utf8).span, path: path.span, query: query.span, hasAnthropicVersion: anthropic)
    }

    /// The upstream URL of a native target; the refusal's code where it is refused.
    func url(_ method: String, _ target: String, removesCredentials: Bool = true) throws -> String {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = Array(parts[0].utf8)
        let query = Array((parts.count > 1 ? parts[1] : "").utf8)
        switch route(method, target) {
        case .native(let request):
            var url: [UInt8] = []
            try providers.appendNativeURL(request, path: path.span, query: query.span, removesCredentials: removesCredentials, to: &url)
            return String(decoding: url, as: UTF8.self)
        case .refused(let refusal): return refusal.error.code
        default: return "not native"
        }
    }
}

extension RoutedRequest {
    var refusal: Refusal? { if case .refused(let refusal) = self { refusal } else { nil } }
    var native: NativeRequest? { if case .native(let request) = self { request } else { nil } }
    var unified: UnifiedRequest? { if case .unified(let request) = self { request } else { nil } }
}
