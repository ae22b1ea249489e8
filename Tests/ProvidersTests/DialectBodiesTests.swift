import GatewayModel
import JSON
import Testing

@testable import Providers

@Suite struct DialectBodiesTests {
    static func body(_ error: GatewayError, _ dialect: Dialect) throws -> JSONValue {
        var body: [UInt8] = []
        appendErrorBody(error, dialect: dialect, requestID: "0189-x", to: &body)
        return try JSONValue(parsing: body.span)
    }

    @Test func `an error has the shape of another dialect`() throws {
        let error = GatewayError(status: 429, code: "rate_limited", message: "Wait \"here\"\n.", param: "model")
        #expect(
            try DialectBodiesTests.body(error, .openAI) == [
                "error": [
                    "message": "Wait \"here\"\n.", "type": "rate_limit_error", "param": "model", "code": "rate_limited",
                    "request_id": "0189-x",
                ]
            ])
        #expect(
            try DialectBodiesTests.body(error, .anthropic) == [
                "type": "error", "error": ["type": "rate_limit_error", "message": "Wait \"here\"\n.", "code": "rate_limited"],
                "request_id": "0189-x",
            ])
        let google = try DialectBodiesTests.body(error, .gemini)
        #expect(google["error"]?["code"] == 429 && google["error"]?["status"] == "RESOURCE_EXHAUSTED")
        #expect(google["error"]?["details"]?[0]?["reason"] == "rate_limited")
        #expect(google["error"]?["details"]?[0]?["metadata"]?["request_id"] == "0189-x")
    }

    @Test(arguments: [
        (400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
        (401, "authentication_error", "authentication_error", "UNAUTHENTICATED"),
        (403, "permission_error", "permission_error", "PERMISSION_DENIED"),
        (404, "not_found_error", "not_found_error", "NOT_FOUND"), (413, "invalid_request_error", "request_too_large", "INVALID_ARGUMENT"),
        (502, "upstream_error", "api_error", "UNAVAILABLE"), (503, "overloaded_error", "overloaded_error", "UNAVAILABLE"),
        (504, "upstream_error", "timeout_error", "DEADLINE_EXCEEDED"), (501, "not_supported_error", "api_error", "UNIMPLEMENTED"),
    ])
    func `an error's type does not fit its status`(status: Int, openAI: String, anthropic: String, google: String) throws {
        let error = GatewayError(status: status, code: "c", message: "m")
        #expect(try DialectBodiesTests.body(error, .openAI)["error"]?["type"] == .string(openAI))
        #expect(try DialectBodiesTests.body(error, .anthropic)["error"]?["type"] == .string(anthropic))
        #expect(try DialectBodiesTests.body(error, .gemini)["error"]?["status"] == .string(google))
    }

    @Test func `a broken stream ends like a whole one`() {
        let error = GatewayError(status: 502, code: "stream_broken", message: "The provider broke off.", source: .upstream)
        for (dialect, operation, stream) in [
            (Dialect.openAI, Operation.chatCompletions, Recording.chatStream), (.anthropic, .messages, Recording.messagesStream),
            (.gemini, .generateContent, Recording.geminiStream), (.openAI, .responses, Recording.responsesStream),
        ] {
            let kept = stream.components(by: "\n\n").prefix(2).joined(separator: "\n\n") + "\n\n"
            var bytes = Array((dialect == .gemini ? "" : kept).utf8)
            appendStreamErrorEvent(error, dialect: dialect, operation: operation, requestID: "r", to: &bytes)
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.hasSuffix("\n\n") && text.contains("stream_broken"))
            let summary = AnswerObserverTests.observe(text, operation)
            #expect(summary.outcome == .errorInBody && !summary.sawDone, "\(text)")
        }
    }

    @Test func `the list of models cannot be read by the dialect's SDK`() throws {
        let models = [
            ListedModel(id: "demo/demo-chat", owner: "demo", createdSeconds: 1_709_210_096), ListedModel(id: "fast", owner: "weir"),
        ]
        func list(_ models: [ListedModel], _ dialect: Dialect) throws -> JSONValue {
            var body: [UInt8] = []
            appendModelsList(models, dialect: dialect, to: &body)
            return try JSONValue(parsing: body.span)
        }
        let openAI = try list(models, .openAI)
        #expect(openAI["object"] == "list" && openAI["data"]?[0]?["object"] == "model" && openAI["data"]?[0]?["created"] == 1_709_210_096)
        #expect(openAI["data"]?[1]?["owned_by"] == "weir")
        let anthropic = try list(models, .anthropic)
        #expect(
            anthropic["data"]?[0]?["created_at"] == "2024-02-29T12:34:56Z" && anthropic["data"]?[1]?["created_at"] == "1970-01-01T00:00:00Z"
        )
        #expect(anthropic["has_more"] == false && anthropic["first_id"] == "demo/demo-chat" && anthropic["last_id"] == "fast")
        #expect(try list(models, .gemini)["models"]?[0]?["name"] == "models/demo/demo-chat")
        #expect(try list([], .anthropic)["first_id"]?.isNull == true)
        #expect(try list([], .openAI)["data"]?.arrayValue?.isEmpty == true)
    }
}
