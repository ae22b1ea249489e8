// The keys of the rollups' database. One byte says what it is, so that each kind is one range; the rest is big-endian, so that the store's
// order is the order of time.

/// A key of the rollups' database.
public struct RollupKey: Sendable, Hashable {
    /// What a key names.
    public enum Kind: Sendable, Hashable {
        /// The number of the last checkpoint.
        case generation
        /// Counts of events that no checkpoint has taken up yet.
        case journal(sequence: UInt64)
        /// One interval, by its start in seconds since the epoch.
        case interval(RollupResolution, start: Int64)
    }

    /// What it names.
    public var kind: Kind

    /// Makes a key.
    public init(_ kind: Kind) { self.kind = kind }

    /// Reads a key; `nil` for bytes that are none.
    public init?(bytes: Span<UInt8>) {
        guard bytes.count == 9 else { return nil }
        var number: UInt64 = 0
        for index in 1..<9 { number = number << 8 | UInt64(bytes[index]) }
        switch bytes[0] {
        case 0x10 where number == 0: kind = .generation
        case 0x20: kind = .journal(sequence: number)
        default:
            guard bytes[0] > 0x30, let resolution = RollupResolution(rawValue: bytes[0] - 0x30), number <= UInt64(Int64.max) else {
                return nil
            }
            kind = .interval(resolution, start: Int64(number))
        }
    }

    /// The nine bytes.
    public var bytes: [UInt8] {
        switch kind {
        case .generation: RollupKey.bytes(0x10, 0)
        case .journal(let sequence): RollupKey.bytes(0x20, sequence)
        case .interval(let resolution, let start): RollupKey.bytes(0x30 + resolution.rawValue, UInt64(clamping: start))
        }
    }

    private static func bytes(_ first: UInt8, _ number: UInt64) -> [UInt8] {
        var bytes = [first]
        bytes.reserveCapacity(9)
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
        return bytes
    }

    /// Where the records to be handed to `RollupTable.restore` begin. They end at the first one of which it says `isInterval`.
    public static var restoreStart: [UInt8] { bytes(0x10, 0) }

    /// Whether the key names an interval.
    public var isInterval: Bool { if case .interval = kind { true } else { false } }
}

/// A range of keys, `lower` included, `upper` not.
public struct RollupKeyRange: Sendable, Equatable {
    /// The first key of the range.
    public var lower: [UInt8]
    /// The first key after it.
    public var upper: [UInt8]
}

/// What is to be written in one transaction: first the removals, then the puts.
public struct RollupChanges: Sendable, Equatable {
    /// Keys to delete: what a checkpoint took up, and what is too old.
    public var removals: [RollupKeyRange] = []
    /// Records to write, existing ones replaced.
    public var puts: [(key: [UInt8], value: [UInt8])] = []

    /// Whether there is nothing to do.
    public var isEmpty: Bool { removals.isEmpty && puts.isEmpty }

    /// Whether both write the same.
    public static func == (left: Self, right: Self) -> Bool {
        left.removals == right.removals && left.puts.elementsEqual(right.puts) { $0 == $1 }
    }
}
