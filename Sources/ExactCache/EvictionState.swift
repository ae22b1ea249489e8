import GatewayModel
import Storage

/// What the eviction knows of the store: sums, and its two positions in the order of insertion. Kept in the store with every batch.
///
/// The policy is S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023) on one sequence of insertions:
/// entries from `boundary` on are the small queue (a tenth of the bytes), older ones the main queue. An entry leaving the small queue
/// stays if it was used at least twice, which only moves `boundary` past it; otherwise it is evicted and remembered as a ghost. The main
/// queue is a clock: `hand` goes round, an entry that was used loses a use and stays. So keeping an entry writes nothing, ever.
struct EvictionState: Equatable, Sendable {
    /// Entries in the order.
    var entries = 0
    /// Bytes they cost, by `cost(of:)`.
    var bytes = 0
    /// Of those, the bytes of the small queue.
    var smallBytes = 0
    /// The next insertion's number; rises for ever.
    var next: UInt64 = 1
    /// The first insertion of the small queue.
    var boundary: UInt64 = 1
    /// Where the main queue's clock stands.
    var hand: UInt64 = 0

    /// What a record of `count` bytes costs on disk, in bytes: whole pages above about 2 KB, otherwise its part of a leaf page that is two
    /// thirds full (random keys), plus its place in the order.
    static func cost(of count: Int) -> Int {
        let order = 80
        let withKey = count + 48
        guard withKey > 2038 else { return withKey * 3 / 2 + order }
        return (count + 16 + 4095) / 4096 * 4096 + 96 + order
    }

    mutating func inserted(cost: Int) {
        entries += 1
        bytes += cost
        smallBytes += cost
        next += 1
    }

    mutating func removed(sequence: UInt64, cost: Int) {
        entries -= 1
        bytes -= cost
        if sequence >= boundary { smallBytes -= cost }
    }

    /// The record kept in the store.
    var encoded: [UInt8] {
        var value: [UInt8] = []
        for number in [UInt64(entries), UInt64(bytes), UInt64(smallBytes), next, boundary, hand] { value.append(littleEndian: number) }
        return value
    }

    init() {}

    init?(_ value: Span<UInt8>) {
        guard value.count == 48 else { return nil }
        let numbers = value.withUnsafeBytes { raw in (0..<6).map { raw.number($0 * 8, UInt64.self) } }
        guard let entries = Int(exactly: numbers[0]), let bytes = Int(exactly: numbers[1]), let small = Int(exactly: numbers[2]),
            small <= bytes, numbers[4] <= numbers[3], numbers[3] < UInt64.max / 2
        else { return nil }
        self.entries = entries
        self.bytes = bytes
        smallBytes = small
        next = numbers[3]
        boundary = numbers[4]
        hand = numbers[5]
    }
}

/// One entry of the order: key the big-endian sequence, value the digest and the cost.
struct OrderEntry {
    var sequence: UInt64
    var digest: Digest256
    var cost: Int

    static func key(_ sequence: UInt64) -> [UInt8] { withUnsafeBytes(of: sequence.bigEndian) { Array($0) } }

    var value: [UInt8] {
        var value = digest.bytes
        value.append(littleEndian: UInt32(clamping: cost))
        return value
    }

    init(sequence: UInt64, digest: Digest256, cost: Int) {
        self.sequence = sequence
        self.digest = digest
        self.cost = cost
    }

    init?(key: Span<UInt8>, value: Span<UInt8>) {
        guard key.count == 8, value.count == 36, let digest = Digest256(bytes: value.extracting(0..<32)) else { return nil }
        sequence = key.withUnsafeBytes { UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)) }
        self.digest = digest
        cost = Int(value.withUnsafeBytes { $0.number(32, UInt32.self) })
    }
}
