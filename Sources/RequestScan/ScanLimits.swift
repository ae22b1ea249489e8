/// What a scan accepts before it refuses. They bound the time and scratch memory of one body; its size is bounded by whoever read it.
public struct ScanLimits: Sendable, Equatable {
    /// Containers inside each other, the body's object included. At most a few hundred: it bounds recursion.
    public var depth: Int
    /// Members of one object.
    public var membersPerObject: Int
    /// Members of all objects of a body together.
    public var members: Int
    /// Items of an embeddings `input` that are told apart; a longer batch is keyed as a whole instead.
    public var embeddingItems: Int
    /// Bytes of scratch kept between scans; what a larger body needed is given back at once.
    public var retainedBytes: Int
    /// Bytes of recent bodies kept, so that one that comes again needs no second scan; 0 keeps none. A body larger than a quarter is not kept.
    public var memoBytesMax: Int

    /// Makes limits.
    public init(
        depth: Int = 64, membersPerObject: Int = 10_000, members: Int = 250_000, embeddingItems: Int = 16_384, retainedBytes: Int = 262_144,
        memoBytesMax: Int = 4 << 20
    ) {
        self.depth = depth
        self.membersPerObject = membersPerObject
        self.members = members
        self.embeddingItems = embeddingItems
        self.retainedBytes = retainedBytes
        self.memoBytesMax = memoBytesMax
    }
}
