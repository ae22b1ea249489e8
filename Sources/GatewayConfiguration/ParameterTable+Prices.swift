// Prices: one schema for the shipped prices.yaml, where it stands under `providers`, and for the `prices` section that is laid over it.

extension ParameterTable {
    /// The parameters of the main file.
    static let prices: [Parameter] =
        [
            Parameter(
                "prices_file", .text, .text("prices.yaml"), 1...1024,
                "The shipped prices, relative to this file's folder. If this field is left out and there is no such file, nothing is priced."
            ),
            Parameter(
                "prices", .sections(countMax: 500),
                "Prices by provider, laid over those of prices_file, where the same fields stand under providers. A model's entry replaces the one of that name."
            ),
        ] + priceFields("prices.*")

    /// The fields of the prices file.
    static let pricesFile = ParameterTable(
        [
            Parameter("version", .count(unit: ""), .integer(1), 1...1, "The version of this file's format."),
            Parameter("as_of", .text, .none, 10...10, "The day the prices were looked up, as YYYY-MM-DD."),
            Parameter("providers", .sections(countMax: 500), "Prices by provider."),
        ] + priceFields("providers.*"))

    private static func priceFields(_ provider: String) -> [Parameter] {
        let usd = 0...1_000_000
        return [
            Parameter(provider + ".as_of", .text, .none, 10...10, "The day this provider's prices were looked up, as YYYY-MM-DD."),
            Parameter(
                provider + ".cached_input_counts", .flag, .flag(true),
                "Whether prompt tokens that the provider read from its cache count against token limits, as they do against the provider's own."
            ),
            Parameter(
                provider + ".models", .sections(countMax: 5000),
                "Prices by model. A name that ends in * means all that begin so; the exact name wins, then the longest. '*' alone is the rest."
            ),
            Parameter(provider + ".models.*.input", .number, .none, usd, "USD per million input tokens, with up to six decimals. Needed."),
            Parameter(
                provider + ".models.*.output", .number, .none, usd,
                "USD per million output tokens, reasoning included. Needed; 0 for embeddings."),
            Parameter(
                provider + ".models.*.cached_input", .number, .none, usd,
                "USD per million input tokens read from the provider's cache. Left out: as input."),
            Parameter(
                provider + ".models.*.cache_write", .number, .none, usd,
                "USD per million input tokens written to the provider's cache. Left out: as input."),
            Parameter(
                provider + ".models.*.per_request", .number, .none, usd,
                "USD per request, with up to nine decimals, on top of its tokens. Left out: nothing."),
        ]
    }
}
