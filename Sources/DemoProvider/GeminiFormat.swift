import GatewayModel
import JSON

// Google's Gemini API: generateContent and streamGenerateContent.
extension AnswerFormat {
    private var geminiUsage: JSONValue? {
        let counts = report([
            ("promptTokenCount", answer.usage.inputTokens),
            ("candidatesTokenCount", answer.usage.outputTokens - answer.usage.reasoningTokens),
            ("totalTokenCount", answer.usage.inputTokens + answer.usage.outputTokens),
        ])
        guard answer.usage.reasoningTokens > 0 else { return counts }
        return counts?.with("thoughtsTokenCount", .number(Int(answer.usage.reasoningTokens)))
    }

    private var geminiFinish: JSONValue? {
        guard saysDone else { return nil }
        return switch answer.finish {
        case .stop, .toolCall: "STOP"
        case .length: "MAX_TOKENS"
        case .contentFilter: "SAFETY"
        }
    }

    private func generation(_ candidates: [JSONValue], usage: JSONValue?) -> JSONValue {
        let value: JSONValue = [
            "candidates": .array(candidates), "modelVersion": .string(input.model), "responseId": .string("demo-\(identity.name)"),
        ]
        return value.with("usageMetadata", usage)
    }

    private func candidate(_ index: Int, _ parts: [JSONValue], finish: JSONValue?) -> JSONValue {
        let value: JSONValue = ["content": ["role": "model", "parts": .array(parts)], "index": .number(index)]
        return value.with("finishReason", finish)
    }

    private var thoughtPart: JSONValue? { answer.reasoning.map { ["text": .string($0), "thought": true] } }

    private func callPart(_ call: DemoAnswer.ToolCall) -> JSONValue {
        ["functionCall": ["name": .string(call.name), "args": call.arguments]]
    }

    func geminiBody() -> JSONValue {
        var parts = thoughtPart.map { [$0] } ?? []
        parts.append(answer.toolCall.map(callPart) ?? ["text": .string(answer.text)])
        return generation((0..<input.choices).map { candidate($0, parts, finish: geminiFinish) }, usage: geminiUsage)
    }

    func geminiEvents() -> [StreamEvent] {
        var pieces: [JSONValue] = thoughtPart.map { [$0] } ?? []
        if let call = answer.toolCall {
            pieces.append(callPart(call))
        } else {
            pieces += answer.pieces(bytesMax: pieceBytesMax).map { ["text": .string($0)] }
        }
        var events: [StreamEvent] = []
        for (place, piece) in pieces.enumerated() {
            let isLast = place == pieces.count - 1
            // Counts so far stand in every event; they are final in the last.
            let candidates = (0..<input.choices).map { candidate($0, [piece], finish: isLast ? geminiFinish : nil) }
            events.append(StreamEvent(nil, generation(candidates, usage: isLast ? geminiUsage : nil)))
        }
        return events
    }

    func geminiEmbedding(of text: String) -> JSONValue {
        ["values": .array(DemoEmbedding.vector(of: text, dimensions: input.dimensions).map { .number(Double($0)) })]
    }
}
