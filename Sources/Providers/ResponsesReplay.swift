import JSON

/// OpenAI Responses between their two forms. The last event of a stream holds the whole answer; a stream made from an answer has the events
/// that the SDKs build on, in their order: https://platform.openai.com/docs/api-reference/responses-streaming
enum ResponsesReplay {
    /// The answer in the last event. Where a server leaves `output` empty there, the items that were done are put in.
    static func answer(from events: [JSONValue]) -> JSONValue? {
        var items = IndexedObjects()
        var final: JSONObject?
        for event in events {
            switch event["type"]?.stringValue {
            case "response.output_item.done":
                if let index = event["output_index"]?.intValue, let item = event["item"]?.objectValue { items[index] = item }
            case "response.completed", "response.incomplete": final = event["response"]?.objectValue
            case "response.failed", "error": return nil
            default: break
            }
        }
        guard var answer = final else { return nil }
        if answer["output"]?.arrayValue?.isEmpty != false, !items.entries.isEmpty {
            answer["output"] = .array(items.entries.map { .object($0.object) })
        }
        return .object(answer)
    }

    /// The events that lead to an answer.
    static func stream(from answer: JSONObject) -> [UInt8]? {
        guard let status = answer["status"]?.stringValue, status == "completed" || status == "incomplete",
            let items = answer["output"]?.arrayValue
        else { return nil }
        var writer = ResponseEventWriter()
        var start = answer
        start["status"] = "in_progress"
        start["output"] = []
        if start["usage"] != nil { start["usage"] = .null }
        if start["completed_at"] != nil { start["completed_at"] = .null }
        if start["incomplete_details"] != nil { start["incomplete_details"] = .null }
        writer.emit("response.created", [("response", .object(start))])
        writer.emit("response.in_progress", [("response", .object(start))])
        for (index, item) in items.enumerated() {
            guard let object = item.objectValue else { return nil }
            writer.write(object, at: index)
        }
        writer.emit(status == "completed" ? "response.completed" : "response.incomplete", [("response", .object(answer))])
        return writer.output
    }
}

/// Writes the events of output items, numbered.
private struct ResponseEventWriter {
    var output: [UInt8] = []
    private var sequence = 0

    init() {}

    mutating func emit(_ type: String, _ members: [(String, JSONValue)]) {
        Replay.appendTypedEvent(type, [("sequence_number", .number(sequence))] + members, to: &output)
        sequence += 1
    }

    mutating func write(_ item: JSONObject, at index: Int) {
        let id = item["id"] ?? ""
        let place: [(String, JSONValue)] = [("item_id", id), ("output_index", .number(index))]
        var start = item
        if start["status"] != nil { start["status"] = "in_progress" }
        let type = item["type"]?.stringValue ?? ""
        switch type {
        case "message": start["content"] = []
        case "reasoning":
            start["summary"] = []
            if start["content"] != nil { start["content"] = [] }
        case "function_call", "mcp_call": start["arguments"] = ""
        case "custom_tool_call": start["input"] = ""
        default: break
        }
        emit("response.output_item.added", [("output_index", .number(index)), ("item", .object(start))])
        switch type {
        case "message":
            for (position, part) in (item["content"]?.arrayValue ?? []).enumerated() {
                write(part, place + [("content_index", .number(position))])
            }
        case "reasoning":
            for (position, part) in (item["summary"]?.arrayValue ?? []).enumerated() {
                writeSummary(part, place + [("summary_index", .number(position))])
            }
            for (position, part) in (item["content"]?.arrayValue ?? []).enumerated() {
                write(part, place + [("content_index", .number(position))])
            }
        case "function_call": writeText("response.function_call_arguments", "arguments", item["arguments"], place)
        case "mcp_call": writeText("response.mcp_call_arguments", "arguments", item["arguments"], place)
        case "custom_tool_call": writeText("response.custom_tool_call_input", "input", item["input"], place)
        default: break
        }
        emit("response.output_item.done", [("output_index", .number(index)), ("item", .object(item))])
    }

    /// A text that streams as `….delta` and `….done`.
    private mutating func writeText(_ event: String, _ key: String, _ text: JSONValue?, _ place: [(String, JSONValue)]) {
        emit(event + ".delta", place + [("delta", text ?? "")])
        emit(event + ".done", place + [(key, text ?? "")])
    }

    private mutating func write(_ part: JSONValue, _ place: [(String, JSONValue)]) {
        guard var start = part.objectValue else { return }
        let type = part["type"]?.stringValue ?? ""
        if start["text"] != nil { start["text"] = "" }
        if start["refusal"] != nil { start["refusal"] = "" }
        if start["annotations"] != nil { start["annotations"] = [] }
        if start["logprobs"] != nil { start["logprobs"] = [] }
        emit("response.content_part.added", place + [("part", .object(start))])
        switch type {
        case "output_text":
            let logprobs: JSONValue = part["logprobs"] ?? []
            emit("response.output_text.delta", place + [("delta", part["text"] ?? ""), ("logprobs", logprobs)])
            for (position, annotation) in (part["annotations"]?.arrayValue ?? []).enumerated() {
                emit(
                    "response.output_text.annotation.added",
                    place + [("annotation_index", .number(position)), ("annotation", annotation)])
            }
            emit("response.output_text.done", place + [("text", part["text"] ?? ""), ("logprobs", logprobs)])
        case "refusal": writeText("response.refusal", "refusal", part["refusal"], place)
        case "reasoning_text": writeText("response.reasoning_text", "text", part["text"], place)
        default: break
        }
        emit("response.content_part.done", place + [("part", part)])
    }

    private mutating func writeSummary(_ part: JSONValue, _ place: [(String, JSONValue)]) {
        guard var start = part.objectValue else { return }
        start["text"] = ""
        emit("response.reasoning_summary_part.added", place + [("part", .object(start))])
        writeText("response.reasoning_summary_text", "text", part["text"], place)
        emit("response.reasoning_summary_part.done", place + [("part", part)])
    }
}
