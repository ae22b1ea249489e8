// Who may occupy an upstream slot. Hits never come here: they cost microseconds and are served while misses are shed.
//
// Two caps, both atomics: requests in flight in the whole process and per tenant. A request that finds the process full waits in its loop's
// own short queue, at most `queueMilliseconds`; one that finds its tenant full waits there too, so that a burst of one tenant is smoothed
// and another tenant's is not delayed (a free slot is offered to the oldest waiter that fits).

import GatewayModel
import Synchronization

/// Requests in flight of one tenant, or of the process. Thread-safe.
final class LoadCell: Sendable {
    private let count = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)

    /// Takes a place if fewer than `limit` are taken.
    func enter(limit: Int) -> Bool {
        if count.add(1, ordering: .relaxed).newValue <= limit { return true }
        count.subtract(1, ordering: .relaxed)
        return false
    }

    /// Gives a place back.
    func leave() { count.subtract(1, ordering: .relaxed) }

    /// Queues one if fewer than `limit` wait.
    func wait(limit: Int) -> Bool {
        if waiting.add(1, ordering: .relaxed).newValue <= limit { return true }
        waiting.subtract(1, ordering: .relaxed)
        return false
    }

    /// One waits no longer.
    func stopWaiting() { waiting.subtract(1, ordering: .relaxed) }

    /// Places taken now.
    var inFlight: Int { count.load(ordering: .relaxed) }
}

/// The load cells of the process: one for all, one per tenant, kept across reloads by the tenant's id.
final class LoadRegistry: Sendable {
    let process = LoadCell()
    /// Memory for answers being recorded.
    let capture = CaptureBudget(bytesMax: .max)
    private let tenants = Locked<[String: LoadCell]>([:])

    /// The cell of a tenant; made on first use (by configuration, never by unauthenticated input).
    func cell(forTenant id: String) -> LoadCell {
        tenants.withLock { cells in
            if let cell = cells[id] { return cell }
            let cell = LoadCell()
            cells[id] = cell
            return cell
        }
    }

    /// Forgets tenants that are no longer there and have nothing in flight.
    func keep(tenants ids: Set<String>) {
        tenants.withLock { cells in cells = cells.filter { ids.contains($0.key) || $0.value.inFlight > 0 } }
    }

    /// Tenants it has a cell for.
    var tenantCount: Int { tenants.withLock { $0.count } }
}

/// The requests of one loop that wait for a slot. Loop-confined; pure but for the cells.
struct AdmissionQueue<Waiter: AnyObject> {
    private struct Entry {
        var waiter: Waiter
        var tenant: LoadCell
        var tenantLimit: Int
        var deadline: MonotonicTime
    }
    private var entries: [Entry] = []
    private let process: LoadCell

    /// Waiters in the process at most; more are refused at once.
    var waitersMax: Int
    /// Waiters of one tenant at most.
    var tenantWaitersMax: Int
    /// Longest wait in milliseconds.
    var queueMilliseconds: UInt64
    /// Requests in flight in the process at most.
    var processLimit: Int

    init(process: LoadCell, processLimit: Int, waitersMax: Int, tenantWaitersMax: Int = .max, queueMilliseconds: UInt64) {
        self.process = process
        self.processLimit = processLimit
        self.waitersMax = waitersMax
        self.tenantWaitersMax = tenantWaitersMax
        self.queueMilliseconds = queueMilliseconds
    }

    var isEmpty: Bool { entries.isEmpty }

    /// What became of a request for a slot.
    enum Verdict: Equatable { case admitted, queued, refused }

    /// Asks for a slot; `waiter` is kept only when queued.
    mutating func admit(_ waiter: Waiter, tenant: LoadCell, tenantLimit: Int, now: MonotonicTime) -> Verdict {
        if enter(tenant, tenantLimit) { return .admitted }
        guard process.wait(limit: waitersMax) else { return .refused }
        guard tenant.wait(limit: tenantWaitersMax) else {
            process.stopWaiting()
            return .refused
        }
        let deadline = now.adding(milliseconds: queueMilliseconds)
        entries.append(Entry(waiter: waiter, tenant: tenant, tenantLimit: tenantLimit, deadline: deadline))
        return .queued
    }

    /// Takes a waiter out whose client has left.
    mutating func remove(_ waiter: Waiter) {
        guard let index = entries.firstIndex(where: { $0.waiter === waiter }) else { return }
        stopWaiting(entries.remove(at: index))
    }

    private func stopWaiting(_ entry: Entry) {
        process.stopWaiting()
        entry.tenant.stopWaiting()
    }

    /// Waiters that got a slot, oldest first, and those whose time is up.
    mutating func poll(now: MonotonicTime) -> (admitted: [Waiter], expired: [Waiter]) {
        var admitted: [Waiter] = []
        var expired: [Waiter] = []
        var waiting: [Entry] = []
        for entry in entries {
            if entry.deadline <= now {
                stopWaiting(entry)
                expired.append(entry.waiter)
            } else if enter(entry.tenant, entry.tenantLimit) {
                stopWaiting(entry)
                admitted.append(entry.waiter)
            } else {
                waiting.append(entry)
            }
        }
        entries = waiting
        return (admitted, expired)
    }

    /// Takes a place if one is free.
    func enter(_ tenant: LoadCell, _ tenantLimit: Int) -> Bool {
        guard process.enter(limit: processLimit) else { return false }
        if tenant.enter(limit: tenantLimit) { return true }
        process.leave()
        return false
    }
}
