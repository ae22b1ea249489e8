import GatewayModel
import Testing

@testable import Providers

@Suite struct ProviderTableTests {
    @Test func `an alias or a custom prefix finds another provider`() throws {
        let table = try Fixture.table()
        #expect(table.index(of: "gemini") == table.index(of: "google-ai-studio"))
        #expect(table.index(of: "custom-groq") == table.index(of: "groq"))
        #expect(table.index(of: "GROQ") == nil)
        #expect(table.index(of: "") == nil)
        #expect(table.index(of: String(repeating: "a", count: 10_000)) == nil)
        for (index, definition) in Fixture.definitions.enumerated() { #expect(table.index(of: definition.name) == index) }
    }

    @Test func `two providers share a name`() throws {
        var other = Fixture.groq
        other.name = "other"
        other.aliases = ["openai"]
        #expect(throws: ProviderProblem.self) { try ProviderTable([Fixture.openAI, other]) }
    }

    @Test func `a definition that would send a key in the clear or let a client choose the host is accepted`() {
        func problems(_ change: (inout ProviderDefinition) -> Void) -> [String] {
            var definition = Fixture.openAI
            change(&definition)
            return definition.problems().map(\.field)
        }
        #expect(problems { _ in } == [])
        #expect(problems { $0.bases[0].url = "http://api.openai.com/v1" } == ["bases[0].url"])
        #expect(problems { $0.bases[0].url = "https://user:secret@api.openai.com/v1" } == ["bases[0].url"])
        #expect(problems { $0.bases[0].url = "https://api.openai.com/v1\r\nx: y" } == ["bases[0].url"])
        #expect(problems { $0.bases[0].url = "https://{host}/v1" } == ["bases[0].url", "bases[0].url"])
        #expect(problems { $0.native = [NativeMount(path: "{host}", url: "https://{host}.example.com")] } == ["native[0].url"])
        #expect(problems { $0.name = "v1" } == ["name"])
        #expect(problems { $0.name = "Up" } == ["name"])
        #expect(problems { $0.name = String(repeating: "a", count: 64) } == [])
        #expect(problems { $0.name = String(repeating: "a", count: 65) } == ["name"])
        #expect(problems { $0.bases = [] } == ["bases"])
        #expect(problems { $0.bases[0].operations[0].path = "chat" } == ["bases[0].operations.chat_completions"])
        #expect(problems { $0.credential = CredentialForm(header: "x-key", prefix: "a\r\nb") } == ["auth"])
        #expect(problems { $0.parameters = ["resource": ["evil.com/"]] } == ["parameters.resource"])
    }

    @Test func `a unified request goes to another URL than its base's, or a model's name leaves the collection`() throws {
        let table = try Fixture.table()
        func url(_ name: String, _ operation: Operation, model: String, stream: Bool = false, sse: Bool = false) throws -> String {
            var url: [UInt8] = []
            let index = try #require(table.index(of: name))
            try table.appendUnifiedURL(
                provider: index, operation: operation, model: Array(model.utf8).span, isStream: stream, wantsServerSentEvents: sse, to: &url
            )
            return String(decoding: url, as: UTF8.self)
        }
        #expect(try url("openai", .chatCompletions, model: "gpt") == "https://api.openai.com/v1/chat/completions")
        #expect(try url("anthropic", .chatCompletions, model: "c") == "https://api.anthropic.com/v1/chat/completions")
        #expect(try url("azure", .chatCompletions, model: "d") == "https://west.openai.azure.com/openai/v1/chat/completions")
        let google = "https://generativelanguage.googleapis.com/v1beta"
        #expect(try url("gemini", .generateContent, model: "g-2.5") == google + "/models/g-2.5:generateContent")
        #expect(try url("gemini", .generateContent, model: "g", stream: true) == google + "/models/g:streamGenerateContent")
        #expect(
            try url("gemini", .generateContent, model: "g", stream: true, sse: true) == google + "/models/g:streamGenerateContent?alt=sse")
        #expect(try url("gemini", .generateContent, model: "tunedModels/t") == google + "/tunedModels/t:generateContent")
        #expect(
            try url("gemini", .embedContent, model: "a+b?") == google + "/models/a%2Bb%3F:embedContent")
        for model in ["../x", "a/../b", "", ".", "a//b", "a\r\nb", "a b", "a/"] {
            #expect(throws: GatewayError.self, "\(model)") { try url("gemini", .generateContent, model: model) }
        }
        let refused = #expect(throws: GatewayError.self) { try url("openai", .messages, model: "gpt") }
        #expect(refused?.status == 501 && refused?.code == "dialect_not_supported")
        #expect(refused?.message.contains("/openai/") == true)
    }

    @Test func `a key goes in another base's header`() throws {
        let router = try Fixture.router()
        let table = router.providers
        func header(_ target: String) throws -> String {
            let native = try #require(router.route("POST", target).native)
            return table.credentialForm(provider: native.provider, base: native.base).header
        }
        #expect(try header("/anthropic/v1/messages") == "x-api-key")
        #expect(try header("/anthropic/v1/files") == "x-api-key")
        #expect(try header("/anthropic/v1/chat/completions") == "authorization")
        #expect(try header("/deepseek/anthropic/v1/messages") == "x-api-key")
        #expect(try header("/azure/west/gpt4/chat/completions") == "api-key")
        let anthropic = try #require(table.index(of: "anthropic"))
        let offer = try #require(table.unifiedOffer(provider: anthropic, operation: .chatCompletions))
        #expect(offer.base == 1 && offer.isCacheable)
        #expect(table.credentialForm(provider: anthropic, base: offer.base) == .bearer)
        #expect(table.traits(provider: anthropic, base: offer.base).dialect == .openAI)
        #expect(table.unifiedOffer(provider: anthropic, operation: .countTokens)?.isCacheable == false)
        #expect(table.unifiedOffer(provider: anthropic, operation: .embeddings) == nil)
    }

    @Test func `a key with a line end writes a header of its own`() {
        var line: [UInt8] = []
        #expect(CredentialForm.bearer.appendField(key: Array("sk-1".utf8).span, to: &line))
        #expect(String(decoding: line, as: UTF8.self) == "authorization: Bearer sk-1")
        line = []
        for key in ["", "a\r\nx: y", "a\u{0}", "a b", "é"] {
            #expect(!CredentialForm.xAPIKey.appendField(key: Array(key.utf8).span, to: &line))
            #expect(line.isEmpty)
        }
    }
}
