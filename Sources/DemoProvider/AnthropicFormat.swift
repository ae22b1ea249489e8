import GatewayModel
import JSON

// Anthropic's Messages API.
extension AnswerFormat {
    private var messageUsage: JSONValue? {
        report([("input_tokens", answer.usage.inputTokens), ("output_tokens", answer.usage.outputTokens)])?
            .with("cache_creation_input_tokens", 0).with("cache_read_input_tokens", 0)
    }

    private var stopReason: JSONValue {
        guard saysDone else { return .null }
        return switch answer.finish {
        case .stop: "end_turn"
        case .length: "max_tokens"
        case .toolCall: "tool_use"
        case .contentFilter: "refusal"
        }
    }

    private func message(_ content: [JSONValue], stopReason: JSONValue, usage: JSONValue?) -> JSONValue {
        let value: JSONValue = [
            "id": .string("msg_demo_\(identity.name)"), "type": "message", "role": "assistant", "model": .string(input.model),
            "content": .array(content), "stop_reason": stopReason, "stop_sequence": .null,
        ]
        return value.with("usage", usage)
    }

    private func toolUse(_ call: DemoAnswer.ToolCall, input arguments: JSONValue) -> JSONValue {
        ["type": "tool_use", "id": .string("toolu_demo_\(identity.name)"), "name": .string(call.name), "input": arguments]
    }

    func messagesBody() -> JSONValue {
        var content: [JSONValue] = []
        if let reasoning = answer.reasoning { content.append(["type": "thinking", "thinking": .string(reasoning), "signature": "demo"]) }
        if let call = answer.toolCall {
            content.append(toolUse(call, input: call.arguments))
        } else {
            content.append(["type": "text", "text": .string(answer.text)])
        }
        return message(content, stopReason: stopReason, usage: messageUsage)
    }

    func messagesEvents() -> [StreamEvent] {
        var events: [StreamEvent] = []
        var blocks = 0
        func add(_ type: String, _ value: JSONValue) {
            events.append(StreamEvent(type, (["type": .string(type)] as JSONValue).with(members: value)))
        }
        func block(_ start: JSONValue, _ deltas: [JSONValue]) {
            add("content_block_start", ["index": .number(blocks), "content_block": start])
            for delta in deltas { add("content_block_delta", ["index": .number(blocks), "delta": delta]) }
            add("content_block_stop", ["index": .number(blocks)])
            blocks += 1
        }
        add("message_start", ["message": message([], stopReason: .null, usage: messageUsage?.with("output_tokens", 1))])
        add("ping", [:])
        if let reasoning = answer.reasoning {
            block(
                ["type": "thinking", "thinking": "", "signature": ""],
                [["type": "thinking_delta", "thinking": .string(reasoning)], ["type": "signature_delta", "signature": "demo"]])
        }
        if let call = answer.toolCall {
            block(
                toolUse(call, input: [:]),
                halves(of: DemoAnswer.compact(call.arguments)).map { ["type": "input_json_delta", "partial_json": .string($0)] })
        } else {
            block(
                ["type": "text", "text": ""],
                answer.pieces(bytesMax: pieceBytesMax).map { ["type": "text_delta", "text": .string($0)] })
        }
        guard saysDone else { return events }
        let counts = report([("output_tokens", answer.usage.outputTokens)])
        add(
            "message_delta",
            (["delta": ["stop_reason": stopReason, "stop_sequence": .null]] as JSONValue).with("usage", counts))
        add("message_stop", [:])
        return events
    }
}

extension JSONValue {
    /// The object with all members of another.
    func with(members other: JSONValue) -> JSONValue {
        (other.objectValue?.members ?? []).reduce(self) { $0.with($1.key, $1.value) }
    }
}
