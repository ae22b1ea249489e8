/// A tenant as a small integer: what the request path compares and what indexes its tables. Means something together with the table it
/// came from only.
public struct TenantIndex: Hashable, Sendable {
    /// 0-based.
    public var rawValue: UInt32
    /// Makes an index.
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// One upstream to ask: a configured provider and the model's name there.
public struct Target: Hashable, Sendable {
    /// The provider's canonical slug, such as `openai`.
    public var provider: String
    /// The model's name at the provider; empty where the operation has none.
    public var model: String

    /// Makes a target.
    public init(provider: String, model: String) {
        self.provider = provider
        self.model = model
    }
}
