// What models cost, by provider and model. A `*` stands only at the end of a name. That is enough for dated names (`gpt-4o-2024-*`) and for a
// provider's default (`*`), keeps "the longest match wins" free of ties, and lets one binary search find it however long the table is.
//
// A careless wildcard prices the wrong model: `gpt-4o*` also means gpt-4o-realtime-preview, which costs twice as much. The shipped table
// ends its wildcards behind a date's first digits for that reason.

/// The prices of one configuration. Immutable; a reload makes a new one.
public final class PriceTable: Sendable, Equatable {
    /// The table in which nothing is priced.
    public static let empty = PriceTable([:])

    /// The prices as they were given, by the providers' names.
    public let providers: [String: ProviderPrices]
    private let compiled: [String: CompiledPrices]

    /// Indexes prices by provider.
    public init(_ providers: [String: ProviderPrices]) {
        self.providers = providers
        compiled = providers.mapValues { CompiledPrices($0) }
    }

    /// How many models and wildcards have a price.
    public var count: Int { providers.values.reduce(0) { $0 + $1.models.count } }

    /// What a model costs: the entry of exactly that name, else the longest wildcard it matches, else `nil`. Names are compared byte by byte;
    /// the provider's is its name in the configuration, not an alias. Well below a microsecond.
    public func price(provider: String, model: String) -> ModelPrice? { compiled[provider]?.price(of: model) }

    /// The price of a model together with how its provider counts. A provider that the table does not have counts every token.
    public func tariff(provider: String, model: String) -> Tariff {
        guard let prices = compiled[provider] else { return Tariff(price: nil) }
        return Tariff(price: prices.price(of: model), countsCachedInput: prices.countsCachedInput)
    }

    /// Whether two tables price everything alike.
    public static func == (left: PriceTable, right: PriceTable) -> Bool { left === right || left.providers == right.providers }
}

/// The prices of one provider, ready to be looked up.
struct CompiledPrices: Sendable {
    /// What stands before a `*`.
    struct Wildcard: Sendable {
        let prefix: [UInt8]
        let price: ModelPrice
        /// The longest other wildcard whose prefix this one's begins with; -1 where there is none.
        var parent: Int
    }

    let countsCachedInput: Bool
    private let exact: [String: ModelPrice]
    /// In the order of their bytes.
    private let wildcards: [Wildcard]

    init(_ prices: ProviderPrices) {
        countsCachedInput = prices.countsCachedInput
        exact = prices.models.filter { !$0.key.hasSuffix("*") }
        var sorted = prices.models.filter { $0.key.hasSuffix("*") }
            .map { Wildcard(prefix: Array($0.key.utf8.dropLast()), price: $0.value, parent: -1) }
            .sorted { $0.prefix.lexicographicallyPrecedes($1.prefix) }
        for index in sorted.indices.dropFirst() {
            // Whatever this one begins with also begins the one before it, or is the one before it.
            var parent = index - 1
            while parent >= 0, !sorted[index].prefix.starts(with: sorted[parent].prefix) { parent = sorted[parent].parent }
            sorted[index].parent = parent
        }
        wildcards = sorted
    }

    func price(of model: String) -> ModelPrice? {
        if let price = exact[model] { return price }
        return wildcards.isEmpty ? nil : longestMatch(model)
    }

    /// All wildcards that match sort at or before the model, and each of them begins whatever sorts between it and the model. So the last one
    /// that is not behind the model matches, or one of its parents does, the longest first.
    private func longestMatch(_ model: String) -> ModelPrice? {
        let bytes = model.utf8Span.span
        var (low, high) = (0, wildcards.count)
        while low < high {
            let middle = (low + high) / 2
            if CompiledPrices.isBehind(wildcards[middle].prefix, bytes) { high = middle } else { low = middle + 1 }
        }
        var candidate = low - 1
        while candidate >= 0 {
            if CompiledPrices.begins(wildcards[candidate].prefix, bytes) { return wildcards[candidate].price }
            candidate = wildcards[candidate].parent
        }
        return nil
    }

    private static func begins(_ prefix: [UInt8], _ text: Span<UInt8>) -> Bool {
        guard prefix.count <= text.count else { return false }
        for index in 0..<prefix.count where prefix[index] != text[index] { return false }
        return true
    }

    /// Whether a prefix sorts behind a text.
    private static func isBehind(_ prefix: [UInt8], _ text: Span<UInt8>) -> Bool {
        let count = min(prefix.count, text.count)
        for index in 0..<count where prefix[index] != text[index] { return prefix[index] > text[index] }
        return prefix.count > text.count
    }
}
