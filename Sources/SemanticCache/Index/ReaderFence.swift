import GatewayModel
import Glibc
import Synchronization

/// Lets one thread replace what others read without a lock.
///
/// A reader announces itself in its own slot, loads the pointer, retains what it points to and leaves: some ten nanoseconds. The writer
/// publishes the replacement, waits until no reader that might have seen the old pointer is still inside, and only then lets go of the old.
final class ReaderFence: @unchecked Sendable {  // @unchecked: `slots` is guarded by `mutex`.
    /// One reader's place: odd while inside.
    final class Slot: Sendable {
        let sequence = Atomic<UInt64>(0)
    }

    private let mutex = Lock()
    private var slots: [ObjectIdentifier: Slot] = [:]

    /// A place for a reader; give it back with `retire`.
    func makeSlot() -> Slot {
        let slot = Slot()
        mutex.withLock { slots[ObjectIdentifier(slot)] = slot }
        return slot
    }

    /// Frees a reader's place.
    func retire(_ slot: Slot) { mutex.withLock { _ = slots.removeValue(forKey: ObjectIdentifier(slot)) } }

    /// Returns once every reader that was inside has left.
    func wait() {
        mutex.withLock {
            for slot in slots.values {
                let seen = slot.sequence.load(ordering: .sequentiallyConsistent)
                guard seen & 1 == 1 else { continue }
                while slot.sequence.load(ordering: .sequentiallyConsistent) == seen { sched_yield() }
            }
        }
    }
}

/// A reference that one thread at a time replaces and any reader loads.
final class PublishedReference<Value: AnyObject & Sendable>: @unchecked Sendable {  // @unchecked: owns what it points to, by the fence
    // `pointer` owns one reference to what it points to, kept until the fence says that nobody is about to retain it.
    private let pointer: Atomic<UnsafeRawPointer?>
    private let fence: ReaderFence

    init(_ value: Value, fence: ReaderFence) {
        pointer = Atomic(UnsafeRawPointer(Unmanaged.passRetained(value).toOpaque()))
        self.fence = fence
    }

    deinit {
        if let raw = pointer.load(ordering: .sequentiallyConsistent) { Unmanaged<Value>.fromOpaque(raw).release() }
    }

    /// What is published. The writing thread only.
    var current: Value? { pointer.load(ordering: .relaxed).map { Unmanaged<Value>.fromOpaque($0).takeUnretainedValue() } }

    /// What is published, for the thread that owns `slot`.
    func load(_ slot: ReaderFence.Slot) -> Value? {
        slot.sequence.add(1, ordering: .sequentiallyConsistent)
        let value = pointer.load(ordering: .sequentiallyConsistent).map { Unmanaged<Value>.fromOpaque($0).takeUnretainedValue() }
        slot.sequence.add(1, ordering: .sequentiallyConsistent)
        return value
    }

    /// Publishes `value` and releases the old one. The writing thread only.
    func replace(_ value: Value) {
        let old = pointer.exchange(UnsafeRawPointer(Unmanaged.passRetained(value).toOpaque()), ordering: .sequentiallyConsistent)
        fence.wait()
        if let old { Unmanaged<Value>.fromOpaque(old).release() }
    }
}
