/// Why a request is not answered from the semantic cache, nor kept in it. Each is counted and shown under its name.
public enum IneligibleReason: String, Sendable, CaseIterable {
    /// The request forces a tool call.
    case toolForced = "tool-forced"
    /// A tool it offers changes something in the world.
    case toolSideEffects = "tool-side-effects"
    /// An image is part of the last message.
    case image = "image"
    /// The last message holds something that is neither text nor an image, or there is no text in it.
    case nonText = "non-text"
    /// The temperature is above the route's limit, or not a number.
    case temperature = "temperature"
    /// More than one answer is asked for.
    case multipleChoices = "multiple-choices"
    /// More tokens than the limit.
    case tooLong = "too-long"
    /// The answer changes with time, and the entry would live too long.
    case timeDependent = "time-dependent"
    /// It makes sense only after what was said before.
    case followUp = "follow-up"
    /// Too few content words to tell it from others.
    case tooShort = "too-short"

    /// A dense index for counters, in the order of `allCases`.
    public var index: Int { IneligibleReason.allCases.firstIndex(of: self) ?? 0 }
}
