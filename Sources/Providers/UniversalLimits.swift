/// What a universal request may hold before it is refused.
public struct UniversalLimits: Sendable, Equatable {
    /// Steps of one request.
    public var steps: Int
    /// Bytes of a step's endpoint, its query included.
    public var endpointBytes: Int
    /// Header fields of one step.
    public var fields: Int
    /// Bytes of a field's name.
    public var nameBytes: Int
    /// Bytes of a field's value.
    public var valueBytes: Int
    /// Bytes of all names and values of one step.
    public var headerBytes: Int

    /// Makes limits: those of a request's head, and twenty steps.
    public init(
        steps: Int = 20, endpointBytes: Int = 4096, fields: Int = 50, nameBytes: Int = 256, valueBytes: Int = 8192,
        headerBytes: Int = 32_768
    ) {
        self.steps = steps
        self.endpointBytes = endpointBytes
        self.fields = fields
        self.nameBytes = nameBytes
        self.valueBytes = valueBytes
        self.headerBytes = headerBytes
    }
}
