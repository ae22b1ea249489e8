public import GatewayModel
import JSON

/// The words of an answer, for those who compare answers.
public enum AnswerText {
    /// The text of a whole answer's first choice, UTF-8: a JSON answer, or the server-sent events of one. `nil` where there is none to compare:
    /// a call of tools, more than one choice, a form that is not the operation's.
    public static func read(_ body: Span<UInt8>, operation: Operation, isStream: Bool) -> [UInt8]? {
        guard isStream else { return text(ofAnswer: body, operation) }
        guard let answer = Replay.answer(from: body, operation: operation) else { return nil }
        return text(ofAnswer: answer.span, operation)
    }

    private static func text(ofAnswer body: Span<UInt8>, _ operation: Operation) -> [UInt8]? {
        guard let answer = try? JSONValue(parsing: body) else { return nil }
        let text: String?
        switch operation {
        case .chatCompletions:
            let message = onlyChoice(answer["choices"])?["message"]
            text = isAbsent(message?["tool_calls"]) && isAbsent(message?["function_call"]) ? message?["content"]?.stringValue : nil
        case .completions: text = onlyChoice(answer["choices"])?["text"]?.stringValue
        case .messages: text = joined(answer["content"]) { $0["type"]?.stringValue == "text" ? $0["text"]?.stringValue : nil }
        case .generateContent:
            text = joined(onlyChoice(answer["candidates"])?["content"]?["parts"]) { $0["text"]?.stringValue }
        case .responses: text = responseText(answer["output"])
        default: text = nil
        }
        return text.map { Array($0.utf8) }
    }

    private static func isAbsent(_ value: JSONValue?) -> Bool {
        value == nil || value?.isNull == true || value?.arrayValue?.isEmpty == true
    }

    private static func onlyChoice(_ choices: JSONValue?) -> JSONValue? {
        guard let choices = choices?.arrayValue, choices.count == 1 else { return nil }
        return choices[0]
    }

    /// Texts of a list's parts; `nil` if there is none, or one is something else.
    private static func joined(_ parts: JSONValue?, _ text: (JSONValue) -> String?) -> String? {
        guard let parts = parts?.arrayValue, !parts.isEmpty else { return nil }
        var joined = ""
        for part in parts {
            guard let text = text(part) else { return nil }
            joined += text
        }
        return joined
    }

    /// Reasoning stands beside the message and says nothing to the user.
    private static func responseText(_ output: JSONValue?) -> String? {
        guard let items = output?.arrayValue?.filter({ $0["type"]?.stringValue != "reasoning" }), items.count == 1,
            items[0]["type"]?.stringValue == "message"
        else { return nil }
        return joined(items[0]["content"]) { $0["type"]?.stringValue == "output_text" ? $0["text"]?.stringValue : nil }
    }
}
