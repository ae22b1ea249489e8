// A plain pthread mutex: `Synchronization.Mutex` uses priority-inheriting futexes on Linux, several times slower when contended (measured), and
// has no condition.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A mutex with one condition, for critical sections of a few instructions between threads. Not recursive.
public struct Lock: ~Copyable, @unchecked Sendable {  // @unchecked: the two C objects are made for any thread; their addresses never change
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    /// Makes an unlocked one.
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

    /// Runs `body` while holding the lock.
    @inlinable @inline(__always)
    public borrowing func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        lock()
        defer { unlock() }
        return try body()
    }

    /// Waits until no other thread holds the lock, then holds it.
    public func lock() { pthread_mutex_lock(mutex) }

    /// Lets the next one in.
    public func unlock() { pthread_mutex_unlock(mutex) }

    /// Wakes one thread that waits. Call while holding the lock.
    public func signal() { pthread_cond_signal(condition) }

    /// Wakes all threads that wait. Call while holding the lock.
    public func broadcast() { pthread_cond_broadcast(condition) }

    /// Lets go of the lock until woken or until `deadline`, then holds it again. May wake early.
    public func wait(until deadline: MonotonicTime) {
        let nanoseconds = deadline.nanoseconds
        var time = timespec(tv_sec: Int(clamping: nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        pthread_cond_timedwait(condition, mutex, &time)
    }

    /// Lets go of the lock until woken, then holds it again. May wake early.
    public func wait() { pthread_cond_wait(condition, mutex) }
}
