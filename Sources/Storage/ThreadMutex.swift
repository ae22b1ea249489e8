import Glibc

/// A plain pthread mutex with one condition, for short critical sections between threads.
///
/// `Synchronization.Mutex` takes the kernel's slow priority-inheriting path under contention on Linux (measured), and has no condition.
public final class ThreadMutex: @unchecked Sendable {
    // @unchecked: the two C objects are made for use from any thread, and their addresses never change.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    /// Makes an unlocked mutex.
    public init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` while holding the mutex. Not recursive.
    @inline(__always)
    public func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        lock()
        defer { unlock() }
        return try body()
    }

    /// Waits until another thread holds no lock.
    public func lock() { pthread_mutex_lock(mutex) }

    /// Lets the next one in.
    public func unlock() { pthread_mutex_unlock(mutex) }

    /// Wakes one thread that waits. Call with the mutex held.
    public func signal() { pthread_cond_signal(condition) }

    /// Wakes all threads that wait. Call with the mutex held.
    public func broadcast() { pthread_cond_broadcast(condition) }

    /// Lets go of the mutex until woken or until `deadline` (nanoseconds of `CLOCK_MONOTONIC`), then holds it again. May wake early.
    public func wait(untilNanoseconds deadline: UInt64) {
        var time = timespec(tv_sec: Int(clamping: deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        pthread_cond_timedwait(condition, mutex, &time)
    }

    /// Lets go of the mutex until woken, then holds it again. May wake early.
    public func wait() { pthread_cond_wait(condition, mutex) }
}
