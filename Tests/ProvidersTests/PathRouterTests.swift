import GatewayModel
import TestSupport
import Testing

@testable import Providers

@Suite struct PathRouterTests {
    @Test(arguments: [
        ("/v1/chat/completions", Operation.chatCompletions, Dialect.openAI), ("/v1/responses", .responses, .openAI),
        ("/v1/completions", .completions, .openAI), ("/v1/embeddings", .embeddings, .openAI), ("/v1/messages", .messages, .anthropic),
        ("/v1/messages/count_tokens", .countTokens, .anthropic), ("/compat/chat/completions", .chatCompletions, .openAI),
        ("/v1/acc/gw/compat/chat/completions", .chatCompletions, .openAI), ("/v1/chat/completions/", .chatCompletions, .openAI),
    ])
    func `a path of the unified surface is taken for another operation`(path: String, operation: Operation, dialect: Dialect) throws {
        let routed = try Fixture.router().route("POST", path)
        #expect(routed.unified == UnifiedRequest(operation: operation, dialect: dialect))
    }

    @Test func `a wrong verb is forwarded instead of refused with the right one`() throws {
        let router = try Fixture.router()
        for (method, target, allow) in [
            ("GET", "/v1/chat/completions", "POST"), ("DELETE", "/v1/responses", "POST"), ("POST", "/v1/models", "GET, HEAD"),
            ("POST", "/v1/models/openai/gpt-4", "GET, HEAD"), ("GET", "/v1beta/models/g:generateContent", "POST"),
            ("POST", "/healthz", "GET, HEAD"), ("POST", "/weir/usage", "GET"), ("GET", "/v1/acc/gw", "POST"),
        ] {
            let refusal = try #require(router.route(method, target).refusal, "\(method) \(target)")
            #expect(refusal.error.status == 405)
            #expect(refusal.allow == allow, "\(method) \(target)")
        }
    }

    @Test func `gemini's model or its method is read wrongly from the path`() throws {
        let router = try Fixture.router()
        let stream = try #require(router.route("POST", "/v1beta/models/demo%2Fdemo-chat:streamGenerateContent?alt=sse").unified)
        #expect(stream.operation == .generateContent)
        #expect(stream.model == "demo/demo-chat")
        #expect(stream.isGeminiStream && stream.wantsServerSentEvents)
        let plain = try #require(router.route("POST", "/v1/models/openrouter/meta/llama:free:generateContent").unified)
        #expect(plain.model == "openrouter/meta/llama:free")
        #expect(!plain.isGeminiStream && !plain.wantsServerSentEvents && plain.dialect == .gemini)
        #expect(router.route("POST", "/v1beta/models/m:countTokens").unified?.operation == .geminiCountTokens)
        #expect(router.route("POST", "/v1beta/models/m:embedContent").unified?.operation == .embedContent)
        #expect(router.route("POST", "/v1beta/models/m:batchEmbedContents").unified?.operation == .batchEmbedContents)
        #expect(router.route("POST", "/v1beta/models/m:predict").refusal?.error.status == 501)
    }

    @Test func `the list of models has the shape of another dialect`() throws {
        let router = try Fixture.router()
        #expect(router.route("GET", "/v1/models").unified == UnifiedRequest(operation: .models, dialect: .openAI))
        #expect(router.route("GET", "/v1/models", anthropic: true).unified?.dialect == .anthropic)
        #expect(router.route("GET", "/v1beta/models").unified?.dialect == .gemini)
        #expect(router.route("GET", "/v1/models/openai/gpt-4").unified?.model == "openai/gpt-4")
        #expect(router.route("GET", "/v1/models/openai%2Fgpt-4").unified?.model == "openai/gpt-4")
        #expect(router.route("GET", "/v1/models/ft:gpt-4:org").unified?.model == "ft:gpt-4:org")
    }

    @Test func `a doubled version is not told what the base URL should be`() throws {
        let router = try Fixture.router()
        for target in [
            "/v1/v1/chat/completions", "/v1/v1beta/models/m:generateContent", "/v1beta/v1beta/models/m:generateContent",
            "/openai/v1/v1/chat/completions", "/anthropic/v1/v1/messages",
        ] {
            let refusal = try #require(router.route("POST", target).refusal, "\(target)")
            #expect(refusal.error.status == 404 && refusal.error.code == "doubled_prefix", "\(target)")
            #expect(refusal.error.message.contains("base URL"))
        }
    }

    @Test func `a stateful call on the unified surface reaches a provider that it did not name`() throws {
        let router = try Fixture.router()
        for (method, target, native) in [
            ("GET", "/v1/responses/resp_1", "/openai/v1/responses"), ("POST", "/v1/responses/resp_1/cancel", "/openai/v1/responses"),
            ("POST", "/v1/messages/batches", "/anthropic/v1/messages/batches"), ("POST", "/v1/files", "/openai/v1/files"),
            ("GET", "/v1/batches/b1", "/openai/v1/batches"), ("POST", "/v1/moderations", "/openai/v1/moderations"),
            ("POST", "/v1/audio/speech", "/openai/v1/audio"), ("POST", "/v1/images/generations", "/openai/v1/images"),
            ("GET", "/v1/chat/completions/c1", "/openai/v1/chat/completions"), ("POST", "/v1/fine_tuning/jobs", "/openai/v1/fine_tuning"),
        ] {
            let refusal = try #require(router.route(method, target).refusal, "\(target)")
            #expect(refusal.error.status == 501, "\(target)")
            #expect(refusal.error.message.contains(native), "\(target): \(refusal.error.message)")
        }
        #expect(router.route("POST", "/v1/files", anthropic: true).refusal?.error.message.contains("/anthropic/v1/files") == true)
    }

    @Test func `an encoded or doubled separator hides an operation from its rules`() throws {
        let router = try Fixture.router()
        for target in [
            "/openai/v1/%63hat/completions", "/openai/v1/chat%2Fcompletions", "/openai//v1/chat/completions", "/openai/v1/../v1/files",
            "/openai/v1/%2e%2e/files", "/openai/v1/.%2E/files", "/openai/v1/chat/completions;a=b", "/openai/v1\\files",
            "/openai/v1/chat/completions%00", "/openai/v1/%2525", "/openai/v1/%5cfiles", "/openai/v1/%3bfiles", "/openai/v1/%2",
            "/openai/v1/%zz",
            "/v1/chat%2Fcompletions", "/v1//chat/completions", "//v1/chat/completions", "/./v1/chat/completions", "/v1/chat/completions/.",
            "/v1/models/..", "/v1/models/a%2F..%2Fb", "/v1/models/a%2F", "/v1/models/%2Fa", "/healthz%2F", "/openai/v1/fi les",
            "/openai/v1/f\u{7f}",
            "/weir%2Fusage", "v1/chat/completions", "",
        ] {
            for method in ["GET", "POST"] {
                let refusal = router.route(method, target).refusal
                #expect(refusal?.error.status == 400, "\(method) \(target)")
            }
        }
    }

    @Test func `a provider's path loses or gains a version`() throws {
        let router = try Fixture.router()
        for (method, target, url) in [
            ("POST", "/openai/v1/chat/completions", "https://api.openai.com/v1/chat/completions"),
            ("POST", "/openai/chat/completions", "https://api.openai.com/v1/chat/completions"),
            ("GET", "/openai/v1/files/f%20a?limit=2&order=asc", "https://api.openai.com/v1/files/f%20a?limit=2&order=asc"),
            ("POST", "/v1/acc/gw/openai/chat/completions", "https://api.openai.com/v1/chat/completions"),
            ("POST", "/v1/acc/gw/custom-groq/v1/chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
            ("POST", "/claude/v1/messages?beta=true", "https://api.anthropic.com/v1/messages?beta=true"),
            ("POST", "/groq/openai/v1/chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
            ("POST", "/groq/v1/chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
            ("POST", "/groq/chat/completions", "https://api.groq.com/openai/v1/chat/completions"),
            ("POST", "/deepseek/chat/completions", "https://api.deepseek.com/chat/completions"),
            ("POST", "/deepseek/v1/chat/completions", "https://api.deepseek.com/v1/chat/completions"),
            ("POST", "/deepseek/anthropic/v1/messages", "https://api.deepseek.com/anthropic/v1/messages"),
            (
                "POST", "/gemini/v1/models/g-2.5:generateContent",
                "https://generativelanguage.googleapis.com/v1/models/g-2.5:generateContent"
            ),
            (
                "POST", "/gemini/models/g-2.5:streamGenerateContent?alt=sse",
                "https://generativelanguage.googleapis.com/v1beta/models/g-2.5:streamGenerateContent?alt=sse"
            ),
            (
                "POST", "/azure/east/gpt4/chat/completions?api-version=2024-10-21",
                "https://east.openai.azure.com/openai/deployments/gpt4/chat/completions?api-version=2024-10-21"
            ),
            ("POST", "/azure/west/openai/v1/chat/completions", "https://west.openai.azure.com/openai/v1/chat/completions"),
            (
                "POST", "/aws-bedrock/bedrock-runtime/us-west-2/openai/v1/chat/completions",
                "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1/chat/completions"
            ),
            ("POST", "/demo/v1beta/models/m:generateContent", "http://127.0.0.1:8789/v1beta/models/m:generateContent"),
        ] {
            #expect(try router.url(method, target) == url)
        }
    }

    @Test func `a client names a resource or region that is not configured`() throws {
        let router = try Fixture.router()
        for target in [
            "/azure/evil/gpt4/chat/completions", "/azure/evil.com%23/gpt4/chat/completions", "/azure/WEST/gpt4/chat/completions",
            "/aws-bedrock/bedrock-runtime/eu-west-1/openai/v1/chat/completions", "/aws-bedrock/bedrock/us-west-2/x", "/azure/west",
        ] {
            #expect(router.route("POST", target).refusal?.error.status == 404, "\(target)")
        }
    }

    @Test func `a native path is classified as what it is not`() throws {
        let router = try Fixture.router()
        for (method, target, operation, dialect) in [
            ("POST", "/openai/v1/chat/completions", Operation.chatCompletions, Dialect.openAI),
            ("POST", "/openai/chat/completions/", .chatCompletions, .openAI),
            ("POST", "/openai/v1/Chat/Completions", .chatCompletions, .openAI),
            ("GET", "/openai/v1/chat/completions", .other, .openAI), ("POST", "/openai/v1/chat/completions/x", .other, .openAI),
            ("GET", "/openai/v1/models", .models, .openAI), ("GET", "/openai/v1/models/gpt-4", .models, .openAI),
            ("GET", "/openai/v1/models/a%2Fb", .models, .openAI), ("DELETE", "/openai/v1/models/ft:x", .other, .openAI),
            ("POST", "/openai/v1/files", .other, .openAI), ("POST", "/anthropic/v1/messages", .messages, .anthropic),
            ("POST", "/anthropic/v1/messages/count_tokens", .countTokens, .anthropic),
            ("POST", "/anthropic/v1/messages/batches", .other, .anthropic),
            ("POST", "/anthropic/v1/chat/completions", .chatCompletions, .openAI),
            ("POST", "/gemini/v1beta/models/m:generateContent", .generateContent, .gemini),
            ("POST", "/gemini/v1/models/m:streamGenerateContent", .generateContent, .gemini),
            ("POST", "/gemini/v1beta/tunedModels/m:generateContent", .generateContent, .gemini),
            ("POST", "/gemini/v1beta/models/m:batchGenerateContent", .other, .gemini),
            ("POST", "/gemini/v1beta/openai/chat/completions", .chatCompletions, .openAI),
            ("POST", "/azure/west/gpt4/chat/completions", .chatCompletions, .openAI),
            ("POST", "/azure/west/gpt4/images/generations", .other, .openAI),
            ("POST", "/aws-bedrock/bedrock-runtime/us-west-2/openai/v1/chat/completions", .chatCompletions, .openAI),
            ("POST", "/aws-bedrock/bedrock-runtime/us-west-2/model/m/invoke", .other, .openAI),
            ("POST", "/deepseek/anthropic/v1/messages", .messages, .anthropic),
            ("POST", "/deepseek/beta/chat/completions", .chatCompletions, .openAI),
            ("POST", "/demo/v1/models/m:generateContent", .generateContent, .gemini),
        ] {
            let native = try #require(router.route(method, target).native, "\(method) \(target)")
            #expect(native.operation == operation, "\(method) \(target)")
            #expect(native.dialect == dialect, "\(method) \(target)")
        }
        #expect(router.route("POST", "/azure/west/gpt4/chat/completions").native?.model == "gpt4")
        let stream = try #require(router.route("POST", "/gemini/models/m%2F1:streamGenerateContent?key=x").native)
        #expect(stream.model == "m/1" && stream.isGeminiStream && !stream.wantsServerSentEvents)
    }

    @Test func `a client's own key stays in the query beside the operator's`() throws {
        let router = try Fixture.router()
        let target = "/gemini/v1beta/models/m:generateContent?key=AIza&alt=sse&%6bey=AIza&x=1"
        let base = "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"
        #expect(try router.url("POST", target) == base + "?alt=sse&x=1")
        #expect(try router.url("POST", target, removesCredentials: false) == base + "?key=AIza&alt=sse&%6bey=AIza&x=1")
        #expect(try router.url("POST", "/gemini/v1beta/models/m:generateContent?key=AIza") == base)
    }

    @Test func `cloudflare's shape takes an account that is not ours`() throws {
        let any = try Fixture.router()
        #expect(any.route("POST", "/v1/acc/gw") == .universal(account: 4..<7, gateway: 8..<10))
        #expect(any.route("POST", "/v1/acc/gw/") == .universal(account: 4..<7, gateway: 8..<10))
        #expect(any.route("POST", "/v1/acc/gw/openai/v1/chat/completions").native?.isAccountShape == true)
        #expect(any.route("POST", "/v1/acc/v1/openai/chat/completions").refusal?.error.status == 404)
        #expect(any.route("POST", "/v1/openai/chat/completions").refusal?.error.message.contains("no version in front") == true)
        let ours = try Fixture.router(accounts: ["acc"], gateways: ["gw"])
        #expect(ours.route("POST", "/v1/acc/gw/openai/v1/chat/completions").native != nil)
        #expect(ours.route("POST", "/v1/acc/other/openai/v1/chat/completions").refusal?.error.code == "unknown_account")
        #expect(ours.route("POST", "/v1/x/gw").refusal?.error.code == "unknown_account")
    }

    @Test func `a tenant's endpoint or a health check is taken for a provider`() throws {
        let router = try Fixture.router()
        #expect(router.route("GET", "/healthz") == .health(.live))
        #expect(router.route("HEAD", "/readyz") == .health(.ready))
        #expect(router.route("GET", "/weir/usage") == .tenant(.usage))
        let id = "01890a5d-ac96-774b-bcce-b302099a8057"
        #expect(router.route("POST", "/weir/feedback/\(id)") == .tenant(.feedback(logID: 15..<51)))
        #expect(router.route("POST", "/weir/feedback/\(id)0").refusal?.error.status == 404)
        #expect(router.route("POST", "/weir/feedback/").refusal?.error.status == 404)
        #expect(router.route("GET", "/weir/stats").refusal?.error.status == 404)
        for target in [
            "/", "/metrics", "/v1", "/v1/", "/admin/keys", "/openai", "/openai/", "/nothing/v1/chat/completions", "/chat/completions",
        ] {
            #expect(router.route("POST", target).refusal?.error.status == 404, "\(target)")
        }
        #expect(router.route("POST", "/chat/completions").refusal?.error.message.contains("/v1") == true)
    }

    @Test func `random bytes in a path trap the router or reach an unlisted host`() throws {
        let router = try Fixture.router()
        var random = SplitMix64(seed: 7)
        let pieces = [
            "/", "v1", "openai", "%2F", "%", "..", "gemini", ":generateContent", "models", "azure", "west", "a", ";", "?", "\\", "\u{0}",
            "é",
            "bedrock-runtime", "aws-bedrock", "v1beta", "%2e", "chat/completions",
        ]
        let hosts = ["https://api.openai.com/", "https://generativelanguage.googleapis.com/", "https://west.openai.azure.com/"]
        for _ in 0..<20_000 {
            let target = "/" + (0..<Int.random(in: 0..<8, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let path = Array(target.utf8)
            let query: [UInt8] = []
            let routed = router.route(method: Array("POST".utf8).span, path: path.span, query: query.span, hasAnthropicVersion: false)
            guard let native = routed.native else { continue }
            var url: [UInt8] = []
            try router.providers.appendNativeURL(native, path: path.span, query: query.span, removesCredentials: true, to: &url)
            let text = String(decoding: url, as: UTF8.self)
            #expect(hosts.contains { text.hasPrefix($0) }, "\(target) -> \(text)")
            #expect(!text.dropFirst(8).contains("//") && !(text + "/").contains("/../"), "\(target) -> \(text)")
        }
    }
}
