// Output the kernel did not take. libuv needs bytes that neither move nor vanish until its write callback, while more output keeps coming:
// so there are two blocks, one in libuv's hands and one that grows. Both are empty, and hold no memory, whenever the peer keeps up.

/// The queued output of one connection: a block being written, and the block that follows it.
struct OutputQueue: ~Copyable {
    /// Bytes libuv is writing; stable until `finishWrite`.
    private(set) var writing: UnsafeMutableBufferPointer<UInt8>?
    private var waiting: UnsafeMutablePointer<UInt8>?
    private var waitingCapacity = 0
    /// Bytes behind those being written.
    private(set) var waitingCount = 0

    var isEmpty: Bool { writing == nil && waitingCount == 0 }

    /// Copies bytes behind all others. Must not be empty.
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        let target = reserve(bytes.count)
        (target + waitingCount).update(from: source, count: bytes.count)
        waitingCount += bytes.count
    }

    private mutating func reserve(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        if let waiting, waitingCount + count <= waitingCapacity { return waiting }
        // Exact for the first block, which is often the only one; doubling when a producer keeps adding.
        let capacity = waiting == nil ? count : max(waitingCapacity * 2, waitingCount + count)
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        if let waiting {
            grown.update(from: waiting, count: waitingCount)
            waiting.deallocate()
        }
        waiting = grown
        waitingCapacity = capacity
        return grown
    }

    /// Makes the waiting bytes the ones being written; nil when none wait. Nothing may be in writing.
    mutating func beginWrite() -> UnsafeMutableBufferPointer<UInt8>? {
        assert(writing == nil)
        guard let waiting, waitingCount > 0 else { return nil }
        let block = UnsafeMutableBufferPointer(start: waiting, count: waitingCount)
        writing = block
        self.waiting = nil
        waitingCapacity = 0
        waitingCount = 0
        return block
    }

    /// libuv is done with the bytes being written.
    mutating func finishWrite() {
        writing?.deallocate()
        writing = nil
    }

    /// Forgets all; only once libuv has let go.
    mutating func removeAll() {
        finishWrite()
        waiting?.deallocate()
        waiting = nil
        waitingCapacity = 0
        waitingCount = 0
    }

    deinit {
        writing?.deallocate()
        waiting?.deallocate()
    }
}
