import GatewayModel
import Hashing
import JSON
import RequestScan

/// The canonical form built the slow way, from a document: what CanonicalForm.swift of the scanner must equal.
enum ReferenceCanonicalForm {
    private enum Context { case verbatim, messages, message, content, part, nestedContent, nestedPart }

    /// The digest of a body whose value is an object.
    static func bodyDigest(_ body: JSONObject, _ operation: Operation, withoutInput: Bool = false) -> Digest256 {
        var bytes: [UInt8] = []
        let members = body.members.filter { !isLeftOut($0) && !(withoutInput && $0.key == "input") }
        for member in members.sorted(by: precedes) {
            append(string: member.key, to: &bytes)
            append(member.value, topLevel(member.key, operation), to: &bytes)
        }
        return SHA256.digest(of: bytes.span)
    }

    /// The digest of one embeddings item.
    static func itemDigest(_ item: JSONValue) -> Digest256 {
        var bytes: [UInt8] = []
        append(item, .verbatim, to: &bytes)
        return SHA256.digest(of: bytes.span)
    }

    private static func isLeftOut(_ member: JSONObject.Member) -> Bool {
        switch (member.key, member.value) {
        case ("model", .string), ("stream", .bool), ("stream", .null), ("stream_options", .object), ("stream_options", .null),
            ("cache", .object):
            true
        default: false
        }
    }

    private static func topLevel(_ key: String, _ operation: Operation) -> Context {
        switch key {
        case "messages", "contents", "instructions": .messages
        case "input": operation == .embeddings ? .verbatim : .messages
        case "system", "systemInstruction", "system_instruction": .content
        case "content", "parts", "output": operation == .embedContent ? .messages : .verbatim
        default: .verbatim
        }
    }

    private static func inner(_ key: String, _ context: Context) -> Context {
        guard key == "content" || key == "parts" || key == "output" else { return .verbatim }
        return context == .message ? .content : context == .part ? .nestedContent : .verbatim
    }

    private static func precedes(_ left: JSONObject.Member, _ right: JSONObject.Member) -> Bool {
        let (first, second) = (Array(left.key.utf8), Array(right.key.utf8))
        return first.count != second.count ? first.count < second.count : first.lexicographicallyPrecedes(second)
    }

    private static func append(_ value: JSONValue, _ context: Context, to bytes: inout [UInt8]) {
        switch value {
        case .null: bytes.append(0xF5)
        case .bool(let truth): bytes.append(truth ? 0xF7 : 0xF6)
        case .number(let text): bytes += [0xFC] + Array(text.utf8)
        case .string(let text): append(string: text, to: &bytes)
        case .array(let elements):
            bytes.append(0xFA)
            let element: Context =
                switch context {
                case .messages: .message
                case .content: .part
                case .nestedContent: .nestedPart
                default: .verbatim
                }
            for value in elements { append(value, element, to: &bytes) }
            bytes.append(0xFB)
        case .object(let object):
            let own: Context =
                switch context {
                case .messages: .message
                case .content: .part
                case .nestedContent: .nestedPart
                default: context
                }
            bytes.append(0xF8)
            for member in own == .verbatim ? object.members : object.members.sorted(by: precedes) {
                append(string: member.key, to: &bytes)
                append(member.value, inner(member.key, own), to: &bytes)
            }
            bytes.append(0xF9)
        }
    }

    private static func append(string: String, to bytes: inout [UInt8]) { bytes += [0xFD] + Array(string.utf8) }
}
