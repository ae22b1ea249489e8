import JSON

/// Anthropic messages between their two forms: https://docs.claude.com/en/docs/build-with-claude/streaming
enum MessagesReplay {
    /// What `message_delta` repeats of the usage: the counts, which are cumulative.
    private static let cumulative: Set<String> = [
        "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "server_tool_use",
    ]

    /// The events that lead to an answer.
    static func stream(from answer: JSONObject) -> [UInt8]? {
        guard answer["type"]?.stringValue == "message", let blocks = answer["content"]?.arrayValue,
            let stop = answer["stop_reason"], !stop.isNull
        else { return nil }
        var output: [UInt8] = []
        var start = answer
        start["content"] = []
        start["stop_reason"] = .null
        start["stop_sequence"] = .null
        let usage = answer["usage"]?.objectValue ?? JSONObject()
        var begun = usage
        if begun["output_tokens"] != nil { begun["output_tokens"] = 0 }
        start["usage"] = .object(begun)
        Replay.appendTypedEvent("message_start", [("message", .object(start))], to: &output)
        for (index, block) in blocks.enumerated() {
            guard let object = block.objectValue else { return nil }
            append(object, at: index, to: &output)
        }
        var delta = JSONObject()
        delta["stop_reason"] = stop
        delta["stop_sequence"] = answer["stop_sequence"] ?? .null
        for key in ["container", "stop_details", "context_management"] where answer[key] != nil { delta[key] = answer[key] }
        let counts = JSONObject(members: usage.members.filter { cumulative.contains($0.key) })
        Replay.appendTypedEvent("message_delta", [("delta", .object(delta)), ("usage", .object(counts))], to: &output)
        Replay.appendTypedEvent("message_stop", [], to: &output)
        return output
    }

    private static func append(_ block: JSONObject, at index: Int, to output: inout [UInt8]) {
        var start = block
        var deltas: [JSONValue] = []
        func add(_ type: String, _ key: String, _ value: JSONValue) {
            var delta = JSONObject()
            delta["type"] = .string(type)
            delta[key] = value
            deltas.append(.object(delta))
        }
        switch block["type"]?.stringValue {
        case "text":
            start["text"] = ""
            if let citations = block["citations"]?.arrayValue {
                start["citations"] = []
                for citation in citations { add("citations_delta", "citation", citation) }
            }
            add("text_delta", "text", block["text"] ?? "")
        case "thinking":
            start["thinking"] = ""
            add("thinking_delta", "thinking", block["thinking"] ?? "")
            if let signature = block["signature"] {
                start["signature"] = ""
                add("signature_delta", "signature", signature)
            }
        case "tool_use", "server_tool_use", "mcp_tool_use":
            start["input"] = .object(JSONObject())
            let input = block["input"] ?? .object(JSONObject())
            add("input_json_delta", "partial_json", .string(String(decoding: input.bytes, as: UTF8.self)))
        default: break
        }
        Replay.appendTypedEvent("content_block_start", [("index", .number(index)), ("content_block", .object(start))], to: &output)
        for delta in deltas { Replay.appendTypedEvent("content_block_delta", [("index", .number(index)), ("delta", delta)], to: &output) }
        Replay.appendTypedEvent("content_block_stop", [("index", .number(index))], to: &output)
    }

    /// The `message` that events add up to; `nil` without `message_stop`, or with a kind of delta that is not known.
    static func answer(from events: [JSONValue]) -> JSONValue? {
        var message: JSONObject?
        var blocks = IndexedObjects()
        var inputs: [Int: String] = [:]
        var hasStopped = false
        for event in events {
            let index = event["index"]?.intValue ?? 0
            switch event["type"]?.stringValue {
            case "message_start": message = event["message"]?.objectValue
            case "content_block_start":
                guard let block = event["content_block"]?.objectValue else { return nil }
                blocks[index] = block
            case "content_block_delta":
                guard let delta = event["delta"], apply(delta, to: &blocks[index], input: &inputs[index]) else { return nil }
            case "message_delta": merge(event, into: &message)
            case "message_stop": hasStopped = true
            case "error": return nil
            default: break
            }
        }
        guard hasStopped, var answer = message else { return nil }
        for (index, text) in inputs where !text.isEmpty {
            guard let input = try? JSONValue(parsing: Array(text.utf8).span) else { return nil }
            blocks[index]["input"] = input
        }
        answer["content"] = .array(blocks.entries.map { .object($0.object) })
        return .object(answer)
    }

    private static func apply(_ delta: JSONValue, to block: inout JSONObject, input: inout String?) -> Bool {
        func add(_ key: String) { block[key] = .string((block[key]?.stringValue ?? "") + (delta[key]?.stringValue ?? "")) }
        switch delta["type"]?.stringValue {
        case "text_delta": add("text")
        case "thinking_delta": add("thinking")
        case "signature_delta": block["signature"] = delta["signature"] ?? ""
        case "input_json_delta": input = (input ?? "") + (delta["partial_json"]?.stringValue ?? "")
        case "citations_delta":
            guard let citation = delta["citation"] else { return false }
            block["citations"] = .array((block["citations"]?.arrayValue ?? []) + [citation])
        default: return false
        }
        return true
    }

    /// `message_delta`: its delta's members belong to the message, its counts replace those of the start.
    private static func merge(_ event: JSONValue, into message: inout JSONObject?) {
        for member in event["delta"]?.objectValue?.members ?? [] { message?[member.key] = member.value }
        var usage = message?["usage"]?.objectValue ?? JSONObject()
        for member in event["usage"]?.objectValue?.members ?? [] where !member.value.isNull { usage[member.key] = member.value }
        message?["usage"] = .object(usage)
        for member in event.objectValue?.members ?? [] where !["type", "delta", "usage"].contains(member.key) {
            message?[member.key] = member.value
        }
    }
}
