import GatewayModel
import Providers
import Routing
import Upstream

/// One target that a request may ask, ready to be asked.
struct Candidate {
    let plan: UpstreamPlan
    /// What is known of the target; shared with everybody who asks it.
    let health: TargetHealth
    let overrides: TargetOverrides
    /// Where the route puts it among its targets: what `cf-aig-step` says.
    let position: Int
    /// Whether it is asked because no other is left.
    let isLastResort: Bool
}

/// A route's targets in the order in which one request tries them.
struct PlannedRoute {
    let route: RouteState
    let plan: RoutePlan
    /// Parallel to the plan's targets.
    let health: [TargetHealth]
    let order: PlannedOrder

    /// The one to look up under: the first that may be asked, or, while none may, the first that might again.
    var first: PlannedOrder.Entry? { order.candidates.first ?? order.skipped.first { $0.skip?.isTemporary == true } }
}

/// What became of one attempt, for the log row.
struct AttemptNote: Sendable {
    var provider: String
    var model: String
    /// 0 where no head came.
    var status: Int
    /// Why there was no answer.
    var failure: AttemptFailure.Kind?
    /// When it began, in microseconds after the request's head, and how long it took.
    var startMicroseconds: UInt64
    var microseconds: UInt64
    var isRepeat: Bool
    /// Whether a target asked beside it answered first.
    var isOutrun = false

    /// `openai 503 412ms`, `openai connect_refused 1ms again`, `openai outrun 97ms`
    var text: String {
        let what = failure?.rawValue ?? (isOutrun ? "outrun" : status > 0 ? "\(status)" : "no_answer")
        return "\(provider) \(what) \(microseconds / 1000)ms" + (isRepeat ? " again" : "")
    }
}

/// Leave to ask a target, reported back exactly once: by what came of it, or as nothing when it is dropped. Confined to its loop.
final class HealthTicket {
    private let health: TargetHealth
    private let permit: TargetPermit
    private var isReported = false

    init(_ health: TargetHealth, _ permit: TargetPermit) {
        self.health = health
        self.permit = permit
    }

    /// The number of the provider's key to use.
    var key: Int { permit.key }

    deinit { report(.neutral, at: .now(), random: 0) }

    /// Says what came of it. Later calls do nothing.
    func report(_ verdict: HealthVerdict, at now: MonotonicTime, random: UInt64) {
        guard !isReported else { return }
        isReported = true
        health.report(permit, verdict, at: now, random: random)
    }

    /// An answer that began well broke off, or turned out to be none.
    func reportBroken(at now: MonotonicTime, random: UInt64) {
        guard isReported else { return report(.failure(retryAfterNanoseconds: nil), at: now, random: random) }
        health.reportBroken(permit, at: now, random: random)
    }

    /// Whether another key of the provider could be used at once.
    func isAnotherKeyReady(at now: MonotonicTime) -> Bool { health.isAnotherKeyReady(than: permit.key, at: now) }
}

@available(*, unavailable)
extension HealthTicket: Sendable {}

/// The attempts of one request: the machine that decides, and what it decides over. Confined to the loop of its exchange.
final class RequestAttempts {
    var machine: AttemptMachine
    var candidates: [Candidate]
    /// Shared with followers through all attempts; `nil` when the request flies alone.
    var flight: Flight?
    /// What was refused by a target's own limits: told when nothing else was tried.
    private(set) var limitRefusal: GatewayError?
    private(set) var notes: [AttemptNote] = []
    /// When the present wait is over.
    var wakesAt: MonotonicTime?
    /// When a second target is asked beside the first.
    var hedgesAt: MonotonicTime?
    /// The fetch beside the exchange's own, while two are under way.
    var rival: Fetch?

    /// The next moment at which something is to be done.
    var nextWake: MonotonicTime? {
        guard let wakesAt, let hedgesAt else { return wakesAt ?? hedgesAt }
        return min(wakesAt, hedgesAt)
    }

    /// Attempts noted for the log; more are only counted.
    static let notesMax = 20

    /// What the present attempt may do again.
    var traits: RequestTraits { machine.traits }

    init(machine: AttemptMachine, candidates: [Candidate], flight: Flight?) {
        self.machine = machine
        self.candidates = candidates
        self.flight = flight
    }

    /// Keeps the last refusal by a target's limits. One that waiting helps is not replaced by one that nothing helps.
    func note(limitRefusal error: GatewayError) {
        guard limitRefusal?.status != 429 || error.status == 429 else { return }
        limitRefusal = error
    }

    /// Keeps what became of an attempt.
    func note(_ note: AttemptNote) { if notes.count < Self.notesMax { notes.append(note) } }
}

@available(*, unavailable)
extension RequestAttempts: Sendable {}

extension AttemptFailure {
    /// The transport's failure by what is done about it. `hadHead`: an answer had begun, and nothing of it was passed on.
    init(_ failure: UpstreamFailure, sentNothing: Bool, isClientTimeout: Bool) {
        let kind: Kind =
            switch failure.kind {
            case .dns: .dns
            case .connectRefused: .connectRefused
            case .connectTimeout: .connectTimeout
            case .tls: .tls
            case .egressRefused: .egressRefused
            case .firstByteTimeout: .firstByteTimeout
            case .idleTimeout: .stalled
            case .totalTimeout: .totalTimeout
            case .reset: .reset
            case .truncated: .truncated
            case .protocolError: .protocolError
            case .tooLarge: .tooLarge
            case .sendFailed: .sendFailed
            case .local: .local
            }
        self.init(kind, sentNothing: sentNothing, isClientTimeout: isClientTimeout && kind == .firstByteTimeout)
    }
}
