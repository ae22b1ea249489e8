public import JSON
public import Providers
public import Routing

extension RoutingHints {
    /// The most entries of a list that are looked at.
    private static let entriesMax = 64

    /// Reads OpenRouter's `models` and `provider` members of a request's body. What is not of their form counts as not there, as it does at
    /// OpenRouter; a provider that is not configured here can't be asked, so its name drops out.
    public init(body: JSONValue, providers: ProviderTable) {
        func indices(_ value: JSONValue?) -> [Int]? {
            value?.arrayValue?.prefix(RoutingHints.entriesMax).compactMap { $0.stringValue }.compactMap {
                providers.index(of: $0) ?? providers.index(of: $0.lowercased())
            }
        }
        func price(_ value: JSONValue?) -> Double? {
            let found = value?.doubleValue ?? value?.stringValue.flatMap { Double($0) }
            return found.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil }
        }
        let wishes = body["provider"]
        let sort = wishes?["sort"]?.stringValue ?? wishes?["sort"]?["by"]?.stringValue
        self.init(
            models: body["models"]?.arrayValue?.prefix(RoutingHints.entriesMax).compactMap(\.stringValue) ?? [],
            order: indices(wishes?["order"]) ?? [], allowsFallbacks: wishes?["allow_fallbacks"]?.boolValue ?? true,
            only: indices(wishes?["only"]), ignore: indices(wishes?["ignore"]) ?? [], sort: sort.flatMap(Sort.init(rawValue:)),
            maxInputPrice: price(wishes?["max_price"]?["prompt"]), maxOutputPrice: price(wishes?["max_price"]?["completion"]))
    }
}
