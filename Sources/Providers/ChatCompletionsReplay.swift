import JSON

/// OpenAI chat completions between their two forms.
enum ChatCompletionsReplay {
    /// Fields of a message that hold thinking; they stream before the text.
    private static let reasoningKeys: Set<String> = ["reasoning_content", "reasoning", "reasoning_details", "thinking", "thinking_blocks"]

    /// `chat.completion.chunk`s: for every choice the role, the reasoning, the text, the tool calls, and its end; then usage if asked for.
    static func stream(from answer: JSONObject, includesUsage: Bool) -> [UInt8]? {
        guard let choices = answer["choices"]?.arrayValue, !choices.isEmpty else { return nil }
        var head = answer.without("choices", "usage")
        head["object"] = "chat.completion.chunk"
        var output: [UInt8] = []
        func emit(_ choices: [JSONValue], usage: JSONValue?) {
            var chunk = head
            chunk["choices"] = .array(choices)
            if includesUsage { chunk["usage"] = usage ?? .null }
            Replay.appendEvent(.object(chunk), to: &output)
        }
        for (position, choice) in choices.enumerated() {
            guard let object = choice.objectValue, let message = object["message"]?.objectValue else { return nil }
            let index = object["index"] ?? .number(position)
            for piece in pieces(of: message, logprobs: object["logprobs"]) {
                var streamed: JSONObject = JSONObject()
                streamed["index"] = index
                streamed["delta"] = .object(piece.delta)
                streamed["logprobs"] = piece.logprobs ?? .null
                streamed["finish_reason"] = .null
                emit([.object(streamed)], usage: nil)
            }
            var last = JSONObject()
            last["index"] = index
            last["delta"] = .object(JSONObject())
            last["logprobs"] = .null
            for member in object.without("index", "message", "logprobs").members { last[member.key] = member.value }
            emit([.object(last)], usage: nil)
        }
        if includesUsage, let usage = answer["usage"], !usage.isNull { emit([], usage: usage) }
        output.append(literal: "data: [DONE]\n\n")
        return output
    }

    /// A message cut into deltas.
    private static func pieces(of message: JSONObject, logprobs: JSONValue?) -> [(delta: JSONObject, logprobs: JSONValue?)] {
        var first = JSONObject()
        first["role"] = message["role"] ?? "assistant"
        var hasText = false
        if case .string? = message["content"] { hasText = true }
        first["content"] = hasText ? "" : .null
        var reasoning = JSONObject()
        var text = JSONObject()
        var calls = JSONObject()
        for member in message.without("role").members {
            if reasoningKeys.contains(member.key) {
                if !member.value.isNull { reasoning[member.key] = member.value }
            } else if member.key == "tool_calls" {
                if let list = member.value.arrayValue { calls["tool_calls"] = .array(indexed(list)) }
            } else if member.key != "content" || !member.value.isNull {
                text[member.key] = member.value
            }
        }
        var pieces: [(delta: JSONObject, logprobs: JSONValue?)] = [(first, nil)]
        if reasoning.count > 0 { pieces.append((reasoning, nil)) }
        if text.count > 0 || logprobs?.isNull == false { pieces.append((text, logprobs)) }
        if calls.count > 0 { pieces.append((calls, nil)) }
        return pieces
    }

    /// Tool calls with the `index` that streams have.
    private static func indexed(_ calls: [JSONValue]) -> [JSONValue] {
        calls.enumerated().map { position, call in
            guard let object = call.objectValue else { return call }
            var streamed = JSONObject()
            streamed["index"] = object["index"] ?? .number(position)
            for member in object.members { streamed[member.key] = member.value }
            return .object(streamed)
        }
    }

    /// The `chat.completion` that chunks add up to.
    static func answer(from chunks: [JSONValue]) -> JSONValue? {
        var answer = JSONObject()
        var choices = IndexedObjects()
        var messages = IndexedObjects()
        answer["object"] = "chat.completion"
        for chunk in chunks {
            guard let object = chunk.objectValue else { return nil }
            for member in object.without("object", "choices", "usage").members { answer.adopt(member) }
            if let usage = object["usage"], !usage.isNull { answer["usage"] = usage }
            for (position, choice) in (object["choices"]?.arrayValue ?? []).enumerated() {
                guard let streamed = choice.objectValue else { return nil }
                let index = streamed["index"]?.intValue ?? position
                if let delta = streamed["delta"]?.objectValue { messages[index].merge(delta: delta) }
                var logprobs = JSONObject()
                if let more = streamed["logprobs"] { logprobs["logprobs"] = more }
                choices[index].merge(delta: logprobs)
                for member in streamed.without("index", "delta", "logprobs").members {
                    if !member.value.isNull || choices[index][member.key] == nil { choices[index][member.key] = member.value }
                }
            }
        }
        guard !choices.entries.isEmpty else { return nil }
        var list: [JSONValue] = []
        for entry in choices.entries {
            guard entry.object["finish_reason"]?.stringValue != nil else { return nil }
            var choice = JSONObject()
            choice["index"] = .number(entry.index)
            choice["message"] = .object(message(from: messages[entry.index]))
            for member in entry.object.members { choice[member.key] = member.value }
            list.append(.object(choice))
        }
        let usage = answer["usage"]
        answer["usage"] = nil
        answer["choices"] = .array(list)
        if let usage { answer["usage"] = usage }
        return .object(answer)
    }

    /// A message as non-stream answers have it: the role and the text first, tool calls without their index.
    private static func message(from merged: JSONObject) -> JSONObject {
        var message = JSONObject()
        message["role"] = merged["role"] ?? "assistant"
        message["content"] = merged["content"] ?? .null
        for member in merged.members where member.key != "role" && member.key != "content" {
            if member.key == "tool_calls", let calls = member.value.arrayValue {
                let ordered = calls.sorted { ($0["index"]?.intValue ?? 0) < ($1["index"]?.intValue ?? 0) }
                message["tool_calls"] = .array(ordered.map { call in call.objectValue.map { .object($0.without("index")) } ?? call })
            } else {
                message[member.key] = member.value
            }
        }
        // A message of tool calls only streams an empty text, and has none.
        if message["tool_calls"] != nil, message["content"] == .string("") { message["content"] = .null }
        return message
    }
}
