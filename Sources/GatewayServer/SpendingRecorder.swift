// Once a second: what was spent goes into the key store, and budgets that crossed a threshold are announced. A write that fails is tried again
// with the next; meanwhile counting goes on in memory, and every answer of a limited key says so.

import EventLoop
import GatewayConfiguration
import GatewayModel
import JSON
import Logging
import RateLimiting
import Tenants

/// See the file's header. Confined to the control loop.
final class SpendingRecorder {
    /// How often changes are recorded: what a crash may forget.
    static let intervalMilliseconds: UInt64 = 1000
    /// Buckets recorded in one go; the rest follow with the next.
    static let batchMax = 20_000

    private let limiter: LimiterState
    private let keyStore: KeyStore
    private let logger: Logger
    private let counters: CounterBlock
    private let alerts: AlertSender
    private let loop: EventLoop
    private let mailbox: LoopMailbox
    private var bound: LoopBound<SpendingRecorder>?
    private var timer: LoopTimer?
    private var isWriting = false
    private var ticks = 0
    /// Where alerts go.
    var metering: MeteringSettings

    init(
        loop: EventLoop, limiter: LimiterState, keyStore: KeyStore, metering: MeteringSettings, alerts: AlertSender, counters: CounterBlock,
        logger: Logger
    ) {
        self.limiter = limiter
        self.keyStore = keyStore
        self.metering = metering
        self.alerts = alerts
        self.counters = counters
        self.logger = logger
        self.loop = loop
        mailbox = loop.mailbox
    }

    /// Begins to record.
    func start() {
        bound = LoopBound(self, loop: loop)
        timer = try? loop.makeTimer { [unowned self] in self.tick() }
        timer?.start(afterMilliseconds: Self.intervalMilliseconds)
    }

    private func tick() {
        record()
        announce()
        ticks += 1
        // Buckets of metadata values that are full and in nobody's hands make room.
        if ticks % 60 == 0 { limiter.registry.sweep(limiter.time(at: .now())) }
        timer?.start(afterMilliseconds: Self.intervalMilliseconds)
    }

    private func record() {
        guard !isWriting, let bound else { return }
        let changes = limiter.registry.takeDirty(max: Self.batchMax, limiter.time(at: .now()))
        guard !changes.isEmpty else { return }
        isWriting = true
        let mailbox = self.mailbox
        keyStore.recordSpending(changes.map { ($0.name, $0.state) }) { succeeded in
            _ = mailbox.post { bound.value.recorded(changes, succeeded) }
        }
    }

    private func recorded(_ changes: [LimitRecord], _ succeeded: Bool) {
        isWriting = false
        if succeeded {
            if !limiter.isRecording { logger.notice("Spending is recorded again") }
        } else {
            limiter.registry.markDirty(changes)
            counters.add(.spendingWriteFailures)
            if limiter.isRecording { logger.error("Spending can't be recorded; it is kept in memory and tried again") }
        }
        limiter.noteRecording(succeeded)
    }

    private func announce() {
        for alert in limiter.registry.takeAlerts(limiter.time(at: .now())) {
            counters.add(.budgetAlerts)
            logger.warning(
                "A budget is being used up",
                metadata: [
                    "scope": "\(alert.scope.kind)", "id": "\(alert.scope.id)", "limit": "\(alert.policyName)",
                    "percent": "\(alert.percent)",
                    "spent": "\(LimitText.amount(alert.spent, alert.measure))",
                    "amount": "\(LimitText.amount(alert.amount, alert.measure))",
                ])
            guard let url = metering.alertWebhook else { continue }
            var body: [UInt8] = []
            Self.describe(alert).write(to: &body)
            alerts.send(body, to: url, bearer: metering.alertWebhookSecret.map { $0.reveal() })
        }
    }

    /// An alert as the webhook gets it. Money is in USD, as decimal text.
    static func describe(_ alert: LimitAlert) -> JSONValue {
        let isMoney = alert.measure == .cost
        return [
            "type": "budget_alert", "scope": .string(alert.scope.kind), "id": .string(alert.scope.id), "limit": .string(alert.policyName),
            "measure": .string(alert.measure.rawValue), "percent": .number(alert.percent),
            "spent": isMoney ? .string(LimitText.usd(alert.spent)) : .number(Int(clamping: alert.spent)),
            "amount": isMoney ? .string(LimitText.usd(alert.amount)) : .number(Int(clamping: alert.amount)),
            "window_ends": alert.windowEnds.map { .string(Expiry.text(of: $0)) } ?? .null,
        ]
    }

    /// Records what is left; the store writes it before it closes. The last call, after the loops have stopped.
    func close() {
        timer?.close()
        timer = nil
        while true {
            let changes = limiter.registry.takeDirty(max: Self.batchMax, limiter.time(at: .now()))
            if changes.isEmpty { return }
            keyStore.recordSpending(changes.map { ($0.name, $0.state) }) { _ in }
        }
    }
}

@available(*, unavailable)
extension SpendingRecorder: Sendable {}
