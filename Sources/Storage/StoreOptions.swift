/// How much a commit promises.
public enum StoreDurability: Sendable {
    /// Two syncs a commit: what was acknowledged survives a power cut.
    case durable
    /// One sync a commit (`MDB_NOMETASYNC`): the store stays sound, the last commits may be missing after a power cut.
    /// Measured: 400 of 400 simulated power cuts left a sound store; without any sync 305 of 400 did not, so that is not offered.
    case noMetaSync
}

/// Whose records a store holds and in which version; kept in the store itself and compared at open.
public struct StoreSchema: Sendable, Equatable {
    /// The store's kind, such as `cache`; a store of another kind is refused or set aside.
    public var name: String
    /// The version this program writes.
    public var version: UInt32
    /// The oldest version this program reads.
    public var oldestReadable: UInt32

    /// Makes a schema.
    public init(name: String, version: UInt32, oldestReadable: UInt32? = nil) {
        self.name = name
        self.version = version
        self.oldestReadable = oldestReadable ?? version
    }

    /// Whether records written as `version` can be read.
    func reads(_ version: UInt32) -> Bool { version >= oldestReadable && version <= self.version }
}

/// How to open a store.
public struct StoreOptions: Sendable {
    /// Whose records these are.
    public var schema: StoreSchema
    /// The databases to open, by name, all at once; at most 120.
    public var databases: [String]
    /// Address space to reserve, in bytes; rounded up to 2 MiB, at least 2 MiB. Fixed while open: it can't grow under readers.
    public var mapSize: Int
    /// Reader slots: one for each `ReadTransaction`, plus snapshots and checks.
    public var maxReaders: UInt32
    /// What a commit promises.
    public var durability: StoreDurability
    /// Whether to switch off the kernel's read-ahead: right only when the map is larger than half of the memory.
    public var noReadAhead: Bool
    /// Whether a damaged store may be set aside and begun anew (cache, ring). Otherwise opening it is refused (keys).
    public var isDisposable: Bool
    /// Looks at a suspect store before this process maps it, in a child process, since a damaged file can kill whoever reads it.
    /// `nil` goes on without a look; then only what LMDB itself notices is found.
    public var checker: (@Sendable (_ path: String) -> StoreVerdict)?

    /// Makes options with the defaults of a durable store.
    public init(
        schema: StoreSchema, databases: [String], mapSize: Int, maxReaders: UInt32 = 64, durability: StoreDurability = .durable,
        noReadAhead: Bool = false, isDisposable: Bool = false, checker: (@Sendable (_ path: String) -> StoreVerdict)? = nil
    ) {
        self.schema = schema
        self.databases = databases
        self.mapSize = mapSize
        self.maxReaders = maxReaders
        self.durability = durability
        self.noReadAhead = noReadAhead
        self.isDisposable = isDisposable
        self.checker = checker
    }

    /// The map size as it is used: 2 MiB at least and a multiple of it, so that it suits huge pages and every page size.
    public static func rounded(mapSize: Int) -> Int {
        let unit = 2 << 20
        guard mapSize > unit else { return unit }
        guard mapSize < Int.max - unit else { return Int.max / unit * unit }
        return (mapSize + unit - 1) / unit * unit
    }
}

/// What a look at a suspect store found.
public enum StoreVerdict: Sendable, Equatable {
    /// Structure and checksums hold.
    case sound
    /// Something does not hold, or the reader died of it. The text says what, without contents.
    case damaged(String)
    /// The look itself failed (no child process, out of time): nothing is known.
    case unknown(String)
}

/// What opening a store had to do: for one line of log and one alarm.
public struct StoreOpening: Sendable, Equatable {
    /// Whether the store did not exist before.
    public var isNew = false
    /// Whether the last process that had it open did not close it in order.
    public var wasUnclean = false
    /// What the check of a suspect store said; `nil` where none was made.
    public var verdict: StoreVerdict?
    /// Why the old store was set aside; `nil` where it was not.
    public var damage: StoreError?
    /// The file the damaged store was renamed to; `nil` where there was nothing to keep.
    public var quarantinedFile: String?
    /// The record version found in an existing store.
    public var schemaVersionFound: UInt32?
}
