import GatewayModel
import JSON

// A stored answer in the form that this request asks for. Built on whole values, not incrementally: only hits that need another form than the
// stored one come here. Everything a provider sent is kept, known or not; what cannot be carried over exactly has no replay form (`nil`), and
// the request is a miss.

/// Turns recorded answers of one form into another.
public enum Replay {
    /// A stored body as `form`; `nil` where it has no such form or is not a whole answer.
    ///
    /// `includesUsage` says whether the request asked for the usage chunk; only OpenAI's chat completions and completions have one.
    public static func convert(
        _ body: Span<UInt8>, operation: Operation, from: AnswerForm, to form: AnswerForm, includesUsage: Bool
    ) -> [UInt8]? {
        switch (from, form) {
        case (.json, .json), (.geminiArray, .geminiArray): return body.copied()
        case (.serverSentEvents, .serverSentEvents):
            let hidesUsage = !includesUsage && (operation == .chatCompletions || operation == .completions)
            return hidesUsage ? withoutUsageEvent(body) : body.copied()
        case (.json, .serverSentEvents): return stream(from: body, operation: operation, includesUsage: includesUsage)
        case (.serverSentEvents, .json): return answer(from: body, operation: operation)
        case (.json, .geminiArray):
            guard operation == .generateContent, let value = try? JSONValue(parsing: body) else { return nil }
            return JSONValue.array([value]).bytes
        case (.geminiArray, .json):
            guard operation == .generateContent, let chunks = (try? JSONValue(parsing: body))?.arrayValue else { return nil }
            return GenerateContentReplay.answer(from: chunks)?.bytes
        case (.geminiArray, .serverSentEvents):
            // An array without a chunk is no answer, and a stream of nothing even less.
            guard operation == .generateContent, let chunks = (try? JSONValue(parsing: body))?.arrayValue, !chunks.isEmpty else {
                return nil
            }
            var output: [UInt8] = []
            for chunk in chunks { appendEvent(chunk, to: &output) }
            return output
        case (.serverSentEvents, .geminiArray):
            guard operation == .generateContent, let events = RecordedEvents(body), !events.values.isEmpty else { return nil }
            return JSONValue.array(events.values).bytes
        }
    }

    /// A non-stream answer as the server-sent events that a stream of it would have been.
    public static func stream(from answer: Span<UInt8>, operation: Operation, includesUsage: Bool) -> [UInt8]? {
        guard let value = try? JSONValue(parsing: answer), let object = value.objectValue, object["error"]?.isNull != false else {
            return nil
        }
        switch operation {
        case .chatCompletions: return ChatCompletionsReplay.stream(from: object, includesUsage: includesUsage)
        case .completions: return CompletionsReplay.stream(from: object, includesUsage: includesUsage)
        case .responses: return ResponsesReplay.stream(from: object)
        case .messages: return MessagesReplay.stream(from: object)
        case .generateContent:
            var output: [UInt8] = []
            appendEvent(value, to: &output)
            return output
        default: return nil
        }
    }

    /// A recorded stream as the non-stream answer that it adds up to. Whether it ended cleanly was judged when it was recorded; here only what
    /// an answer must have is asked for.
    public static func answer(from stream: Span<UInt8>, operation: Operation) -> [UInt8]? {
        guard let events = RecordedEvents(stream) else { return nil }
        switch operation {
        case .chatCompletions: return ChatCompletionsReplay.answer(from: events.values)?.bytes
        case .completions: return CompletionsReplay.answer(from: events.values)?.bytes
        case .responses: return ResponsesReplay.answer(from: events.values)?.bytes
        case .messages: return MessagesReplay.answer(from: events.values)?.bytes
        case .generateContent: return GenerateContentReplay.answer(from: events.values)?.bytes
        default: return nil
        }
    }

    /// A recorded OpenAI stream without its usage-only chunk; every other byte as it was.
    public static func withoutUsageEvent(_ stream: Span<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(stream.count)
        var filter = UsageEventFilter(eventBytesMax: max(stream.count, 1))
        filter.receive(stream, to: &output)
        filter.finish(to: &output)
        return output
    }

    /// Appends an unnamed event.
    static func appendEvent(_ value: JSONValue, to output: inout [UInt8]) {
        output.append(literal: "data: ")
        value.write(to: &output)
        output.append(literal: "\n\n")
    }

    /// Appends an event that is named by its own `type`, as Responses and Anthropic have them.
    static func appendTypedEvent(_ type: String, _ members: [(String, JSONValue)], to output: inout [UInt8]) {
        output.append(literal: "event: ")
        output.append(contentsOf: type.utf8)
        output.append(literal: "\n")
        var object = JSONObject()
        object["type"] = .string(type)
        for (key, value) in members { object[key] = value }
        appendEvent(.object(object), to: &output)
    }
}

/// The events of a recorded stream as values; `nil` from the initialiser where one of them is no JSON.
struct RecordedEvents: ServerSentEventHandler {
    private(set) var values: [JSONValue] = []
    private var isMalformed = false

    init?(_ stream: Span<UInt8>) {
        var parser = ServerSentEventParser(eventBytesMax: max(stream.count, 1))
        parser.receive(stream, &self)
        parser.finish(&self)
        if isMalformed { return nil }
    }

    mutating func receivedEvent(name: Span<UInt8>, data: Span<UInt8>, end: Int) {
        if data.count == 0 || data.equals("[DONE]") { return }
        guard let value = try? JSONValue(parsing: data), value["error"]?.isNull != false else {
            isMalformed = true
            return
        }
        values.append(value)
    }

    mutating func receivedEmptyBlock(end: Int) {}
}
