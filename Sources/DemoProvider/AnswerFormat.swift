import GatewayModel
import JSON

/// What names one answer: every fresh answer of the demo provider has its own, so that a repeated one can be told from it.
public struct AnswerIdentity: Sendable, Equatable {
    /// Goes into every id of the answer: the call's number, or what the request's `x-demo-id` field said.
    public var name: String
    /// Seconds since 1970.
    public var createdSeconds: Int

    /// Makes an identity.
    public init(name: String, createdSeconds: Int) {
        self.name = name
        self.createdSeconds = createdSeconds
    }
}

/// One event of a stream, before framing.
struct StreamEvent: Equatable {
    /// The `event:` field; `nil` leaves it out.
    var name: String?
    /// The `data:` field.
    var data: [UInt8]

    init(_ name: String? = nil, _ value: JSONValue) {
        self.name = name
        data = value.bytes
    }

    init(text: String) { data = Array(text.utf8) }

    /// Server-sent-event framing (HTML standard, section 9.2).
    var framed: [UInt8] {
        var bytes: [UInt8] = []
        if let name { bytes += Array("event: \(name)\n".utf8) }
        bytes += Array("data: ".utf8)
        bytes += data
        bytes += [0x0A, 0x0A]
        return bytes
    }

    /// The same event as a legal but unusual producer writes it: a comment, CRLF, no space after the colon.
    var oddlyFramed: [UInt8] {
        var bytes = Array(": odd\r\n".utf8)
        if let name { bytes += Array("event:\(name)\r\n".utf8) }
        bytes += Array("data:".utf8)
        bytes += data
        bytes += Array("\r\n\r\n".utf8)
        return bytes
    }
}

/// A whole answer in a dialect: one body, or events.
struct AnswerFormat {
    var input: DemoInput
    var answer: DemoAnswer
    var identity: AnswerIdentity
    /// Whether a stream says how it ended (`demo-no-done` does not).
    var saysDone = true
    /// An event in the middle reports an error, and the stream ends (`demo-error-event`).
    var breaksOff = false
    /// Size of the pieces of a streamed text.
    var pieceBytesMax = 16

    /// The answer as one body.
    func body() -> JSONValue {
        switch input.operation {
        case .chatCompletions: chatBody()
        case .completions: completionBody()
        case .responses: responsesBody()
        case .messages: messagesBody()
        case .generateContent: geminiBody()
        case .countTokens: ["input_tokens": .number(DemoAnswer.inputTokens(of: input))]
        case .geminiCountTokens: ["totalTokens": .number(DemoAnswer.inputTokens(of: input))]
        case .embeddings: embeddingsBody()
        case .embedContent: ["embedding": geminiEmbedding(of: input.texts.first ?? "")]
        case .batchEmbedContents: ["embeddings": .array(input.texts.map(geminiEmbedding))]
        case .moderations: moderationsBody()
        case .models, .other: .null
        }
    }

    /// The answer as events; empty for an operation that does not stream.
    func events() -> [StreamEvent] {
        var events: [StreamEvent]
        switch input.operation {
        case .chatCompletions: events = chatEvents()
        case .completions: events = completionEvents()
        case .responses: events = responsesEvents()
        case .messages: events = messagesEvents()
        case .generateContent: events = geminiEvents()
        default: return []
        }
        if breaksOff {
            events = Array(events.prefix(3))
            let error = ErrorFormat(dialect: .of(input.operation)).body(status: 500, message: "The demo provider broke off, as asked.")
            events.append(StreamEvent(input.operation == .messages ? "error" : nil, error))
        }
        return events
    }

    /// Token counts as the behaviour wants them reported: honest, absurd, or not at all.
    func report(_ fields: [(String, Int64)]) -> JSONValue? {
        switch answer.usageReport {
        case .missing: return nil
        case .honest:
            return .object(JSONObject(members: fields.map { .init(key: $0.0, value: .number(Int(clamping: $0.1))) }))
        case .absurd:
            let values: [JSONValue] = [.number(-5), .number("1e18"), .string("many")]
            return .object(JSONObject(members: fields.enumerated().map { .init(key: $0.element.0, value: values[$0.offset % 3]) }))
        }
    }
}

extension Dialect {
    /// The dialect an operation belongs to.
    static func of(_ operation: Operation) -> Dialect {
        switch operation {
        case .messages, .countTokens: .anthropic
        case .generateContent, .embedContent, .batchEmbedContents, .geminiCountTokens: .gemini
        default: .openAI
        }
    }
}

extension JSONValue {
    /// The object with a member set; `nil` leaves it as it is.
    func with(_ key: String, _ value: JSONValue?) -> JSONValue {
        guard let value, var members = objectValue else { return self }
        members[key] = value
        return .object(members)
    }
}

/// An error in the shape of a dialect.
struct ErrorFormat {
    var dialect: Dialect

    func body(status: Int, message: String, code: String = "demo_error") -> JSONValue {
        switch dialect {
        case .openAI:
            return ["error": ["message": .string(message), "type": .string(openAIType(status)), "param": .null, "code": .string(code)]]
        case .anthropic:
            return ["type": "error", "error": ["type": .string(anthropicType(status)), "message": .string(message)]]
        case .gemini:
            return ["error": ["code": .number(status), "message": .string(message), "status": .string(googleStatus(status))]]
        }
    }

    private func openAIType(_ status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 429: "rate_limit_error"
        case 500...: "server_error"
        default: "invalid_request_error"
        }
    }

    private func anthropicType(_ status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 404: "not_found_error"
        case 413: "request_too_large"
        case 429: "rate_limit_error"
        case 529: "overloaded_error"
        case 500...: "api_error"
        default: "invalid_request_error"
        }
    }

    private func googleStatus(_ status: Int) -> String {
        switch status {
        case 401: "UNAUTHENTICATED"
        case 403: "PERMISSION_DENIED"
        case 404: "NOT_FOUND"
        case 429: "RESOURCE_EXHAUSTED"
        case 503: "UNAVAILABLE"
        case 504: "DEADLINE_EXCEEDED"
        case 500...: "INTERNAL"
        default: "INVALID_ARGUMENT"
        }
    }
}
