import GatewayModel
import JSON

// OpenAI's chat completions, completions, embeddings and moderations, as its API reference shows them.
extension AnswerFormat {
    private var openAIUsage: JSONValue? {
        guard
            let counts = report([
                ("prompt_tokens", answer.usage.inputTokens), ("completion_tokens", answer.usage.outputTokens),
                ("total_tokens", answer.usage.inputTokens + answer.usage.outputTokens),
            ])
        else { return nil }
        guard answer.usage.reasoningTokens > 0 else { return counts }
        return counts.with("completion_tokens_details", ["reasoning_tokens": .number(Int(answer.usage.reasoningTokens))])
    }

    private var chatFinish: JSONValue {
        guard saysDone else { return .null }
        return switch answer.finish {
        case .stop: "stop"
        case .length: "length"
        case .toolCall: "tool_calls"
        case .contentFilter: "content_filter"
        }
    }

    private func chatEnvelope(_ object: String, _ choices: [JSONValue]) -> JSONValue {
        [
            "id": .string("chatcmpl-demo-\(identity.name)"), "object": .string(object), "created": .number(identity.createdSeconds),
            "model": .string(input.model), "system_fingerprint": "fp_demo", "choices": .array(choices),
        ]
    }

    private func chatToolCall(withArguments arguments: String, index: Int? = nil) -> JSONValue? {
        guard let call = answer.toolCall else { return nil }
        let value: JSONValue = [
            "id": .string("call_demo_\(identity.name)"), "type": "function",
            "function": ["name": .string(call.name), "arguments": .string(arguments)],
        ]
        return value.with("index", index.map { .number($0) })
    }

    func chatBody() -> JSONValue {
        let choices = (0..<input.choices).map { index -> JSONValue in
            var message: JSONValue = [
                "role": "assistant", "content": answer.toolCall == nil ? .string(answer.text) : .null, "refusal": .null,
            ]
            message = message.with("reasoning_content", answer.reasoning.map { .string($0) })
            if let call = answer.toolCall, let value = chatToolCall(withArguments: DemoAnswer.compact(call.arguments)) {
                message = message.with("tool_calls", [value])
            }
            return ["index": .number(index), "message": message, "logprobs": .null, "finish_reason": chatFinish]
        }
        return chatEnvelope("chat.completion", choices).with("usage", openAIUsage)
    }

    func chatEvents() -> [StreamEvent] {
        func chunk(_ index: Int, _ delta: JSONValue, _ finish: JSONValue = .null) -> StreamEvent {
            let choice: JSONValue = ["index": .number(index), "delta": delta, "logprobs": .null, "finish_reason": finish]
            return StreamEvent(nil, chatEnvelope("chat.completion.chunk", [choice]).with("usage", input.includesUsage ? .null : nil))
        }
        var events: [StreamEvent] = []
        for index in 0..<input.choices {
            events.append(chunk(index, ["role": "assistant", "content": answer.toolCall == nil ? "" : .null]))
            if let reasoning = answer.reasoning { events.append(chunk(index, ["reasoning_content": .string(reasoning)])) }
            if let call = answer.toolCall {
                if let start = chatToolCall(withArguments: "", index: 0) { events.append(chunk(index, ["tool_calls": [start]])) }
                for piece in halves(of: DemoAnswer.compact(call.arguments)) {
                    events.append(chunk(index, ["tool_calls": [["index": 0, "function": ["arguments": .string(piece)]]]]))
                }
            } else {
                for piece in answer.pieces(bytesMax: pieceBytesMax) { events.append(chunk(index, ["content": .string(piece)])) }
            }
            if saysDone { events.append(chunk(index, [:], chatFinish)) }
        }
        guard saysDone else { return events }
        if input.includesUsage, let usage = openAIUsage {
            events.append(StreamEvent(nil, chatEnvelope("chat.completion.chunk", []).with("usage", usage)))
        }
        events.append(StreamEvent(text: "[DONE]"))
        return events
    }

    func halves(of text: String) -> [String] {
        let middle = text.index(text.startIndex, offsetBy: text.count / 2)
        return [String(text[..<middle]), String(text[middle...])]
    }

    private func completionEnvelope(_ choices: [JSONValue]) -> JSONValue {
        [
            "id": .string("cmpl-demo-\(identity.name)"), "object": "text_completion", "created": .number(identity.createdSeconds),
            "model": .string(input.model), "choices": .array(choices),
        ]
    }

    private func completionChoice(_ index: Int, _ text: String, _ finish: JSONValue) -> JSONValue {
        ["text": .string(text), "index": .number(index), "logprobs": .null, "finish_reason": finish]
    }

    func completionBody() -> JSONValue {
        completionEnvelope((0..<input.choices).map { completionChoice($0, answer.text, chatFinish) }).with("usage", openAIUsage)
    }

    func completionEvents() -> [StreamEvent] {
        var events: [StreamEvent] = []
        for index in 0..<input.choices {
            for piece in answer.pieces(bytesMax: pieceBytesMax) {
                events.append(StreamEvent(nil, completionEnvelope([completionChoice(index, piece, .null)])))
            }
            if saysDone { events.append(StreamEvent(nil, completionEnvelope([completionChoice(index, "", chatFinish)]))) }
        }
        guard saysDone else { return events }
        if input.includesUsage, let usage = openAIUsage { events.append(StreamEvent(nil, completionEnvelope([]).with("usage", usage))) }
        events.append(StreamEvent(text: "[DONE]"))
        return events
    }

    func embeddingsBody() -> JSONValue {
        let items = input.texts.enumerated().map { index, text -> JSONValue in
            let vector = DemoEmbedding.vector(of: text, dimensions: input.dimensions)
            let value: JSONValue =
                input.usesBase64 ? .string(DemoEmbedding.base64(vector)) : .array(vector.map { .number(Double($0)) })
            return ["object": "embedding", "index": .number(index), "embedding": value]
        }
        let counts = report([("prompt_tokens", answer.usage.inputTokens), ("total_tokens", answer.usage.inputTokens)])
        return (["object": "list", "data": .array(items), "model": .string(input.model)] as JSONValue).with("usage", counts)
    }

    func moderationsBody() -> JSONValue {
        let results = input.texts.map { text -> JSONValue in
            let flagged = text.lowercased().contains("demo violence")
            return [
                "flagged": .bool(flagged), "categories": ["violence": .bool(flagged)],
                "category_scores": ["violence": .number(flagged ? "0.99" : "0.01")],
            ]
        }
        return ["id": .string("modr-demo-\(identity.name)"), "model": .string(input.model), "results": .array(results)]
    }
}
