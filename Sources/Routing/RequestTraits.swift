public import GatewayModel

/// What decides whether a request may be tried again, and on whose account its failures are.
public struct RequestTraits: Sendable, Equatable {
    /// The kind of work. Only generate and embed operations are tried again once a byte was sent.
    public var kind: Operation.Kind
    /// Whether a stream is asked for.
    public var isStream: Bool
    /// Whether the request says `store: true`, and so leaves something behind at the provider.
    public var isStored: Bool
    /// Whether the client's own provider key is used.
    public var usesClientCredential: Bool
    /// Whether the operator chose the model (a route's target), so that a 404 is the route's trouble and not the client's.
    public var isConfiguredTarget: Bool
    /// Whether the body is there to be sent again. A streamed upload's is not.
    public var isReplayable: Bool
    /// How often the client has tried before, by its own word (`x-stainless-retry-count` and the like).
    public var clientRetries: Int

    /// Makes a set of traits.
    public init(
        kind: Operation.Kind, isStream: Bool = false, isStored: Bool = false, usesClientCredential: Bool = false,
        isConfiguredTarget: Bool = true, isReplayable: Bool = true, clientRetries: Int = 0
    ) {
        self.kind = kind
        self.isStream = isStream
        self.isStored = isStored
        self.usesClientCredential = usesClientCredential
        self.isConfiguredTarget = isConfiguredTarget
        self.isReplayable = isReplayable
        self.clientRetries = clientRetries
    }
}
