/// Whose limits they are. Together with measure, selector and position it names a bucket for good: the same limit keeps its bucket through
/// reloads and, for what is recorded, through restarts.
public enum LimitScope: Sendable, Hashable {
    /// A virtual key, by its id.
    case key(String)
    /// A tenant, by its id.
    case tenant(String)
    /// A route, by its name. Shared by all tenants, so what is left of it is told to none of them.
    case route(String)

    /// The kind in one word: `key`, `tenant` or `route`.
    public var kind: String {
        switch self {
        case .key: "key"
        case .tenant: "tenant"
        case .route: "route"
        }
    }

    /// The id or name.
    public var id: String {
        switch self {
        case .key(let id), .tenant(let id), .route(let id): id
        }
    }
}
