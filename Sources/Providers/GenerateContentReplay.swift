import JSON

/// Gemini's `generateContent` from its stream. (An answer is a stream of one chunk as it is.)
enum GenerateContentReplay {
    /// The response that chunks add up to.
    static func answer(from chunks: [JSONValue]) -> JSONValue? {
        var answer = JSONObject()
        var candidates = IndexedObjects()
        var parts: [Int: [JSONValue]] = [:]
        answer["candidates"] = []
        for chunk in chunks {
            guard let object = chunk.objectValue, object["error"] == nil else { return nil }
            for member in object.without("candidates").members where !member.value.isNull { answer[member.key] = member.value }
            for (position, candidate) in (object["candidates"]?.arrayValue ?? []).enumerated() {
                guard let streamed = candidate.objectValue else { return nil }
                let index = streamed["index"]?.intValue ?? position
                var known = candidates[index]
                if known["content"] == nil, let content = streamed["content"]?.objectValue {
                    known["content"] = .object(content.without("parts"))
                }
                for part in streamed["content"]?["parts"]?.arrayValue ?? [] { add(part, to: &parts[index, default: []]) }
                for member in streamed.without("content").members where !member.value.isNull { known[member.key] = member.value }
                candidates[index] = known
            }
        }
        guard !candidates.entries.isEmpty || answer["promptFeedback"] != nil else { return nil }
        answer["candidates"] = .array(
            candidates.entries.map { entry in
                var candidate = entry.object
                var content = JSONObject()
                if let list = parts[entry.index] { content["parts"] = .array(list) }
                for member in candidate["content"]?.objectValue?.members ?? [] { content[member.key] = member.value }
                candidate["content"] = .object(content)
                return .object(candidate)
            })
        return .object(answer)
    }

    /// Text goes on in the part before it, where both are plain text of one kind; a signature closes a part.
    private static func add(_ part: JSONValue, to parts: inout [JSONValue]) {
        guard let text = part["text"]?.stringValue, isPlainText(part), case .object(var last)? = parts.last,
            let before = last["text"]?.stringValue,
            isPlainText(.object(last)), last["thoughtSignature"] == nil, last["thought"]?.boolValue == part["thought"]?.boolValue
        else {
            parts.append(part)
            return
        }
        last["text"] = .string(before + text)
        if let signature = part["thoughtSignature"] { last["thoughtSignature"] = signature }
        parts[parts.count - 1] = .object(last)
    }

    private static func isPlainText(_ part: JSONValue) -> Bool {
        part.objectValue?.members.allSatisfy { ["text", "thought", "thoughtSignature"].contains($0.key) } == true
    }
}
