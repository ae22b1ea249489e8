/// What a body asks of its own routing: OpenRouter's `models` and `provider` members (https://openrouter.ai/docs, "Model routing" and
/// "Provider routing"), as text that nobody has looked up yet. Wishes choose among what the operator allows, never beyond it.
///
/// Members that are not here (`quantizations`, `require_parameters`, …) are ignored.
public struct RoutingWishes: Sendable, Equatable {
    /// What to order the providers by.
    public enum Sort: String, Sendable, CaseIterable {
        /// The cheapest, the most tokens a second, the quickest to answer first.
        case price, throughput, latency
    }

    /// Most names in `models`.
    public static let modelsMax = 20
    /// Most names in each list of providers.
    public static let providersMax = 64
    /// Most UTF-8 bytes of a model's or provider's name.
    public static let nameBytesMax = 256

    /// `models`: names to be tried after `model`, or from the first on when there is none, in order; 0...`modelsMax`.
    public var models: [String] = []
    /// `provider.order`: providers to be asked first, in order.
    public var order: [String] = []
    /// `provider.allow_fallbacks`: whether others than those of `order` may be asked.
    public var allowsFallbacks: Bool?
    /// `provider.only`: the only providers that may be asked. An empty list allows none, an absent one all.
    public var only: [String]?
    /// `provider.ignore`: providers that must not be asked.
    public var ignore: [String] = []
    /// `provider.sort`, or `provider.sort.by`.
    public var sort: Sort?
    /// `provider.max_price.prompt`: USD per million input tokens; finite, not negative.
    public var maxPromptPrice: Double?
    /// `provider.max_price.completion`: USD per million output tokens; finite, not negative.
    public var maxCompletionPrice: Double?
    /// `provider.max_price.request`: USD per request; finite, not negative.
    public var maxRequestPrice: Double?

    /// No wish.
    public init() {}
}
