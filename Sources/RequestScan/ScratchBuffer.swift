/// Growable storage of trivial elements that keeps its memory from scan to scan: an array without the zeroing, the reference counting and the
/// exclusivity checks, which together cost more than the scan of a small body.
///
/// A value refers to its memory without owning it: exactly one holder at a time uses it, and `RequestScanScratch` frees it.
struct ScratchBuffer<Element: BitwiseCopyable> {
    private(set) var base: UnsafeMutablePointer<Element>
    private(set) var capacity: Int
    /// Elements in use; those beyond are uninitialised.
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 1)
        base = .allocate(capacity: self.capacity)
    }

    /// Element `index`, which must be below `count`.
    subscript(index: Int) -> Element {
        @inline(__always) get {
            assert(index >= 0 && index < count)
            return base[index]
        }
        @inline(__always) nonmutating set {
            assert(index >= 0 && index < count)
            base[index] = newValue
        }
    }

    /// Makes room for `extra` more elements.
    @inline(__always)
    mutating func reserve(_ extra: Int) {
        if capacity &- count < extra { grow(extra) }
    }

    @inline(__always)
    mutating func append(_ element: Element) {
        reserve(1)
        base[count] = element
        count &+= 1
    }

    /// Appends `length` elements from memory that is not this buffer's.
    @inline(__always)
    mutating func append(_ source: UnsafePointer<Element>, _ length: Int) {
        reserve(length)
        (base + count).update(from: source, count: length)
        count &+= length
    }

    /// Appends up to 16 bytes from memory of which 16 may be read: a fixed-size store is cheaper than a call to memcpy.
    @inline(__always)
    mutating func appendShort(_ source: UnsafePointer<UInt8>, _ length: Int) where Element == UInt8 {
        reserve(16)
        let word = UnsafeRawPointer(source).loadUnaligned(as: SIMD2<UInt64>.self)
        UnsafeMutableRawPointer(base + count).storeBytes(of: word, as: SIMD2<UInt64>.self)
        count &+= length
    }

    /// Drops the elements from `newCount` on.
    @inline(__always)
    mutating func truncate(to newCount: Int) {
        assert(newCount >= 0 && newCount <= count)
        count = newCount
    }

    /// Forgets the elements, and gives memory beyond `retained` elements back.
    mutating func reset(retaining retained: Int) {
        count = 0
        guard capacity > max(retained, 1) else { return }
        base.deallocate()
        self = ScratchBuffer(capacity: retained)
    }

    func release() { base.deallocate() }

    @inline(never)
    private mutating func grow(_ extra: Int) {
        let capacity = max(self.capacity &* 2, count &+ extra)
        let grown = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        grown.update(from: base, count: count)
        base.deallocate()
        base = grown
        self.capacity = capacity
    }
}

/// The memory that a scanner keeps between bodies.
final class RequestScanScratch {
    var canonical: CanonicalForm
    var members = ScratchBuffer<MemberRecord>(capacity: 64)
    let names = FieldNames()
    var memo: ScanMemo

    init(memoBytesMax: Int) {
        canonical = CanonicalForm()
        memo = ScanMemo(bytesMax: memoBytesMax)
    }

    deinit {
        canonical.release()
        members.release()
    }
}
