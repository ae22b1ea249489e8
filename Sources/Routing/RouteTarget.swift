public import GatewayModel

/// What a model can do, as far as requests differ in needing it.
public struct TargetCapabilities: Sendable, Equatable {
    /// The context window in tokens, prompt and answer together; `nil`: not known, and so never a reason to skip the target.
    public var contextTokens: Int?
    /// Whether it takes tool definitions.
    public var tools: Bool
    /// Whether it takes images.
    public var images: Bool
    /// Whether it can be held to JSON (JSON mode or a schema).
    public var jsonMode: Bool

    /// Makes a set of capabilities: by default everything, of any size.
    public init(contextTokens: Int? = nil, tools: Bool = true, images: Bool = true, jsonMode: Bool = true) {
        self.contextTokens = contextTokens
        self.tools = tools
        self.images = images
        self.jsonMode = jsonMode
    }
}

/// What a target costs. Compared, and checked against a request's `max_price`; never used for billing.
public struct TargetPrice: Sendable, Equatable {
    /// USD per million input tokens, at least 0.
    public var input: Double
    /// USD per million output tokens, at least 0.
    public var output: Double

    /// Makes a price.
    public init(input: Double, output: Double) {
        self.input = input
        self.output = output
    }

    /// The expected cost of a request in millionths of a USD; with both counts 0, of one token each way.
    func estimate(inputTokens: Int, outputTokens: Int) -> Double {
        if inputTokens <= 0, outputTokens <= 0 { return input + output }
        return input * Double(max(inputTokens, 0)) + output * Double(max(outputTokens, 0))
    }
}

/// What a route sets differently for one of its targets; `nil`: as the route says.
public struct TargetOverrides: Sendable, Equatable {
    /// Milliseconds to connect, TLS included.
    public var connectMilliseconds: UInt64?
    /// Milliseconds to the first byte of the answer.
    public var firstByteMilliseconds: UInt64?
    /// Milliseconds that a running answer may stand still.
    public var idleMilliseconds: UInt64?
    /// Seconds that its answers are kept.
    public var ttlSeconds: Int?

    /// Makes overrides.
    public init(
        connectMilliseconds: UInt64? = nil, firstByteMilliseconds: UInt64? = nil, idleMilliseconds: UInt64? = nil, ttlSeconds: Int? = nil
    ) {
        self.connectMilliseconds = connectMilliseconds
        self.firstByteMilliseconds = firstByteMilliseconds
        self.idleMilliseconds = idleMilliseconds
        self.ttlSeconds = ttlSeconds
    }
}

/// A leaf of a route: one provider and model, and what is known and set about it.
public struct RouteTarget: Sendable, Equatable {
    /// The provider's index in the snapshot's table: what hints compare.
    public var provider: Int
    /// Provider and model by name.
    public var target: Target
    /// What it can do.
    public var capabilities: TargetCapabilities
    /// What it costs; `nil`: not known, which sorts last and never fits a `max_price`.
    public var price: TargetPrice?
    /// What is set differently for it.
    public var overrides: TargetOverrides
    /// For which requests it is there at all; `nil`: all.
    public var condition: RouteCondition?

    /// Makes a leaf.
    public init(
        provider: Int, target: Target, capabilities: TargetCapabilities = TargetCapabilities(),
        price: TargetPrice? = nil, overrides: TargetOverrides = TargetOverrides(), condition: RouteCondition? = nil
    ) {
        self.provider = provider
        self.target = target
        self.capabilities = capabilities
        self.price = price
        self.overrides = overrides
        self.condition = condition
    }
}
