import JSON

/// OpenAI completions (the older text API) between their two forms: chunks look like answers.
enum CompletionsReplay {
    /// One chunk with the text and one with the end for every choice; then usage if asked for.
    static func stream(from answer: JSONObject, includesUsage: Bool) -> [UInt8]? {
        guard let choices = answer["choices"]?.arrayValue, !choices.isEmpty else { return nil }
        let head = answer.without("choices", "usage")
        var output: [UInt8] = []
        func emit(_ choices: [JSONValue], usage: JSONValue?) {
            var chunk = head
            chunk["choices"] = .array(choices)
            if includesUsage { chunk["usage"] = usage ?? .null }
            Replay.appendEvent(.object(chunk), to: &output)
        }
        for choice in choices {
            guard var text = choice.objectValue, text["text"]?.stringValue != nil else { return nil }
            var end = text
            end["text"] = ""
            end["logprobs"] = .null
            text["finish_reason"] = .null
            emit([.object(text)], usage: nil)
            emit([.object(end)], usage: nil)
        }
        if includesUsage, let usage = answer["usage"], !usage.isNull { emit([], usage: usage) }
        output.append(literal: "data: [DONE]\n\n")
        return output
    }

    /// The answer that chunks add up to.
    static func answer(from chunks: [JSONValue]) -> JSONValue? {
        var answer = JSONObject()
        var choices = IndexedObjects()
        for chunk in chunks {
            guard let object = chunk.objectValue else { return nil }
            for member in object.without("choices", "usage").members { answer.adopt(member) }
            if let usage = object["usage"], !usage.isNull { answer["usage"] = usage }
            for (position, choice) in (object["choices"]?.arrayValue ?? []).enumerated() {
                guard let streamed = choice.objectValue else { return nil }
                let index = streamed["index"]?.intValue ?? position
                choices[index].merge(delta: streamed.without("finish_reason", "stop_reason", "index"))
                choices[index]["index"] = .number(index)
                for key in ["finish_reason", "stop_reason"] {
                    if let reason = streamed[key], !reason.isNull || choices[index][key] == nil { choices[index][key] = reason }
                }
            }
        }
        guard !choices.entries.isEmpty, choices.entries.allSatisfy({ $0.object["finish_reason"]?.stringValue != nil }) else { return nil }
        let usage = answer["usage"]
        answer["usage"] = nil
        answer["choices"] = .array(choices.entries.map { .object($0.object) })
        if let usage { answer["usage"] = usage }
        return .object(answer)
    }
}
