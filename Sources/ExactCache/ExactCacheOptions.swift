import GatewayModel
import Storage

/// How to open the exact cache.
public struct ExactCacheOptions: Sendable {
    /// The store's folder.
    public var path: String
    /// Bytes that entries may cost on disk; `nil` for the smaller of 8 GiB and a quarter of the free disk space.
    public var byteCap: Int?
    /// Bytes of one encoded record; a larger answer is not stored.
    public var entryBytesMax = 256 << 10
    /// Looks at a suspect store in a child process before it is opened; see `StoreOptions.checker`.
    public var checker: (@Sendable (_ path: String) -> StoreVerdict)?
    /// Limits and batching of the writer thread.
    public var writer = WriterLimits()
    /// Reader slots: one per loop and some to spare.
    public var maxReaders: UInt32 = 64

    /// Options with the defaults.
    public init(path: String, byteCap: Int? = nil) {
        self.path = path
        self.byteCap = byteCap
    }

    /// The smallest cap that makes sense, in bytes.
    public static let byteCapMin = 1 << 20
    /// The largest default cap, in bytes.
    public static let byteCapDefaultMax = 8 << 30

    /// The cap as it is used, given the bytes that may still be written and those the store's file has already. A configured cap is
    /// lowered to what the disk can hold: the map is address space and promises nothing.
    static func effectiveByteCap(configured: Int?, free: Int?, existing: Int) -> Int {
        guard let free else { return max(byteCapMin, configured ?? 1 << 30) }
        let (sum, overflow) = free.addingReportingOverflow(existing)
        let room = overflow ? Int.max : sum
        return max(byteCapMin, configured.map { min($0, room) } ?? min(byteCapDefaultMax, room / 4))
    }

    /// The map for a cap: the cap fills at most four fifths of it, and there is room beside it for four batches of the largest size, since
    /// pages that one transaction frees are used again only by the next but one.
    static func mapSize(for byteCap: Int) -> Int {
        let fourBatches = 16 << 20
        let (sum, overflow) = byteCap.addingReportingOverflow(max(byteCap / 4, fourBatches))
        return StoreOptions.rounded(mapSize: overflow ? Int.max : sum)
    }

    /// Slots of the use counters: two for each entry of 2 KiB that would fit, between 2¹⁶ and 2²².
    static func hotSlots(for byteCap: Int) -> Int {
        var slots = 1 << 16
        while slots < 1 << 22, slots < byteCap / 1024 { slots *= 2 }
        return slots
    }

    /// The version of the record format, as the store's schema.
    public static let schema = StoreSchema(name: "cache", version: 1)
}
