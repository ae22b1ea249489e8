/// A refusal that says the request itself does not suit this model, so that a route may name other targets for it.
public enum UpstreamRefusal: String, Sendable, CaseIterable {
    /// The prompt does not fit the context window (`context_length_exceeded` and its like).
    case contextLength = "context_length"
    /// The provider's content filter refused.
    case contentFilter = "content_filter"

    /// Some of the refusals: those a route has lists for.
    public struct Lists: OptionSet, Sendable {
        /// One bit each.
        public let rawValue: UInt8
        /// From bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// There is a list for prompts that do not fit.
        public static let contextLength = Lists(rawValue: 1)
        /// There is a list for prompts that were filtered.
        public static let contentFilter = Lists(rawValue: 2)
    }

    /// The list for this refusal.
    var list: Lists {
        switch self {
        case .contextLength: .contextLength
        case .contentFilter: .contentFilter
        }
    }
}
