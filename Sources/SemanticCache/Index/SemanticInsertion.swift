public import GatewayModel

/// An entry to add: a question whose answer stands in the exact cache.
public struct SemanticInsertion: Sendable {
    /// Where it may be found: tenant scope, target, path, parameters and everything before the last user message, as one digest.
    public var partition: Digest256
    /// The tenant that filled it.
    public var tenant: String
    /// The virtual key that filled it.
    public var keyID: String
    /// The model that answered, as a purge names it.
    public var model: String
    /// The exact cache's key of the answer it leads to: its own answer's, or, for an alias, that of the group.
    public var answer: Digest256
    /// Whether its own fresh answer was judged equal to `answer`'s.
    public var isAlias: Bool
    /// The semantic part of the request, as UTF-8.
    public var text: [UInt8]
    /// The gate's vector, any length but zero.
    public var gate: [Float]
    /// The large model's vector, any length but zero.
    public var vector: [Float]

    /// An entry of its own group.
    public init(
        partition: Digest256, tenant: String, keyID: String, model: String, answer: Digest256, isAlias: Bool = false, text: [UInt8],
        gate: [Float], vector: [Float]
    ) {
        self.partition = partition
        self.tenant = tenant
        self.keyID = keyID
        self.model = model
        self.answer = answer
        self.isAlias = isAlias
        self.text = text
        self.gate = gate
        self.vector = vector
    }
}
