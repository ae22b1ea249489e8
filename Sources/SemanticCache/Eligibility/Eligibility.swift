/// What of a request decides whether the semantic cache may take part in it.
public struct Eligibility: Sendable {
    /// The request obliges the model to call a tool (`tool_choice` other than `none` and `auto`).
    public var forcesTool = false
    /// It offers a tool that is not known to be free of side effects.
    public var offersToolWithSideEffects = false
    /// The last user message holds an image.
    public var hasImage = false
    /// The last user message holds audio, a file or another part that is not text.
    public var hasOtherContent = false
    /// The temperature; `nil` if the request does not say.
    public var temperature: Double?
    /// How many answers are asked for; `nil` if the request does not say.
    public var choices: Int?
    /// The tokens of the last user message.
    public var tokens = 0
    /// How long the entry would live, in seconds.
    public var ttlSeconds = 0

    /// A request that nothing is known against.
    public init() {}

    /// Why the request is not eligible; `nil` if it is. The text is the last user message.
    public func reason(for text: GuardText, limits: EligibilityLimits = EligibilityLimits()) -> IneligibleReason? { nil }
}
