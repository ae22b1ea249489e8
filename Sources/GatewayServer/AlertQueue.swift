import GatewayModel

// Which alert is sent when: a bounded queue with retries, without I/O, clock or log. AlertSender runs it.

/// One message to a webhook.
struct Alert: Equatable {
    /// The JSON to post.
    let body: [UInt8]
    /// Where to. Its user information, path and query may be secrets.
    let url: String
    /// Sent as `Authorization: Bearer`, if any.
    let bearer: String?
    /// Further fields.
    var fields: [AlertField] = []
}

/// A field that goes with a message.
struct AlertField: Equatable {
    let name: String
    let value: String

    /// Reads `name=value,name=value`, as `OTEL_EXPORTER_OTLP_HEADERS` has it; what is no pair is left out.
    static func parse(_ text: String) -> [AlertField] {
        text.split(separator: ",").compactMap { pair in
            guard let mark = pair.firstIndex(of: "=") else { return nil }
            let name = pair[..<mark].drop { $0 == " " }
            let value = pair[pair.index(after: mark)...].drop { $0 == " " }
            return name.isEmpty ? nil : AlertField(name: String(name), value: String(value))
        }
    }
}

/// Alerts that wait, are under way or wait for their next try. Time is an argument.
struct AlertQueue {
    /// How a try ended.
    enum Outcome {
        /// The webhook took it.
        case delivered
        /// Another try may do better.
        case failed
        /// No other try would do better.
        case refused
    }

    /// What becomes of an alert after a try.
    enum Verdict: Equatable { case delivered, waits, givenUp }

    /// The queue's bounds.
    struct Limits {
        /// Alerts held, those under way included. One more pushes out the oldest that is not under way.
        var alertsMax = 100
        /// Alerts under way at once: a dead webhook must not hold up the others.
        var underWayMax = 4
        /// Milliseconds before the second, the third, … try; their number is that of the retries.
        var pausesMilliseconds: [UInt64] = [1000, 5000]
    }

    private struct Entry {
        let number: UInt64
        let alert: Alert
        /// When it may be tried; nil while it is under way.
        var due: MonotonicTime?
        var tries = 0
    }

    let limits: Limits
    private var entries: [Entry] = []
    private var underWay = 0
    private var numbers: UInt64 = 0

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Alerts held.
    var count: Int { entries.count }

    /// Takes an alert, due at once.
    /// - Returns: Whether another one, or this one where nothing may be pushed out, was dropped for it.
    mutating func add(_ alert: Alert, now: MonotonicTime) -> Bool {
        var dropped = false
        if entries.count >= limits.alertsMax {
            guard let oldest = entries.firstIndex(where: { $0.due != nil }) else { return true }
            entries.remove(at: oldest)
            dropped = true
        }
        numbers += 1
        entries.append(Entry(number: numbers, alert: alert, due: now))
        return dropped
    }

    /// The oldest alert that is due, now under way, and the number to report its end under.
    mutating func takeDue(now: MonotonicTime) -> (number: UInt64, alert: Alert)? {
        guard underWay < limits.underWayMax,
            let index = entries.firstIndex(where: { entry in entry.due.map { $0 <= now } ?? false })
        else { return nil }
        entries[index].due = nil
        entries[index].tries += 1
        underWay += 1
        return (entries[index].number, entries[index].alert)
    }

    /// When to look for a due alert again; nil when an end or an addition comes first.
    var nextDue: MonotonicTime? { underWay < limits.underWayMax ? entries.compactMap(\.due).min() : nil }

    /// Notes how a try ended.
    mutating func ended(_ number: UInt64, _ outcome: Outcome, now: MonotonicTime) -> Verdict {
        guard let index = entries.firstIndex(where: { $0.number == number && $0.due == nil }) else { return .givenUp }
        underWay -= 1
        let tries = entries[index].tries
        if outcome == .failed, tries <= limits.pausesMilliseconds.count {
            entries[index].due = now.adding(milliseconds: limits.pausesMilliseconds[tries - 1])
            return .waits
        }
        entries.remove(at: index)
        return outcome == .delivered ? .delivered : .givenUp
    }

    /// Whether a webhook's status means that it took the alert, may take it later, or will not.
    static func outcome(ofStatus status: Int) -> Outcome {
        switch status {
        case 200..<300: .delivered
        case 429, 500...: .failed
        default: .refused
        }
    }
}
