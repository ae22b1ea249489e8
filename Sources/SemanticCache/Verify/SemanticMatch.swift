public import GatewayModel

/// A stored entry near a request.
public struct SemanticMatch: Sendable, Equatable {
    /// The entry's number: unique in this cache, growing with time.
    public var entry: UInt64
    /// The exact cache's key of the answer, which also names the answer group.
    public var answer: Digest256
    /// Cosine, in -1...1.
    public var cosine: Float
    /// Who filled it.
    public var tenant: String
    /// The virtual key that filled it.
    public var keyID: String
    /// When it was filled.
    public var created: WallTime
    /// The semantic part of the request that filled it, as UTF-8.
    public var text: [UInt8]
}
