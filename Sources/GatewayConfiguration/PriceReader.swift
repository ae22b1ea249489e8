import Providers
import RateLimiting
import Tenants

// Prices are money: they are read digit by digit into whole pico-USD, never through a floating-point number, and both input and output must be
// given, because a forgotten price would make a model free without anybody noticing.

/// The prices of one configuration and the oldest day that any of them is of.
struct ConfiguredPrices {
    let table: PriceTable
    let asOf: String?
}

/// Reads the prices file and the `prices` section that is laid over it.
struct PriceReader {
    /// The longest model name, in bytes.
    static let nameBytesMax = 256

    let providers: ProviderTable

    /// The prices of both, by the providers' canonical names. Problems are reported.
    ///
    /// - Parameter isFileForOthers: whether names of unknown providers in the file are passed over instead of reported.
    func prices(file: Section?, root: Section, isFileForOthers: Bool) -> ConfiguredPrices {
        var prices: [String: ProviderPrices] = [:]
        var asOf: String?
        if let file {
            asOf = date(file)
            if asOf == nil, !file.has("as_of"), file.has("providers") {
                file.report("as_of", "is missing; the day the prices were looked up, such as 2025-01-31")
            }
            read(file, "providers", asOf: asOf, passesOverUnknown: isFileForOthers, into: &prices)
        }
        read(root, "prices", asOf: nil, passesOverUnknown: false, into: &prices)
        let days = prices.values.compactMap(\.asOf) + (asOf.map { [$0] } ?? [])
        return ConfiguredPrices(table: PriceTable(prices), asOf: days.min())
    }

    /// The day of a section, or `nil`.
    private func date(_ section: Section) -> String? {
        guard section.has("as_of"), let text = section.optionalText("as_of") else { return nil }
        if Expiry.moment(text) != nil { return text }
        section.report("as_of", "\"\(section.shown(text))\" is not a date such as 2025-01-31")
        return nil
    }

    private func read(
        _ source: Section, _ name: String, asOf: String?, passesOverUnknown: Bool, into prices: inout [String: ProviderPrices]
    ) {
        var spellings: [String: String] = [:]
        for field in source.namedNodes(name) {
            guard let index = providers.index(of: field.name) else {
                if passesOverUnknown { continue }
                let path = source.path(of: name) + "." + source.shown(field.name)
                source.context.report(field.line, path, "is not a provider" + providers.hint(for: field.name))
                continue
            }
            let provider = providers[index].name
            if let other = spellings.updateValue(field.name, forKey: provider) {
                source.context.report(field.line, source.path(of: name) + "." + field.name, "is the same provider as \(other)")
                continue
            }
            read(source.section(name, of: field), asOf: asOf, into: &prices[provider, default: ProviderPrices()])
        }
    }

    private func read(_ section: Section, asOf: String?, into prices: inout ProviderPrices) {
        prices.asOf = date(section) ?? asOf ?? prices.asOf
        if section.has("cached_input_counts"), let counts = section.optionalFlag("cached_input_counts") {
            prices.countsCachedInput = counts
        }
        for field in section.namedNodes("models") {
            if let problem = PriceReader.problem(ofName: field.name) {
                section.context.report(field.line, section.path(of: "models"), "\"\(section.shown(field.name))\" " + problem)
                continue
            }
            prices.models[field.name] = price(section.section("models", of: field))
        }
    }

    private static func problem(ofName name: String) -> String? {
        guard !name.isEmpty, name.utf8.count <= nameBytesMax, name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            return "is not a model's name: 1 to \(nameBytesMax) bytes without spaces"
        }
        return name.utf8.dropLast().contains(0x2A) ? "has a * before its end; it can only stand for the rest of a name" : nil
    }

    private func price(_ section: Section) -> ModelPrice {
        for name in ["input", "output"] where !section.has(name) {
            section.context.report(section.line, section.path(of: name), "is missing; write 0 if it costs nothing")
        }
        return ModelPrice(
            input: tokenPrice(section, "input") ?? 0, output: tokenPrice(section, "output") ?? 0,
            cachedInput: tokenPrice(section, "cached_input"), cacheWriteInput: tokenPrice(section, "cache_write"),
            perRequest: amount(section, "per_request", decimals: 9) ?? 0)
    }

    /// USD per million tokens is 10⁶ pico-USD per token, so six decimals are whole.
    private func tokenPrice(_ section: Section, _ name: String) -> Int64? { amount(section, name, decimals: 6) }

    /// A price in units of 10^-`decimals` USD.
    private func amount(_ section: Section, _ name: String, decimals: Int) -> Int64? {
        guard let text = section.scalar(name) else { return nil }
        let range = section.parameter(name).range ?? 0...0
        do {
            return try Quantity.decimal(text, decimals: decimals, range: range)
        } catch {
            switch error {
            case .malformed: section.report(name, "\"\(section.shown(text))\" is not a price in USD such as 2.50")
            case .negative: section.report(name, "\(section.shown(text)) is below the minimum \(range.lowerBound) (USD)")
            case .tooLarge: section.report(name, "\(section.shown(text)) is above the maximum \(range.upperBound) (USD)")
            case .notWhole: section.report(name, "\(section.shown(text)) has more than \(decimals) decimals")
            }
            return nil
        }
    }
}

extension Quantity {
    /// Why a text is no decimal amount.
    enum DecimalProblem: Error, Equatable {
        case malformed
        case negative
        case tooLarge
        /// It has more decimals than the unit.
        case notWhole
    }

    /// A decimal number such as `2.50` in units of 10^-`decimals`, exactly; `range` bounds it in whole ones and begins at 0 or above. No sign
    /// but a minus, which is refused by name, no exponent, and digits on both sides of a point.
    static func decimal(_ text: String, decimals: Int, range: ClosedRange<Int>) throws(DecimalProblem) -> Int64 {
        let isNegative = text.hasPrefix("-")
        let parts = (isNegative ? text.dropFirst() : text[...]).utf8.split(separator: 0x2E, maxSplits: 2, omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } }) else {
            throw .malformed
        }
        var fraction = parts.count == 2 ? Array(parts[1]) : []
        while fraction.last == 0x30 { fraction.removeLast() }
        guard !isNegative || (parts[0].allSatisfy { $0 == 0x30 } && fraction.isEmpty) else { throw .negative }
        guard fraction.count <= decimals else { throw .notWhole }
        fraction += [UInt8](repeating: 0x30, count: decimals - fraction.count)
        guard let value = Int64(String(decoding: parts[0] + fraction, as: UTF8.self)) else { throw .tooLarge }
        let unit = (0..<decimals).reduce(Int64(1)) { product, _ in product * 10 }
        guard value >= Int64(range.lowerBound) * unit else { throw .negative }
        guard value <= Int64(range.upperBound) * unit else { throw .tooLarge }
        return value
    }
}
