// Apps repeat themselves: that is what the exact cache lives from. A body that came before needs no second parse and no second SHA-256, which for
// 128 KiB takes longer than all the rest of a hit. The memo holds whole bodies and compares every byte, so it can't mistake one for another; the
// hash only says where to look.

internal import GatewayModel
internal import Hashing

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What scans of recent bodies found, by their bytes. A body is kept at its second sight: bodies that never come again cost a hash each.
struct ScanMemo {
    private struct Slot {
        /// Of the body that was seen last; 0 for none.
        var hash: UInt64 = 0
        var operation = Operation.other
        /// Empty until the second sight.
        var body: [UInt8] = []
        var scan: RequestScan?
    }

    /// Where a body belongs.
    struct Place {
        fileprivate let hash: UInt64
        fileprivate let index: Int
    }

    private let bytesMax: Int
    private var slots: [Slot]
    /// Bytes of the bodies kept.
    private(set) var bytes = 0
    /// The slot that is emptied next when there are too many bytes.
    private var hand = 0

    /// `slots`: a power of two. `bytesMax` bounds the bodies together; none may be larger than a quarter of it.
    init(slots: Int = 256, bytesMax: Int) {
        precondition(slots > 0 && slots & (slots - 1) == 0)
        self.bytesMax = bytesMax
        self.slots = Array(repeating: Slot(), count: slots)
    }

    /// The place of a body; `nil` if it is too large to be kept.
    func place(of body: UnsafeBufferPointer<UInt8>) -> Place? {
        guard body.count <= bytesMax / 4, let base = body.baseAddress else { return nil }
        let hash = max(1, body.count <= Self.hashedWhole ? xxh3(body.span) : Self.sampledHash(UnsafeRawPointer(base), body.count))
        return Place(hash: hash, index: Int(truncatingIfNeeded: hash) & (slots.count - 1))
    }

    /// Longer bodies are hashed by samples: hashing all of 128 KiB took longer than comparing it.
    static let hashedWhole = 8 << 10
    private static let (headBytes, tailBytes, stride) = (2 << 10, 4 << 10, 512)

    /// The beginning, the end, where questions stand, and eight bytes of every 512 between. Bodies of one length that differ nowhere there share a
    /// slot, and are told apart by the comparison.
    private static func sampledHash(_ base: UnsafeRawPointer, _ count: Int) -> UInt64 {
        func xxh3Of(_ range: Range<Int>) -> UInt64 {
            xxh3(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count).bindMemory(to: UInt8.self).span)
        }
        var hash = UInt64(count) &* 0x9E37_79B9_7F4A_7C15 ^ xxh3Of(0..<headBytes)
        for offset in Swift.stride(from: headBytes, to: count - tailBytes, by: stride) {
            hash = (hash ^ base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x9E37_79B9_7F4A_7C15
            hash ^= hash >> 29
        }
        return hash ^ xxh3Of(count - tailBytes..<count)
    }

    /// What was found in the same bytes for the same operation.
    func scan(of body: UnsafeBufferPointer<UInt8>, at place: Place, operation: Operation) -> RequestScan? {
        let slot = slots[place.index]
        guard slot.hash == place.hash, slot.operation == operation, slot.body.count == body.count, let scan = slot.scan,
            let base = body.baseAddress
        else { return nil }
        let isSame = slot.body.withUnsafeBytes { $0.baseAddress.map { memcmp($0, base, body.count) == 0 } ?? false }
        return isSame ? scan : nil
    }

    /// A scan was made: the first time it is only noted that there was one.
    mutating func keep(_ scan: RequestScan, of body: UnsafeBufferPointer<UInt8>, at place: Place, operation: Operation) {
        let isSecond = slots[place.index].hash == place.hash && slots[place.index].operation == operation
        empty(place.index)
        slots[place.index].hash = place.hash
        slots[place.index].operation = operation
        guard isSecond else { return }
        while bytes + body.count > bytesMax {
            empty(hand)
            hand = (hand + 1) & (slots.count - 1)
        }
        slots[place.index].body = Array(body)
        slots[place.index].scan = scan
        bytes += body.count
    }

    private mutating func empty(_ index: Int) {
        guard slots[index].scan != nil else { return }
        bytes -= slots[index].body.count
        slots[index].body = []
        slots[index].scan = nil
    }
}
