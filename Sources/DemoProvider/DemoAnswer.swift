import GatewayModel
import JSON

/// What the demo provider says, before it takes the form of a dialect. The same input always gives the same answer.
public struct DemoAnswer: Sendable, Equatable {
    /// A call of a function.
    public struct ToolCall: Sendable, Equatable {
        /// The function's name.
        public var name: String
        /// Arguments that fit its schema.
        public var arguments: JSONValue
    }

    /// Why the answer ended.
    public enum Finish: Sendable, Equatable { case stop, length, toolCall, contentFilter }

    /// How the token counts are reported.
    public enum UsageReport: Sendable, Equatable { case honest, missing, absurd }

    /// The answer's text; empty beside a function call.
    public var text = ""
    /// Reasoning before the text.
    public var reasoning: String?
    /// The function call, if one was asked for.
    public var toolCall: ToolCall?
    /// Why it ended.
    public var finish = Finish.stop
    /// Tokens, by ``tokens(in:)``.
    public var usage: Usage
    /// How they are reported.
    public var usageReport = UsageReport.honest

    /// The answer to an input under a behaviour. Pure.
    public init(to input: DemoInput, behaviour: DemoBehaviour) {
        usage = Usage(inputTokens: Int64(DemoAnswer.inputTokens(of: input)))
        switch behaviour {
        case .big(let bytes), .bigEvent(let bytes): text = DemoAnswer.filler(bytes: bytes)
        case .tokens(let count): text = DemoAnswer.filler(bytes: count * 4)
        default:
            if input.wantsToolCall, let tool = input.tools.first {
                toolCall = ToolCall(name: tool.name, arguments: DemoAnswer.arguments(for: tool.schema))
                finish = .toolCall
            } else {
                text = DemoAnswer.reply(to: input)
            }
        }
        if behaviour == .reasoning {
            reasoning = "The question has \(input.prompt.unicodeScalars.count) characters, so the answer is short."
        }
        if behaviour == .length { finish = .length }
        if behaviour == .contentFilter { finish = .contentFilter }
        if behaviour == .usageAbsurd { usageReport = .absurd }
        if behaviour == .usageMissing { usageReport = .missing }
        limit(to: input.outputTokensMax)
        let called = toolCall.map { DemoAnswer.compact($0.arguments) } ?? ""
        usage.reasoningTokens = Int64(DemoAnswer.tokens(in: reasoning ?? ""))
        usage.outputTokens = Int64(DemoAnswer.tokens(in: text) + DemoAnswer.tokens(in: called)) + usage.reasoningTokens
    }

    /// The demo provider's idea of a token: four Unicode scalars, rounded up. Real tokenizers differ; this one can be checked by hand.
    public static func tokens(in text: String) -> Int { (text.unicodeScalars.count + 3) / 4 }

    /// Tokens of all texts of an input, each rounded up on its own.
    public static func inputTokens(of input: DemoInput) -> Int { input.texts.reduce(0) { $0 + tokens(in: $1) } }

    /// Eight hexadecimal digits that change when any text, function name or the model changes (FNV-1a, 64 bits, folded).
    public static func fingerprint(of input: DemoInput) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for part in [input.model] + input.texts + input.tools.map(\.name) {
            for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash = (hash ^ 0xFF) &* 0x100_0000_01b3
        }
        let folded = UInt32(truncatingIfNeeded: hash ^ hash >> 32)
        return String(decoding: (0..<8).map { hexDigit(UInt8(truncatingIfNeeded: folded >> (28 - 4 * $0)) & 15) }, as: UTF8.self)
    }

    private static func reply(to input: DemoInput) -> String {
        "You said: \(input.prompt.prefix(200)) (demo answer \(fingerprint(of: input)))"
    }

    private static func filler(bytes: Int) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes)
        let words = Array("weir ".utf8)
        for index in 0..<max(bytes, 0) { text.append(words[index % words.count]) }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func limit(to tokensMax: Int?) {
        guard let tokensMax, toolCall == nil, DemoAnswer.tokens(in: text) > max(tokensMax, 0) else { return }
        text = String(String.UnicodeScalarView(text.unicodeScalars.prefix(max(tokensMax, 0) * 4)))
        finish = .length
    }

    /// A value that fits a JSON schema, as far as types, enums and required members go.
    static func arguments(for schema: JSONValue, depth: Int = 0) -> JSONValue {
        guard depth < 6 else { return .null }
        if let first = schema["enum"]?.arrayValue?.first { return first }
        switch schema["type"]?.stringValue?.lowercased() {
        case "string": return .string("demo")
        case "integer": return .number("1")
        case "number": return .number("1.5")
        case "boolean": return .bool(true)
        case "array": return .array([arguments(for: schema["items"] ?? .null, depth: depth + 1)])
        case "null": return .null
        default:
            var made = JSONObject()
            for property in schema["properties"]?.objectValue?.members ?? [] {
                made[property.key] = arguments(for: property.value, depth: depth + 1)
            }
            return .object(made)
        }
    }

    /// The text in pieces of about a word each, as a model streams it; never an empty list.
    public func pieces(bytesMax: Int = 16) -> [String] {
        var pieces: [String] = []
        var piece = ""
        for character in text {
            piece.append(character)
            if piece.utf8.count >= bytesMax || character == " " && piece.utf8.count * 2 >= bytesMax {
                pieces.append(piece)
                piece = ""
            }
        }
        if !piece.isEmpty || pieces.isEmpty { pieces.append(piece) }
        return pieces
    }

    /// A value as JSON text without spaces.
    static func compact(_ value: JSONValue) -> String {
        String(decoding: value.bytes, as: UTF8.self)
    }
}
