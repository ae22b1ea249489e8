// What of a request a semantic cache compares, and what must be the same. The compared part is the text of the last user message; everything
// else (system prompt, earlier turns, tools, parameters) must be equal, which the caller learns by scanning `rest` like any body: its digest is
// that of the canonical form, so two spellings of one request are one.

public import GatewayModel
internal import JSON

/// The part of a request that may differ in its words, cut out of the rest.
public struct SemanticPart: Sendable, Equatable {
    /// The text of the last user message, UTF-8; its text parts joined by line feeds.
    public var text: [UInt8]
    /// The body with that text emptied. Scan it for the digest of everything else.
    public var rest: [UInt8]
    /// Whether a tool must be called.
    public var forcesTool = false
    /// Whether tools may be called.
    public var offersTool = false
    /// Whether the last message holds an image.
    public var hasImage = false
    /// Whether the last message holds something that is neither text nor an image.
    public var hasOtherContent = false

    /// Reads a body that was scanned without an error. `nil` where there is no last user message: another operation, a conversation that ends
    /// with somebody else's words, a shape that is not the dialect's.
    public static func read(_ body: Span<UInt8>, operation: Operation) -> SemanticPart? {
        guard let value = try? JSONValue(parsing: body), case .object(var object) = value else { return nil }
        var part = SemanticPart(text: [], rest: [])
        let isFound =
            switch operation {
            case .chatCompletions, .messages: part.takeLast(of: "messages", in: &object, content: "content")
            case .responses: part.takeInput(in: &object)
            case .completions: part.takeText(of: "prompt", in: &object)
            case .generateContent: part.takeLast(of: "contents", in: &object, content: "parts")
            default: false
            }
        guard isFound else { return nil }
        part.readTools(object)
        JSONValue.object(object).write(to: &part.rest)
        return part
    }

    // MARK: The text

    private mutating func takeText(of key: String, in object: inout JSONObject) -> Bool {
        guard let place = object.members.firstIndex(where: { $0.key == key }) else { return false }
        guard let text = take(&object.members[place].value) else { return false }
        self.text = text
        return true
    }

    /// Responses' `input`: a text, or items whose last is the user's.
    private mutating func takeInput(in object: inout JSONObject) -> Bool {
        if object["input"]?.stringValue != nil { return takeText(of: "input", in: &object) }
        return takeLast(of: "input", in: &object, content: "content")
    }

    private mutating func takeLast(of key: String, in object: inout JSONObject, content: String) -> Bool {
        guard let place = object.members.firstIndex(where: { $0.key == key }),
            case .array(var messages) = object.members[place].value, let last = messages.last, case .object(var message) = last
        else { return false }
        // Gemini's contents need no role; every other message has one.
        let role = message["role"]?.stringValue
        guard role == "user" || (role == nil && message["role"] == nil && content == "parts") else { return false }
        guard takeText(of: content, in: &message) else { return false }
        messages[messages.count - 1] = .object(message)
        object.members[place].value = .array(messages)
        return true
    }

    /// Empties a content: a text, or a list of parts. `nil` for anything else.
    private mutating func take(_ value: inout JSONValue) -> [UInt8]? {
        if let text = value.stringValue {
            value = .string("")
            return Array(text.utf8)
        }
        guard case .array(var parts) = value else { return nil }
        var texts: [UInt8] = []
        for index in parts.indices {
            guard case .object(var part) = parts[index], let place = textPlace(part) else {
                note(parts[index])
                continue
            }
            if !texts.isEmpty { texts.append(0x0A) }
            texts += Array((part.members[place].value.stringValue ?? "").utf8)
            part.members[place].value = .string("")
            parts[index] = .object(part)
        }
        value = .array(parts)
        return texts
    }

    /// Where a part's text stands: OpenAI's and Anthropic's `text`, Responses' `input_text`, Gemini's part without a type.
    private func textPlace(_ part: JSONObject) -> Int? {
        let type = part["type"]?.stringValue
        guard type == nil || type == "text" || type == "input_text" else { return nil }
        return part.members.firstIndex { $0.key == "text" && $0.value.stringValue != nil }
    }

    private mutating func note(_ part: JSONValue) {
        let type = part["type"]?.stringValue ?? ""
        let data = part["inlineData"] ?? part["inline_data"]
        let media = (data?["mimeType"] ?? data?["mime_type"])?.stringValue ?? ""
        if type.contains("image") || media.hasPrefix("image/") { hasImage = true } else { hasOtherContent = true }
    }

    // MARK: Tools

    private mutating func readTools(_ object: JSONObject) {
        let tools = object["tools"] ?? object["functions"]
        let choice = object["tool_choice"] ?? object["function_call"]
        let configuration = (object["toolConfig"] ?? object["tool_config"]).flatMap {
            $0["functionCallingConfig"] ?? $0["function_calling_config"]
        }
        let mode = (choice?.stringValue ?? choice?["type"]?.stringValue ?? configuration?["mode"]?.stringValue)?.lowercased()
        switch mode {
        case "none": return
        case nil where choice?.objectValue != nil: forcesTool = true
        case nil, "auto": break
        default: forcesTool = true
        }
        offersTool = tools?.arrayValue?.isEmpty == false
    }
}
