// Reads the hints of a scanned body. Only bodies that have them come here, so it works on small documents in memory.

internal import JSON

extension RequestScan {
    /// The routing hints of a body; `nil` when it has none. Members that are null count as absent, unknown ones are ignored.
    ///
    /// `body` must be the bytes that were scanned. Throws `ScanError.invalidHint` for a hint of another type, name or size than it can have:
    /// where the gateway acts on hints, an answer from elsewhere than the client said would be worse than none.
    public func hints(in body: Span<UInt8>) throws(ScanError) -> RoutingWishes? {
        guard hasHints else { return nil }
        var wishes = RoutingWishes()
        if let range = modelsRange {
            let reader = HintReader(offset: range.lowerBound)
            let value = try reader.document("models", range, in: body)
            wishes.models = try reader.names(value, "models", atMost: RoutingWishes.modelsMax) ?? []
        }
        if let range = providerRange {
            let reader = HintReader(offset: range.lowerBound)
            try reader.readProvider(try reader.document("provider", range, in: body), into: &wishes)
        }
        return wishes
    }
}

/// Reads one hint, a member that begins at `offset` of the body.
private struct HintReader {
    /// Values in one hint, containers and what is ignored included.
    private static let limits = JSONLimits(depth: 64, values: 1024)
    /// No price is higher: USD.
    private static let priceMax = 1e9

    let offset: Int

    func document(_ name: String, _ range: Range<Int>, in body: Span<UInt8>) throws(ScanError) -> JSONValue {
        guard range.upperBound <= body.count else { throw .truncated(offset: body.count) }
        do throws(JSONError) {
            return try JSONValue(parsing: body.extracting(range), limits: Self.limits)
        } catch {
            throw error.kind == .tooManyValues ? invalid(name, "holds too many values") : .syntax(offset: offset)
        }
    }

    func readProvider(_ value: JSONValue, into wishes: inout RoutingWishes) throws(ScanError) {
        if value.isNull { return }
        guard let provider = value.objectValue else { throw invalid("provider", "must be an object") }
        let providersMax = RoutingWishes.providersMax
        wishes.order = try names(provider["order"], "provider.order", atMost: providersMax) ?? []
        wishes.only = try names(provider["only"], "provider.only", atMost: providersMax)
        wishes.ignore = try names(provider["ignore"], "provider.ignore", atMost: providersMax) ?? []
        if let fallbacks = present(provider["allow_fallbacks"]) {
            guard let allowed = fallbacks.boolValue else { throw invalid("provider.allow_fallbacks", "must be true or false") }
            wishes.allowsFallbacks = allowed
        }
        wishes.sort = try sort(provider["sort"], "provider.sort", mayBeObject: true)
        try readPrices(provider["max_price"], into: &wishes)
    }

    /// A list of names that are not empty; `nil` when absent.
    func names(_ value: JSONValue?, _ param: String, atMost limit: Int) throws(ScanError) -> [String]? {
        guard let value = present(value) else { return nil }
        guard let elements = value.arrayValue else { throw invalid(param, "must be a list of names") }
        guard elements.count <= limit else { throw invalid(param, "may hold at most \(limit) names") }
        var names: [String] = []
        names.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            guard let name = element.stringValue, !name.isEmpty, name.utf8.count <= RoutingWishes.nameBytesMax else {
                throw invalid("\(param)[\(index)]", "must be a name of 1 to \(RoutingWishes.nameBytesMax) bytes")
            }
            names.append(name)
        }
        return names
    }

    /// `"price"` or `{"by": "price"}`.
    private func sort(_ value: JSONValue?, _ param: String, mayBeObject: Bool) throws(ScanError) -> RoutingWishes.Sort? {
        guard let value = present(value) else { return nil }
        if mayBeObject, let object = value.objectValue { return try sort(object["by"], param + ".by", mayBeObject: false) }
        guard let text = value.stringValue, let sort = RoutingWishes.Sort(rawValue: text) else {
            throw invalid(param, "must be \"price\", \"throughput\" or \"latency\"")
        }
        return sort
    }

    private func readPrices(_ value: JSONValue?, into wishes: inout RoutingWishes) throws(ScanError) {
        guard let value = present(value) else { return }
        guard let prices = value.objectValue else { throw invalid("provider.max_price", "must be an object") }
        wishes.maxPromptPrice = try price(prices["prompt"], "provider.max_price.prompt")
        wishes.maxCompletionPrice = try price(prices["completion"], "provider.max_price.completion")
        wishes.maxRequestPrice = try price(prices["request"], "provider.max_price.request")
    }

    /// A number; OpenRouter takes it as a string as well.
    private func price(_ value: JSONValue?, _ param: String) throws(ScanError) -> Double? {
        guard let value = present(value) else { return nil }
        let price =
            switch value {
            case .number(let text): Double(text)
            case .string(let text) where text.utf8.count <= 32 && text.utf8.allSatisfy(Self.isDecimal): Double(text)
            default: nil as Double?
            }
        guard let price, price >= 0, price <= Self.priceMax else { throw invalid(param, "must be a price in USD, a number from 0 on") }
        return price
    }

    /// Whether a byte may stand in a decimal: Swift would read hexadecimal and "inf" as well.
    private static func isDecimal(_ byte: UInt8) -> Bool { byte == 0x2E || byte &- 0x30 <= 9 }

    private func present(_ value: JSONValue?) -> JSONValue? {
        // Not `nil`: that is also how a JSONValue spells null.
        guard let value, !value.isNull else { return .none }
        return value
    }

    private func invalid(_ param: String, _ problem: String) -> ScanError {
        .invalidHint(param: param, problem: problem, offset: offset)
    }
}
