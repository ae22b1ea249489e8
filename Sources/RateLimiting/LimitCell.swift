// The shared state of one bucket. Ten thousands of them live at once and every request of every thread touches several: so it is small
// (104 bytes, a rolling budget 192 in all), knows nothing of whose bucket it is, and needs no lock where one word will do.
//
//   kind                 word                           anchor                   extra                    period
//   interval             theoretical arrival time, ns   interval, ns             tolerance, ns            ns
//   concurrency          how many now                   -                        -                        -
//   level                settled level, may be < 0      last refill, ns          remainder of the refill  ns
//   hour, day, month     spent in the window            the window's start, ms   -                        the window's end, ms
//   rolling              spent in the span              newest slot              alerts given since, ms   ms
//
// `interval` and `concurrency` cells change by compare-exchange of `word` alone. The others change under `lockWord`: a spin lock of one
// word, as a pthread mutex is 40 bytes and the critical sections are some ten nanoseconds. All fields are atomics nevertheless, so that
// what is told in headers can be read without the lock; it may then mix two moments.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import GatewayModel
import Synchronization

/// The state of one bucket, shared by all threads. Its limit may change while it is in use; its kind may not.
public final class LimitCell: Sendable {
    let kind: CellParameters.Kind
    let measure: LimitMeasure
    /// Tells apart the cells of one subject that count the same measure. Kept for the cell's life.
    let ordinal: UInt8
    /// The highest percentage an alert was given for in this window.
    let alertedPercent = Atomic<UInt8>(0)
    /// Whether it changed since it was last recorded.
    let isDirty = Atomic<Bool>(false)
    /// Whether a record of it may be in the store.
    let isRecorded = Atomic<Bool>(false)

    private let lockWord = Atomic<UInt32>(0)
    /// Requests refused in the name of this limit; wraps at 2³².
    let refusedCount = Atomic<UInt32>(0)
    /// Requests that it would have refused, were it not in shadow mode; wraps at 2³².
    let shadowRefusedCount = Atomic<UInt32>(0)
    /// Settlements above their reserve; wraps at 2³².
    let underestimatedCount = Atomic<UInt32>(0)

    let word: Atomic<Int64>
    let outstanding = Atomic<Int64>(0)
    let amount: Atomic<Int64>
    let burst: Atomic<Int64>
    let period: Atomic<Int64>
    let anchor: Atomic<Int64>
    let extra: Atomic<Int64>
    /// `slotCount` amounts of a rolling budget, slot k at k modulo the count; nil for all other kinds.
    // Written under the lock, read by anyone: the elements are atomics, the address never changes, freed with the cell.
    nonisolated(unsafe) let slots: UnsafeMutablePointer<Atomic<Int64>>?

    /// A cell from which nothing was used yet.
    init(_ parameters: CellParameters, measure: LimitMeasure, ordinal: UInt8, now: LimitTime) {
        kind = parameters.kind
        self.measure = measure
        self.ordinal = ordinal
        amount = Atomic(parameters.amount)
        burst = Atomic(parameters.burst)
        var (word, anchor, extra, period) = (Int64(0), Int64(0), Int64(0), parameters.period)
        var slots: UnsafeMutablePointer<Atomic<Int64>>?
        switch parameters.kind {
        case .interval: (anchor, extra) = (parameters.interval, parameters.tolerance)
        case .concurrency: break
        case .level: (word, anchor) = (parameters.burst, now.nanoseconds)
        case .hour, .day, .month:
            if let bounds = parameters.kind.calendar?.bounds(milliseconds: now.milliseconds) { (anchor, period) = bounds }
        case .rolling:
            anchor = floorDivide(now.milliseconds, LimitCell.slotLength(ofSpan: parameters.period))
            let fresh = UnsafeMutablePointer<Atomic<Int64>>.allocate(capacity: LimitCell.slotCount)
            for index in 0..<LimitCell.slotCount { (fresh + index).initialize(to: Atomic(0)) }
            slots = fresh
        }
        self.word = Atomic(word)
        self.anchor = Atomic(anchor)
        self.extra = Atomic(extra)
        self.period = Atomic(period)
        self.slots = slots
    }

    deinit {
        slots?.deinitialize(count: LimitCell.slotCount)
        slots?.deallocate()
    }

    // MARK: The lock

    /// Holds the cell. Never held across anything but arithmetic.
    @inline(__always) func lock() {
        if !lockWord.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged { lockSlowly() }
    }

    @inline(__always) func unlock() { lockWord.store(0, ordering: .releasing) }

    /// Another thread holds it: for a few nanoseconds, unless the kernel took its core away, so spin little and then let it run.
    @inline(never) private func lockSlowly() {
        var spins = 0
        repeat {
            while lockWord.load(ordering: .relaxed) != 0 {
                spins += 1
                if spins > 64 { sched_yield() }
            }
        } while !lockWord.weakCompareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
    }

    /// Runs `body` while holding the cell.
    @inline(__always) func withLock<Result>(_ body: () -> Result) -> Result {
        lock()
        defer { unlock() }
        return body()
    }

    // MARK: Records

    /// Whether its state outlives the process: budgets, levels, and buckets that can take more than a minute to fill.
    var isDurable: Bool {
        switch kind {
        case .concurrency: false
        case .interval: extra.load(ordering: .relaxed) > LimitCell.durableNanosecondsMin
        case .level, .hour, .day, .month, .rolling: true
        }
    }

    /// A request bucket that fills within this time is not recorded: a restart takes about as long.
    static let durableNanosecondsMin: Int64 = 60_000_000_000

    /// Says that the cell changed. Read first, as the flag is mostly set already and a write would move its cache line between cores.
    @inline(__always) func markDirty() {
        if !isDirty.load(ordering: .relaxed) { isDirty.store(true, ordering: .releasing) }
    }
}
