import GatewayModel
import JSON

/// What one request asks for, the same for all dialects: what the answer is derived from.
public struct DemoInput: Sendable, Equatable {
    /// A function that the model may call.
    public struct Tool: Sendable, Equatable {
        /// The function's name.
        public var name: String
        /// The JSON schema of its arguments; `null` where there is none.
        public var schema: JSONValue
    }

    /// The operation, which also tells the dialect.
    public var operation: Operation
    /// The model's name as asked for.
    public var model: String
    /// Every text of the input in order: system prompt, messages, or the items to embed.
    public var texts: [String] = []
    /// The last text a user wrote; the answer repeats it.
    public var prompt = ""
    /// Functions that may be called.
    public var tools: [Tool] = []
    /// Whether the last message is the user's own (and not the result of a call).
    public var endsWithUser = false
    /// Whether events are wanted instead of one body.
    public var streams = false
    /// OpenAI's `stream_options.include_usage`.
    public var includesUsage = false
    /// Gemini's `alt=sse`; without it a stream is one JSON array.
    public var usesEventStream = true
    /// OpenAI's `n` and Gemini's `candidateCount`, 1...16.
    public var choices = 1
    /// The output limit in tokens, if one was given.
    public var outputTokensMax: Int?
    /// Length of an embedding, 1...4096.
    public var dimensions = 8
    /// OpenAI's `encoding_format: base64`.
    public var usesBase64 = false

    /// An input without text.
    public init(operation: Operation, model: String) {
        self.operation = operation
        self.model = model
    }

    /// Whether the answer is to call a function: functions are given, and the user's text says "call the tool".
    public var wantsToolCall: Bool { !tools.isEmpty && endsWithUser && prompt.lowercased().contains("call the tool") }

    /// Reads a request body. Throws 400 for a body without what the operation requires.
    ///
    /// - Parameters:
    ///   - pathModel: the model of a Gemini path.
    ///   - isStreamingPath: whether the path was Gemini's `:streamGenerateContent`.
    public init(
        operation: Operation, body: JSONValue, pathModel: String? = nil, isStreamingPath: Bool = false, usesEventStream: Bool = true
    ) throws(GatewayError) {
        guard let model = pathModel ?? body["model"]?.stringValue, !model.isEmpty else { throw DemoInput.missing("model") }
        self.init(operation: operation, model: model)
        self.usesEventStream = usesEventStream
        streams = isStreamingPath || body["stream"]?.boolValue ?? false
        switch operation {
        case .chatCompletions: try readChat(body)
        case .completions: try readCompletion(body)
        case .responses: try readResponses(body)
        case .embeddings, .moderations: try readItems(body)
        case .messages, .countTokens: try readMessages(body)
        default: try readGemini(body)
        }
    }

    private static func missing(_ field: String) -> GatewayError {
        GatewayError(status: 400, code: "missing_field", message: "'\(field)' is required", param: field)
    }

    private mutating func readChat(_ body: JSONValue) throws(GatewayError) {
        guard let messages = body["messages"]?.arrayValue, !messages.isEmpty else { throw DemoInput.missing("messages") }
        for message in messages { take(message["content"], role: message["role"]?.stringValue ?? "user") }
        includesUsage = body["stream_options"]?["include_usage"]?.boolValue ?? false
        choices = DemoInput.clamp(body["n"]?.intValue, 1...16, default: 1)
        outputTokensMax = body["max_completion_tokens"]?.intValue ?? body["max_tokens"]?.intValue
        for tool in body["tools"]?.arrayValue ?? [] {
            guard let function = tool["function"], let name = function["name"]?.stringValue else { continue }
            tools.append(Tool(name: name, schema: function["parameters"] ?? .null))
        }
    }

    private mutating func readCompletion(_ body: JSONValue) throws(GatewayError) {
        guard let prompt = body["prompt"] else { throw DemoInput.missing("prompt") }
        take(prompt, role: "user")
        includesUsage = body["stream_options"]?["include_usage"]?.boolValue ?? false
        choices = DemoInput.clamp(body["n"]?.intValue, 1...16, default: 1)
        outputTokensMax = body["max_tokens"]?.intValue
    }

    private mutating func readResponses(_ body: JSONValue) throws(GatewayError) {
        guard let input = body["input"] else { throw DemoInput.missing("input") }
        if let instructions = body["instructions"]?.stringValue { texts.append(instructions) }
        if input.stringValue != nil { take(input, role: "user") }
        for item in input.arrayValue ?? [] {
            if item["type"]?.stringValue == "function_call_output" {
                take(item["output"], role: "tool")
            } else {
                take(item["content"], role: item["role"]?.stringValue ?? "assistant")
            }
        }
        outputTokensMax = body["max_output_tokens"]?.intValue
        for tool in body["tools"]?.arrayValue ?? [] {
            guard let name = tool["name"]?.stringValue else { continue }
            tools.append(Tool(name: name, schema: tool["parameters"] ?? .null))
        }
    }

    private mutating func readItems(_ body: JSONValue) throws(GatewayError) {
        guard let input = body["input"] else { throw DemoInput.missing("input") }
        if let text = input.stringValue {
            texts = [text]
        } else if let items = input.arrayValue, items.allSatisfy({ $0.stringValue != nil || $0.intValue != nil || $0.arrayValue != nil }) {
            // A list of tokens is one item, a list of texts or of token lists is many.
            texts = items.first?.intValue != nil ? [DemoInput.text(of: input)] : items.map(DemoInput.text(of:))
        }
        guard !texts.isEmpty else { throw DemoInput.missing("input") }
        dimensions = DemoInput.clamp(body["dimensions"]?.intValue, 1...4096, default: 8)
        usesBase64 = body["encoding_format"]?.stringValue == "base64"
    }

    private mutating func readMessages(_ body: JSONValue) throws(GatewayError) {
        guard let messages = body["messages"]?.arrayValue, !messages.isEmpty else { throw DemoInput.missing("messages") }
        if operation == .messages {
            guard let limit = body["max_tokens"]?.intValue else { throw DemoInput.missing("max_tokens") }
            outputTokensMax = limit
        }
        take(body["system"], role: "system")
        for message in messages { take(message["content"], role: message["role"]?.stringValue ?? "user") }
        for tool in body["tools"]?.arrayValue ?? [] {
            guard let name = tool["name"]?.stringValue else { continue }
            tools.append(Tool(name: name, schema: tool["input_schema"] ?? .null))
        }
    }

    private mutating func readGemini(_ body: JSONValue) throws(GatewayError) {
        if operation == .batchEmbedContents {
            guard let requests = body["requests"]?.arrayValue, !requests.isEmpty else { throw DemoInput.missing("requests") }
            texts = requests.map { DemoInput.text(of: $0["content"]?["parts"] ?? .null) }
            dimensions = DemoInput.clamp(requests.first?["outputDimensionality"]?.intValue, 1...4096, default: 8)
            return
        }
        if operation == .embedContent {
            guard let content = body["content"] else { throw DemoInput.missing("content") }
            texts = [DemoInput.text(of: content["parts"] ?? .null)]
            dimensions = DemoInput.clamp(body["outputDimensionality"]?.intValue, 1...4096, default: 8)
            return
        }
        guard let contents = body["contents"]?.arrayValue, !contents.isEmpty else { throw DemoInput.missing("contents") }
        take(body["systemInstruction"]?["parts"] ?? body["system_instruction"]?["parts"], role: "system")
        for content in contents {
            let parts = content["parts"]
            let isResult = (parts?.arrayValue ?? []).contains { $0["functionResponse"] != nil }
            take(parts, role: isResult ? "tool" : content["role"]?.stringValue ?? "user")
        }
        let settings = body["generationConfig"]
        choices = DemoInput.clamp(settings?["candidateCount"]?.intValue, 1...16, default: 1)
        outputTokensMax = settings?["maxOutputTokens"]?.intValue
        for tool in body["tools"]?.arrayValue ?? [] {
            for function in tool["functionDeclarations"]?.arrayValue ?? [] {
                guard let name = function["name"]?.stringValue else { continue }
                tools.append(Tool(name: name, schema: function["parameters"] ?? function["parametersJsonSchema"] ?? .null))
            }
        }
    }

    /// Adds the text of one message's content: a string, or a list of parts of which only texts count.
    private mutating func take(_ content: JSONValue?, role: String) {
        guard let content else { return }
        let text = DemoInput.text(of: content)
        let isResult = (content.arrayValue ?? []).contains { $0["type"]?.stringValue == "tool_result" }
        endsWithUser = role == "user" && !isResult
        if endsWithUser { prompt = text }
        if !text.isEmpty { texts.append(text) }
    }

    /// The text in a value: itself, its parts' `text`, or its numbers (tokens) in decimal. Images and files have none.
    static func text(of value: JSONValue) -> String {
        if let text = value.stringValue { return text }
        if let number = value.intValue { return String(number) }
        guard let parts = value.arrayValue else { return value["text"]?.stringValue ?? "" }
        return parts.map { part in
            part.stringValue ?? part["text"]?.stringValue ?? part.intValue.map { String($0) } ?? part["content"].map(text(of:)) ?? ""
        }.joined(separator: " ")
    }

    private static func clamp(_ value: Int?, _ range: ClosedRange<Int>, default fallback: Int) -> Int {
        value.map { min(max($0, range.lowerBound), range.upperBound) } ?? fallback
    }
}
