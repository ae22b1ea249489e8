import GatewayModel
import JSON
import RateLimiting

/// Cloudflare's `cf-aig-custom-cost`: `{"per_token_in": 0.000001, "per_token_out": 0.00002}`, in USD.
enum CustomCost {
    /// The price, or `nil` where the field is no such object or names a negative or absurd amount: it then changes nothing.
    static func price(_ field: Span<UInt8>) -> ModelPrice? {
        guard let json = try? JSONValue(parsing: field), case .object = json else { return nil }
        let input = amount(json["per_token_in"])
        let output = amount(json["per_token_out"])
        guard input != nil || output != nil, json["per_token_in"] == nil || input != nil, json["per_token_out"] == nil || output != nil
        else {
            return nil
        }
        return ModelPrice(input: input ?? 0, output: output ?? 0)
    }

    /// USD as pico-USD.
    private static func amount(_ value: JSONValue?) -> Int64? {
        guard let usd = value?.doubleValue, usd >= 0, usd <= 1 else { return nil }
        return Int64((usd * 1e12).rounded())
    }
}
