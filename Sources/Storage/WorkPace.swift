// A writer thread shares its core with a loop: there are as many loops as cores. Linux lets a thread that was woken wait until the running one
// has had its slice (EEVDF: 2.8 ms on two cores), so a batch of three thousand rows held up a request for that long, and neither a niceness nor a
// shorter slice of the loop changed it: the writer, which slept before, is owed the time. So it leaves the core by itself, often and briefly.

import GatewayModel
import Glibc

/// Portions the work of a batch: naps after every 25 µs of it. On a core that is taken at once by a loop under full load a nap lasts as long as
/// the loop's slice; then the batch goes on without, for throughput counts there, and who waits, waits behind other requests. Not `Sendable`: of
/// one thread.
public struct WorkPace {
    /// Work between two naps, in nanoseconds.
    static let portion: UInt64 = 25_000
    /// What the naps of one batch may take, in nanoseconds: at the 55 µs that one takes on an idle core, 300 of them.
    static let napsMax: UInt64 = 20_000_000
    /// The clock is read at every eighth step.
    private static let stride: UInt8 = 8

    private var steps: UInt8 = 0
    private var portionStart: MonotonicTime
    private var napped: UInt64 = 0

    /// A batch begins.
    public init() { portionStart = .now() }

    /// One that begins then.
    init(at start: MonotonicTime) { portionStart = start }

    /// A piece of a microsecond or two is done. Sleeps when a portion is full.
    @inline(__always)
    public mutating func step() {
        steps &+= 1
        if steps >= Self.stride { look() }
    }

    private mutating func look() {
        steps = 0
        let now = MonotonicTime.now()
        guard isDue(at: now) else { return }
        // Asks for a nanosecond; the kernel's timer slack makes about 50 µs of it.
        var nap = timespec(tv_sec: 0, tv_nsec: 1)
        nanosleep(&nap, nil)
        woke(at: .now(), asleepSince: now)
    }

    /// Whether a portion is full and naps are left.
    func isDue(at now: MonotonicTime) -> Bool { napped < Self.napsMax && now.nanoseconds(since: portionStart) >= Self.portion }

    /// A nap is over, the next portion begins.
    mutating func woke(at now: MonotonicTime, asleepSince: MonotonicTime) {
        portionStart = now
        napped += now.nanoseconds(since: asleepSince)
    }
}
