import GatewayModel

/// One request of recorded traffic, as far as limits are concerned.
public struct RecordedRequest: Sendable, Equatable {
    /// What became of it when it was recorded.
    public enum Course: Sendable, Equatable {
        /// It was sent to a provider, or should have been.
        case fetched
        /// The cache answered.
        case hit
        /// It shared the answer to another request.
        case followed
        /// A limit of then refused it. It counts as offered all the same.
        case refused
    }

    /// When it came.
    public var start: WallTime
    /// How long it was under way: 0...`durationMax`.
    public var durationNanoseconds: Int64
    /// Its tenant's id.
    public var tenant: String
    /// Its key's id; empty where it is not known.
    public var key: String
    /// The route it called; empty without one.
    public var route: String
    /// The provider and the model that it was for.
    public var provider: String
    /// See `provider`.
    public var model: String
    /// Its values of metadata names.
    public var metadata: [String: String]
    /// What became of it.
    public var course: Course
    /// What it was expected to use; nil where that is not known.
    public var estimate: UseEstimate?
    /// What it used; nil where that is not known.
    public var use: MeteredUse?

    /// The longest time a request is taken to last: a day.
    public static let durationMax: Int64 = 86_400_000_000_000

    /// Makes a request. Clamps the duration.
    public init(
        start: WallTime, durationNanoseconds: Int64, tenant: String, key: String = "", route: String = "", provider: String = "",
        model: String = "", metadata: [String: String] = [:], course: Course = .fetched, estimate: UseEstimate? = nil,
        use: MeteredUse? = nil
    ) {
        self.start = start
        self.durationNanoseconds = min(max(durationNanoseconds, 0), RecordedRequest.durationMax)
        self.tenant = tenant
        self.key = key
        self.route = route
        self.provider = provider
        self.model = model
        self.metadata = metadata
        self.course = course
        self.estimate = estimate
        self.use = use
    }
}
