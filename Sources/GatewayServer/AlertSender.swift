// Alerts leave through here: a few transfers at a time on the control loop, each tried up to three times, never waited for by anybody. What a
// webhook's URL says beside its host is often the secret itself, so a log line names scheme and host alone.

import EventLoop
import GatewayModel
import Logging
import Upstream

/// Posts ready-made JSON to webhooks. Confined to its loop; `close()` before the loop ends.
final class AlertSender {
    private let loop: EventLoop
    private let logger: Logger
    private let counters: CounterBlock
    private let purpose: Purpose
    private let policy: (_ url: String) -> EgressPolicy
    private let timeouts: UpstreamTimeouts
    private var queue: AlertQueue
    private let driver: DriverOnDemand
    private var timer: LoopTimer?
    private var posts: [UInt64: Post] = [:]
    private var isClosed = false

    /// What is sent: how it is counted and called in the log.
    struct Purpose {
        let name: String
        let delivered: Counter
        let failed: Counter
        /// Budget alerts.
        static let alert = Purpose(name: "An alert", delivered: .alertsSent, failed: .alertsFailed)
        /// Spans for a collector.
        static let spans = Purpose(name: "An export of spans", delivered: .spanExportsSent, failed: .spanExportsFailed)
    }

    /// Two seconds to connect, ten for a try as a whole.
    static let timeouts = UpstreamTimeouts(connect: 2000, firstByte: 10_000, idle: 10_000, total: 10_000)

    /// Makes a sender; nothing is opened until the first alert. `policy` tells where a URL's connection may lead; it is asked at every try.
    init(
        loop: EventLoop, logger: Logger, counters: CounterBlock, purpose: Purpose = .alert, limits: AlertQueue.Limits = AlertQueue.Limits(),
        timeouts: UpstreamTimeouts = AlertSender.timeouts, policy: @escaping (_ url: String) -> EgressPolicy
    ) {
        self.loop = loop
        self.logger = logger
        self.counters = counters
        self.purpose = purpose
        self.policy = policy
        self.timeouts = timeouts
        queue = AlertQueue(limits: limits)
        driver = DriverOnDemand(loop: loop, transfersMax: limits.underWayMax * 2, idleHandlesMax: limits.underWayMax)
    }

    /// Alerts that are not yet delivered or given up.
    var pending: Int { queue.count }

    /// Queues a JSON document for a webhook and returns at once. Beyond the queue's limit the oldest waiting alert is dropped and counted as
    /// failed. A 2xx answer is delivery; a redirect is not followed.
    func send(_ body: [UInt8], to url: String, bearer: String?) { send(Alert(body: body, url: url, bearer: bearer)) }

    /// As above.
    func send(_ alert: Alert) {
        if isClosed { return }
        if queue.add(alert, now: loop.now) {
            counters.add(purpose.failed)
            logger.warning("\(purpose.name) was dropped: too many wait to be delivered")
        }
        startDue()
    }

    /// Ends everything without a word; what is queued is lost. Idempotent.
    func close() {
        isClosed = true
        posts = [:]
        driver.close()
        timer?.close()
        timer = nil
    }

    // MARK: Tries

    private func startDue() {
        while !isClosed, let (number, alert) = queue.takeDue(now: loop.now) { start(number, alert) }
        if !isClosed, let due = queue.nextDue { wakeUp(at: due) }
    }

    private func wakeUp(at due: MonotonicTime) {
        if timer == nil { timer = try? loop.makeTimer { [weak self] in self?.startDue() } }
        // Rounded up: woken early, it would find nothing due.
        timer?.start(afterMilliseconds: (due.nanoseconds(since: loop.now) + 999_999) / 1_000_000)
    }

    private func start(_ number: UInt64, _ alert: Alert) {
        let host = AlertSender.shownTarget(of: alert.url)
        guard let request = request(for: alert) else {
            return ended(number, host, .refused, cause: "the token holds a byte that no header field may hold")
        }
        let post = Post(number: number, host: host, sender: self)
        do throws(UpstreamFailure) {
            post.transfer = try driver.start(request, delegate: post)
            posts[number] = post
        } catch {
            ended(number, host, error.kind == .local ? .failed : .refused, cause: error.description)
        }
    }

    /// - Returns: nil when the bearer holds a byte that no field may hold.
    private func request(for alert: Alert) -> UpstreamRequest? {
        var fields = UpstreamFields()
        fields.append("Content-Type", "application/json")
        for field in alert.fields { guard fields.append(field.name, field.value) else { return nil } }
        if let bearer = alert.bearer, !fields.append("Authorization", "Bearer " + bearer) { return nil }
        return UpstreamRequest(
            method: "POST", url: alert.url, fields: fields, body: .bytes(alert.body), timeouts: timeouts, egress: policy(alert.url))
    }

    fileprivate func ended(_ number: UInt64, _ host: String, _ outcome: AlertQueue.Outcome, cause: String) {
        if isClosed { return }
        posts[number] = nil
        switch queue.ended(number, outcome, now: loop.now) {
        case .delivered: counters.add(purpose.delivered)
        case .waits:
            logger.info("\(purpose.name) could not be delivered and is tried again", metadata: ["webhook": "\(host)", "cause": "\(cause)"])
        case .givenUp:
            counters.add(purpose.failed)
            logger.error("\(purpose.name) could not be delivered", metadata: ["webhook": "\(host)", "cause": "\(cause)"])
        }
    }

    /// A try is over: others may be due.
    fileprivate func goOn() { startDue() }

    /// Scheme, host and port of a URL, for the log; without the user information, path and query, where secrets are kept.
    static func shownTarget(of url: String) -> String {
        guard let mark = url.utf8.firstIndex(of: UInt8(ascii: ":")), url[mark...].hasPrefix("://") else { return "(no URL)" }
        let authority = url[mark...].dropFirst(3).prefix { $0 != "/" && $0 != "?" && $0 != "#" && $0 != "\\" }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        return String(url[..<mark]) + "://" + host
    }
}

@available(*, unavailable)
extension AlertSender: Sendable {}

/// One try of one alert. The answer's body is not wanted.
private final class Post: TransferDelegate {
    private let number: UInt64
    private let host: String
    private unowned let sender: AlertSender
    var transfer: Transfer?

    init(number: UInt64, host: String, sender: AlertSender) {
        self.number = number
        self.host = host
        self.sender = sender
    }

    /// The status says all; an answer that never ends must not keep the alert.
    func transfer(_ transfer: Transfer, receivedHead head: UpstreamHead) {
        transfer.cancel()
        end(AlertQueue.outcome(ofStatus: head.status), cause: "status \(head.status)")
    }

    func transfer(_ transfer: Transfer, receivedBody bytes: Span<UInt8>) {}
    func transferReadyForBody(_ transfer: Transfer) {}
    func transferCompleted(_ transfer: Transfer) {}

    func transferFailed(_ transfer: Transfer, _ failure: UpstreamFailure) {
        end(failure.kind == .egressRefused ? .refused : .failed, cause: failure.description)
    }

    private func end(_ outcome: AlertQueue.Outcome, cause: String) {
        let sender = self.sender
        sender.ended(number, host, outcome, cause: cause)
        sender.goOn()
    }
}
