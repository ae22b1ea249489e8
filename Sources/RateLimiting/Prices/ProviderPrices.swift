/// The prices of one provider, as the operator wrote them.
public struct ProviderPrices: Sendable, Equatable {
    /// Whether input tokens read from the provider's prompt cache count against token limits.
    public var countsCachedInput: Bool
    /// The day that the prices were looked up, as `YYYY-MM-DD`; `nil` where nobody said.
    public var asOf: String?
    /// Prices by model. A name that ends in `*` means every model that begins with what stands before it; `*` alone is the provider's default.
    public var models: [String: ModelPrice]

    /// Makes the prices of a provider.
    public init(countsCachedInput: Bool = true, asOf: String? = nil, models: [String: ModelPrice] = [:]) {
        self.countsCachedInput = countsCachedInput
        self.asOf = asOf
        self.models = models
    }
}
