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

    /// Why the request is not eligible; `nil` if it is. The text is the last user message. The first reason that applies, in the order of
    /// `IneligibleReason`.
    public func reason(for text: GuardText, limits: EligibilityLimits = EligibilityLimits()) -> IneligibleReason? {
        if let reason = reason(ofRequest: limits) { return reason }
        if text.isTruncated || tokens > limits.tokens { return .tooLong }
        if text.dependsOnTime, ttlSeconds > limits.timeDependentTTLSeconds { return .timeDependent }
        if text.opensLikeFollowUp, text.contentWords < limits.contentWords + EligibilityLimits.followUpMargin { return .followUp }
        return text.contentWords < limits.contentWords ? .tooShort : nil
    }

    /// What is known before the text is read.
    public func reason(ofRequest limits: EligibilityLimits = EligibilityLimits()) -> IneligibleReason? {
        if forcesTool { return .toolForced }
        if offersToolWithSideEffects { return .toolSideEffects }
        if hasImage { return .image }
        if hasOtherContent { return .nonText }
        // Written so that NaN is refused too.
        if let temperature, !(temperature <= limits.temperature) { return .temperature }
        return choices.map { $0 > 1 } ?? false ? .multipleChoices : nil
    }
}
