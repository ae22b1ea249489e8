public import Storage

/// How to open the semantic cache. All limits are upper limits; what is beyond is evicted or refused with a named reason.
public struct SemanticCacheOptions: Sendable {
    /// The store's folder; `nil` keeps everything in memory, for simulations and tests.
    public var path: String?
    /// Names the pair of embedding models: a record of another name is dropped at start.
    public var modelID: String
    /// Dimensions of the large model's vectors: 1 to 2048.
    public var dimensions = 384
    /// Dimensions of the gate's vectors: 1 to 2048.
    public var gateDimensions = 128
    /// Entries of the whole index.
    public var entriesMax = 200_000
    /// Entries of one partition.
    public var entriesPerPartitionMax = 100_000
    /// Partitions: each costs some memory of its own.
    public var partitionsMax = 50_000
    /// The share of `entriesMax` that one virtual key may hold, in percent. Past it, its own oldest entries make room.
    public var keySharePercent = 50
    /// Entries that one virtual key may insert in a minute.
    public var keyInsertsPerMinute = 600
    /// Bytes of an entry's text.
    public var textBytesMax = 4096
    /// The gate's cosine below which the large model isn't asked.
    public var gateFloor: Float = 0.70
    /// The cosine below which a neighbour is nothing to learn from.
    public var neighbourFloor: Float = 0.70
    /// Scopes that learn, the least recently used are forgotten first.
    public var scopesMax = 1_000
    /// Limits and batching of the writer thread.
    public var writer = WriterLimits()
    /// Looks at a suspect store in a child process before it is opened; see `StoreOptions.checker`.
    public var checker: (@Sendable (_ path: String) -> StoreVerdict)?

    /// Options with the defaults.
    public init(path: String?, modelID: String) {
        self.path = path
        self.modelID = modelID
    }

    /// The version of the record format, as the store's schema.
    public static let schema = StoreSchema(name: "semantic", version: 1)
}
