import ExactCache
import GatewayModel
import JSON
import Tenants

/// What `POST /cache/purge` and `weir cache purge` take: `cache_key`, `key_id`, `tenant`, `model`, `tag`, `namespace`, `before` or `all`; several
/// together select what all of them select.
public enum PurgeRequest {
    /// The selector of a request's fields. Throws 400 for unknown fields, and for none: purging everything has to be said.
    public static func selector(of fields: JSONObject) throws(GatewayError) -> PurgeSelector {
        var selectors: [PurgeSelector] = []
        for member in fields.members {
            if member.key == "all" {
                guard member.value.boolValue == true else { throw invalid("all", "must be true") }
                selectors.append(.all)
                continue
            }
            guard let text = member.value.stringValue, !text.isEmpty else { throw invalid(member.key, "must be a non-empty string") }
            selectors.append(try selector(named: member.key, text))
        }
        guard let first = selectors.first else {
            throw invalid("all", "or one of cache_key, key_id, tenant, model, tag, namespace, before is required")
        }
        return selectors.count == 1 ? first : .every(selectors)
    }

    private static func selector(named name: String, _ text: String) throws(GatewayError) -> PurgeSelector {
        switch name {
        case "tenant": return .tenant(text)
        case "key_id": return .keyID(text)
        case "model": return .model(text)
        case "tag": return .tag(text)
        case "namespace": return .namespace(text)
        case "cache_key":
            guard let digest = Digest256(hex: text) else { throw invalid(name, "must be 64 hexadecimal digits") }
            return .key(digest)
        case "before":
            guard let time = Expiry.moment(text) else {
                throw invalid(name, "must be a date such as 2027-01-01 or a time such as 2027-01-01T12:00:00Z")
            }
            return .before(time)
        default: throw GatewayError(status: 400, code: "unknown_field", message: "There is no field \"\(name)\" here.", param: name)
        }
    }

    private static func invalid(_ name: String, _ what: String) -> GatewayError {
        GatewayError(status: 400, code: "invalid_field", message: "\(name) \(what).", param: name)
    }

    /// The answer: how many entries were removed, or why it failed.
    static func response(_ result: PurgeResult) -> AdminResponse {
        if let error = result.error {
            return .error(GatewayError(status: 503, code: "purge_failed", message: "The purge failed: \(error).", source: .store))
        }
        return .json(describe(result))
    }

    /// `{"purged": N}`
    public static func describe(_ result: PurgeResult) -> JSONValue { ["purged": .number(result.removed)] }
}
