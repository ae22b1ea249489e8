import GatewayModel
import JSON
import Tenants

/// What is known about a request besides its content: the operator's metadata of its key and tenant, and the client's own `cf-aig-metadata`
/// where these say nothing.
///
/// The client's field is flat JSON; its first 16 entries are kept, and one that is no flat JSON object counts as absent: it changes no answer.
struct RequestMetadata {
    private let key: Metadata
    private let tenant: Metadata
    private var own: [(name: String, value: String)] = []

    /// The client's entries that are kept.
    static let entriesMax = Metadata.entriesMax

    /// Joins the three sources. `field`: the client's, `nil` when it sent none.
    init(key: Metadata, tenant: Metadata, field: Span<UInt8>?) {
        self.key = key
        self.tenant = tenant
        guard let field, let json = try? JSONValue(parsing: field), let object = json.objectValue else { return }
        for member in object.members.prefix(Self.entriesMax) {
            switch member.value {
            case .string(let text): own.append((member.key, text))
            case .number(let text): own.append((member.key, text))
            case .bool(let flag): own.append((member.key, flag ? "true" : "false"))
            case .null, .array, .object: continue
            }
        }
    }

    /// Every entry as text, the operator's before the client's.
    var entries: [(name: String, value: String)] {
        var entries = (key.entries + tenant.entries).map { (name: $0.name, value: $0.value.text) }
        entries += own
        return entries
    }

    /// The value of a name as text: the key's, else the tenant's, else the client's.
    subscript(name: String) -> String? {
        (key[name] ?? tenant[name])?.text ?? own.first { $0.name == name }?.value
    }
}

extension Metadata.Value {
    /// The value as text.
    var text: String {
        switch self {
        case .text(let text), .number(let text): text
        case .flag(let flag): flag ? "true" : "false"
        }
    }
}
