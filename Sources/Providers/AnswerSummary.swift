import GatewayModel

/// In which form an answer's body comes.
public enum AnswerForm: UInt8, Sendable, CaseIterable {
    /// One JSON value.
    case json
    /// Server-sent events.
    case serverSentEvents
    /// Gemini's stream without `alt=sse`: one JSON array, an element per chunk.
    case geminiArray
}

/// What an answer turned out to be, once it has ended.
public struct AnswerSummary: Sendable, Equatable {
    /// How it ended. Only `complete` may be kept or followed by a success.
    public enum Outcome: String, Sendable, CaseIterable {
        /// By its dialect's rule: the end marker and the finish reasons are there, and the transport ended cleanly.
        case complete
        /// It stopped before that.
        case truncated
        /// It holds an error object, under a 200 or in an event.
        case errorInBody
        /// It is not what the dialect says an answer is.
        case malformed
        /// One event exceeded the limit.
        case eventTooLarge
    }

    /// How it ended.
    public var outcome: Outcome
    /// The provider's own counts; `nil` where it reported none.
    public var usage: Usage?
    /// The distinct finish reasons in the dialect's words, at most eight.
    public var finishReasons: [String]
    /// Whether every choice came to a natural stop (`stop`; `end_turn`, `stop_sequence`; `STOP`; `completed`). True for complete answers of
    /// operations that have no finish reason.
    public var finishIsNatural: Bool
    /// Whether a tool call (the client's or a hosted one) is in it.
    public var hasToolCalls: Bool
    /// How many choices or candidates were seen; 1 for dialects that have only one, 0 for other operations.
    public var choiceCount: Int
    /// The model that the provider says it used.
    public var reportedModel: String?
    /// Code points of text, reasoning and tool arguments seen: what an estimate goes by where no usage was reported.
    public var outputCharacters: Int
    /// The bytes, within the stream, of the event that holds nothing but usage (OpenAI's `include_usage`).
    public var usageEventRange: Range<Int>?
    /// Whether `data: [DONE]` was seen.
    public var sawDone: Bool
}
