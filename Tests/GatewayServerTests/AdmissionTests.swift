import GatewayModel
import Testing

@testable import GatewayServer

private final class Waiter {}

@Suite struct `Admission` {
    private let start = MonotonicTime(nanoseconds: 0)

    private func queue(limit: Int, waiters: Int = 8) -> AdmissionQueue<Waiter> {
        AdmissionQueue(process: LoadCell(), processLimit: limit, waitersMax: waiters, queueMilliseconds: 100)
    }

    @Test func `a tenant that is gone keeps its cell for ever`() {
        let loads = LoadRegistry()
        let busy = loads.cell(forTenant: "busy")
        #expect(busy.enter(limit: 1))
        for number in 0..<100 { _ = loads.cell(forTenant: "tenant-\(number)") }
        loads.keep(tenants: ["tenant-7"])
        #expect(loads.tenantCount == 2 && loads.cell(forTenant: "busy") === busy)
        busy.leave()
        loads.keep(tenants: ["tenant-7"])
        #expect(loads.tenantCount == 1)
    }

    @Test func `the cap admits N and queues N plus one`() {
        var queue = queue(limit: 3)
        let tenant = LoadCell()
        for _ in 0..<3 { #expect(queue.admit(Waiter(), tenant: tenant, tenantLimit: 10, now: start) == .admitted) }
        #expect(queue.admit(Waiter(), tenant: tenant, tenantLimit: 10, now: start) == .queued)
        #expect(tenant.inFlight == 3)
    }

    @Test func `a full queue refuses at once`() {
        var queue = queue(limit: 0, waiters: 2)
        for _ in 0..<2 { #expect(queue.admit(Waiter(), tenant: LoadCell(), tenantLimit: 10, now: start) == .queued) }
        #expect(queue.admit(Waiter(), tenant: LoadCell(), tenantLimit: 10, now: start) == .refused)
    }

    @Test func `a tenant at its cap does not hold up another`() {
        var queue = queue(limit: 10)
        let busy = LoadCell()
        let other = LoadCell()
        #expect(queue.admit(Waiter(), tenant: busy, tenantLimit: 1, now: start) == .admitted)
        #expect(queue.admit(Waiter(), tenant: busy, tenantLimit: 1, now: start) == .queued)
        #expect(queue.admit(Waiter(), tenant: other, tenantLimit: 1, now: start) == .admitted)
    }

    @Test func `one tenant's waiters leave room in the queue for another's`() {
        let process = LoadCell()
        var queue = AdmissionQueue<Waiter>(process: process, processLimit: 0, waitersMax: 8, tenantWaitersMax: 2, queueMilliseconds: 100)
        let loud = LoadCell()
        let quiet = LoadCell()
        let first = Waiter()
        #expect(queue.admit(first, tenant: loud, tenantLimit: 9, now: start) == .queued)
        #expect(queue.admit(Waiter(), tenant: loud, tenantLimit: 9, now: start) == .queued)
        #expect(queue.admit(Waiter(), tenant: loud, tenantLimit: 9, now: start) == .refused)
        #expect(queue.admit(Waiter(), tenant: quiet, tenantLimit: 9, now: start) == .queued)
        queue.remove(first)
        #expect(queue.admit(Waiter(), tenant: loud, tenantLimit: 9, now: start) == .queued)
        #expect(queue.poll(now: start.adding(milliseconds: 100)).expired.count == 3)
        for _ in 0..<2 { #expect(queue.admit(Waiter(), tenant: loud, tenantLimit: 9, now: start) == .queued) }
    }

    @Test func `the queue's bound holds over all loops`() {
        let process = LoadCell()
        var one = AdmissionQueue<Waiter>(process: process, processLimit: 0, waitersMax: 1, queueMilliseconds: 100)
        var other = AdmissionQueue<Waiter>(process: process, processLimit: 0, waitersMax: 1, queueMilliseconds: 100)
        #expect(one.admit(Waiter(), tenant: LoadCell(), tenantLimit: 9, now: start) == .queued)
        #expect(other.admit(Waiter(), tenant: LoadCell(), tenantLimit: 9, now: start) == .refused)
    }

    @Test func `a freed slot goes to the oldest that fits and a late waiter expires`() {
        let process = LoadCell()
        var queue = AdmissionQueue<Waiter>(process: process, processLimit: 1, waitersMax: 8, queueMilliseconds: 100)
        let tenant = LoadCell()
        let first = Waiter()
        let second = Waiter()
        #expect(queue.admit(Waiter(), tenant: tenant, tenantLimit: 9, now: start) == .admitted)
        #expect(queue.admit(first, tenant: tenant, tenantLimit: 9, now: start) == .queued)
        #expect(queue.admit(second, tenant: tenant, tenantLimit: 9, now: start) == .queued)
        process.leave()
        tenant.leave()
        let polled = queue.poll(now: start.adding(milliseconds: 99))
        #expect(polled.admitted.count == 1 && polled.admitted.first === first && polled.expired.isEmpty)
        let late = queue.poll(now: start.adding(milliseconds: 100))
        #expect(late.expired.first === second && queue.isEmpty)
    }

    @Test func `a waiter whose client left takes no slot`() {
        let process = LoadCell()
        var queue = AdmissionQueue<Waiter>(process: process, processLimit: 0, waitersMax: 8, queueMilliseconds: 100)
        let gone = Waiter()
        _ = queue.admit(gone, tenant: LoadCell(), tenantLimit: 9, now: start)
        queue.remove(gone)
        queue.processLimit = 1
        #expect(queue.poll(now: start).admitted.isEmpty)
        #expect(process.inFlight == 0)
    }
}
