import GatewayModel
import JSON

// OpenAI's Responses API: one object, or typed events that build it up.
extension AnswerFormat {
    private var responseUsage: JSONValue? {
        report([
            ("input_tokens", answer.usage.inputTokens), ("output_tokens", answer.usage.outputTokens),
            ("total_tokens", answer.usage.inputTokens + answer.usage.outputTokens),
        ])?.with("input_tokens_details", ["cached_tokens": 0])
            .with("output_tokens_details", ["reasoning_tokens": .number(Int(answer.usage.reasoningTokens))])
    }

    private func response(status: String, output: [JSONValue], usage: JSONValue?) -> JSONValue {
        let incomplete: JSONValue =
            status != "incomplete" ? .null : ["reason": answer.finish == .length ? "max_output_tokens" : "content_filter"]
        let value: JSONValue = [
            "id": .string("resp_demo_\(identity.name)"), "object": "response", "created_at": .number(identity.createdSeconds),
            "status": .string(status), "error": .null, "incomplete_details": incomplete, "instructions": .null,
            "max_output_tokens": input.outputTokensMax.map { .number($0) } ?? .null, "model": .string(input.model),
            "output": .array(output), "parallel_tool_calls": true, "previous_response_id": .null, "store": false, "temperature": 1,
            "text": ["format": ["type": "text"]], "tool_choice": "auto", "tools": [], "top_p": 1, "truncation": "disabled", "metadata": [:],
        ]
        return value.with("usage", usage ?? .null)
    }

    private var finalStatus: String { answer.finish == .length || answer.finish == .contentFilter ? "incomplete" : "completed" }

    private func reasoningItem(_ text: String?) -> JSONValue {
        let summary: JSONValue = text.map { [["type": "summary_text", "text": .string($0)]] } ?? []
        return ["id": .string("rs_demo_\(identity.name)"), "type": "reasoning", "summary": summary]
    }

    private func textPart(_ text: String) -> JSONValue { ["type": "output_text", "text": .string(text), "annotations": []] }

    private func messageItem(status: String, _ content: JSONValue) -> JSONValue {
        [
            "id": .string("msg_demo_\(identity.name)"), "type": "message", "status": .string(status), "role": "assistant",
            "content": content,
        ]
    }

    private func callItem(status: String, _ call: DemoAnswer.ToolCall, arguments: String) -> JSONValue {
        [
            "id": .string("fc_demo_\(identity.name)"), "type": "function_call", "status": .string(status),
            "call_id": .string("call_demo_\(identity.name)"), "name": .string(call.name), "arguments": .string(arguments),
        ]
    }

    private var finishedOutput: [JSONValue] {
        var output: [JSONValue] = []
        if let reasoning = answer.reasoning { output.append(reasoningItem(reasoning)) }
        if let call = answer.toolCall {
            output.append(callItem(status: "completed", call, arguments: DemoAnswer.compact(call.arguments)))
        } else {
            output.append(messageItem(status: finalStatus, [textPart(answer.text)]))
        }
        return output
    }

    func responsesBody() -> JSONValue {
        // Without a word of how it ended, the object says that it is still at work.
        response(status: saysDone ? finalStatus : "in_progress", output: finishedOutput, usage: saysDone ? responseUsage : nil)
    }

    func responsesEvents() -> [StreamEvent] {
        var builder = ResponseEvents()
        builder.add("response.created", ["response": response(status: "in_progress", output: [], usage: nil)])
        builder.add("response.in_progress", ["response": response(status: "in_progress", output: [], usage: nil)])
        if let reasoning = answer.reasoning {
            builder.item(started: reasoningItem(nil), finished: reasoningItem(reasoning)) { events, place in
                let part = place.with("summary_index", 0)
                events.add(
                    "response.reasoning_summary_part.added", part.with("part", ["type": "summary_text", "text": ""]))
                events.add("response.reasoning_summary_text.delta", part.with("delta", .string(reasoning)))
                events.add("response.reasoning_summary_text.done", part.with("text", .string(reasoning)))
                events.add(
                    "response.reasoning_summary_part.done", part.with("part", ["type": "summary_text", "text": .string(reasoning)]))
            }
        }
        if let call = answer.toolCall {
            addCall(call, to: &builder)
        } else {
            addMessage(to: &builder)
        }
        guard saysDone else { return builder.events }
        let status = finalStatus
        builder.add("response.\(status)", ["response": response(status: status, output: finishedOutput, usage: responseUsage)])
        return builder.events
    }

    private func addCall(_ call: DemoAnswer.ToolCall, to builder: inout ResponseEvents) {
        let arguments = DemoAnswer.compact(call.arguments)
        builder.item(
            started: callItem(status: "in_progress", call, arguments: ""),
            finished: callItem(status: "completed", call, arguments: arguments)
        ) { events, place in
            for piece in halves(of: arguments) {
                events.add("response.function_call_arguments.delta", place.with("delta", .string(piece)))
            }
            events.add(
                "response.function_call_arguments.done", place.with("arguments", .string(arguments)).with("name", .string(call.name)))
        }
    }

    private func addMessage(to builder: inout ResponseEvents) {
        builder.item(
            started: messageItem(status: "in_progress", []), finished: messageItem(status: finalStatus, [textPart(answer.text)])
        ) { events, place in
            let part = place.with("content_index", 0)
            events.add("response.content_part.added", part.with("part", textPart("")))
            for piece in answer.pieces(bytesMax: pieceBytesMax) {
                events.add("response.output_text.delta", part.with("delta", .string(piece)).with("logprobs", []))
            }
            events.add("response.output_text.done", part.with("text", .string(answer.text)).with("logprobs", []))
            events.add("response.content_part.done", part.with("part", textPart(answer.text)))
        }
    }
}

/// Events with their running numbers.
private struct ResponseEvents {
    private(set) var events: [StreamEvent] = []
    private var items = 0

    mutating func add(_ type: String, _ fields: JSONValue) {
        var members: JSONValue = ["type": .string(type), "sequence_number": .number(events.count)]
        for member in fields.objectValue?.members ?? [] { members = members.with(member.key, member.value) }
        events.append(StreamEvent(type, members))
    }

    /// One item of the output: announced, filled by `fill` (which gets the fields that say where it stands), finished.
    mutating func item(started: JSONValue, finished: JSONValue, _ fill: (inout ResponseEvents, JSONValue) -> Void) {
        let index = JSONValue.number(items)
        add("response.output_item.added", ["output_index": index, "item": started])
        fill(&self, ["item_id": started["id"] ?? .null, "output_index": index])
        add("response.output_item.done", ["output_index": index, "item": finished])
        items += 1
    }
}
