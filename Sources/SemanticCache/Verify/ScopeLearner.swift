/// What one scope (a tenant's route) has learnt about its own traffic: a pure machine, so that a replay with the same randomness decides the same.
struct ScopeLearner: Equatable, Sendable {
    /// Counters since the scope began.
    struct Counters: Equatable, Sendable {
        var requests: UInt64 = 0
        var served: UInt64 = 0
        var audits: UInt64 = 0
        var auditsJudged: UInt64 = 0
        var auditsWrong: UInt64 = 0
        var explored: UInt64 = 0
        var labels: UInt64 = 0
        var wouldHaveServed: UInt64 = 0
        var alarms: UInt64 = 0
    }

    /// What a decision depends on besides the match itself.
    struct Outcome: Equatable {
        var action: SemanticDecision.Action
        var probability: Double?
        var calibration: Calibration?
        /// One over the chance with which this request is judged.
        var weight = 1.0
    }

    /// Labels between two fits.
    static let refitEvery = 250
    /// A would-be hit is audited at least this often, and at most that often, as a multiple of the policy's rate: risky ones more.
    private static let auditSpread = (least: 0.7, most: 2.0)
    /// What is served under the shipped prior alone (`cold: prior`).
    static let coldProbability = 0.995

    private(set) var counters = Counters()
    private(set) var window = LabelWindow()
    private(set) var auditLog = AuditLog()
    /// Fitted to all labels; `nil` before the first fit.
    private(set) var model: LogisticModel?
    /// Fitted to even and to odd requests.
    private(set) var halves: (even: LogisticModel, odd: LogisticModel)?
    /// Per bound asked for, at most `boundsMax`.
    private(set) var calibrations: [Double: Calibration] = [:]
    private(set) var isAlarmed = false
    private(set) var labelsSinceFit = 0

    private static let boundsMax = 8

    static func == (left: Self, right: Self) -> Bool {
        left.counters == right.counters && left.window == right.window && left.auditLog == right.auditLog && left.model == right.model
            && left.halves?.even == right.halves?.even && left.halves?.odd == right.halves?.odd && left.calibrations == right.calibrations
            && left.isAlarmed == right.isAlarmed && left.labelsSinceFit == right.labelsSinceFit
    }

    // MARK: - Deciding

    /// A request without a near match: counts among all requests.
    mutating func passed() { counters.requests += 1 }

    /// Decides on a request with a match. `random` is uniform over all words. `isVerifiedRepeat`: the text is, but for case and spacing, that
    /// of an entry whose own answer was judged equal to what would be served.
    mutating func decide(
        _ features: MatchFeatures, policy: SemanticPolicy, prior: LogisticModel, isVerifiedRepeat: Bool, random: UInt64
    ) -> Outcome {
        counters.requests += 1
        var outcome = verdict(features, policy, prior, isVerifiedRepeat)
        if outcome.action == .serve {
            counters.wouldHaveServed += 1
            if policy.isShadow { outcome.action = .explore(.shadow) } else { draw(&outcome, policy, random) }
        }
        switch outcome.action {
        case .serve:
            counters.served += 1
            if policy.maxError != nil { window.add(features, ordinal: counters.requests) }
        case .audit: counters.audits += 1
        case .explore: counters.explored += 1
        case .miss: break
        }
        return outcome
    }

    private mutating func verdict(
        _ features: MatchFeatures, _ policy: SemanticPolicy, _ prior: LogisticModel, _ isVerifiedRepeat: Bool
    ) -> Outcome {
        guard let maxError = policy.maxError else { return plainVerdict(features, policy) }
        let calibration = calibration(for: maxError)
        let probability = model?.probability(of: features)
        var outcome = Outcome(action: .explore(.cold), probability: probability, calibration: calibration)
        if features.isExplored {
            outcome.action = .explore(.explored)
        } else if isAlarmed {
            outcome.action = .explore(.alarm)
        } else if let probability, let threshold = calibration?.threshold {
            outcome.action = probability >= threshold ? .serve : .explore(.unlikely)
        } else if isVerifiedRepeat || (policy.cold == .prior && model == nil && prior.probability(of: features) >= Self.coldProbability) {
            outcome.action = .serve
        }
        if outcome.action == .serve, features.cosine < policy.minimumCosine { outcome.action = .explore(.stricterClient) }
        return outcome
    }

    private func plainVerdict(_ features: MatchFeatures, _ policy: SemanticPolicy) -> Outcome {
        guard case .threshold(let threshold) = policy.rule, !features.isExplored else { return Outcome(action: .miss(.explored)) }
        if features.cosine < threshold { return Outcome(action: .miss(.unlikely)) }
        return Outcome(action: features.cosine < policy.minimumCosine ? .miss(.stricterClient) : .serve)
    }

    /// Draws a would-be hit for an audit, risky ones more often: the error is then known better for the same number of audits (Neyman's
    /// allocation: in proportion to the spread of what is measured).
    private func draw(_ outcome: inout Outcome, _ policy: SemanticPolicy, _ random: UInt64) {
        guard policy.maxError != nil else { return }
        let rate = auditRate(policy)
        guard rate > 0 else { return }
        var chance = rate
        if let p = outcome.probability, let mean = outcome.calibration?.meanSpread {
            let relative = (p * (1 - p)).squareRoot() / mean
            chance = min(1, rate * max(Self.auditSpread.least, min(Self.auditSpread.most, relative)))
        }
        // 53 bits: all that a Double can tell apart.
        guard Double(random >> 11) / 9_007_199_254_740_992 < chance else { return }
        outcome.action = .audit
        outcome.weight = 1 / chance
    }

    /// The share of would-be hits to audit: it falls in proportion once enough audits are judged.
    func auditRate(_ policy: SemanticPolicy) -> Double {
        let full = max(0, min(1, policy.auditRate))
        let enough = Double(max(1, policy.auditsForLowRate))
        guard Double(counters.auditsJudged) > enough else { return full }
        return max(min(full, max(0, policy.auditRateLow)), full * enough / Double(counters.auditsJudged))
    }

    private mutating func calibration(for maxError: Double) -> Calibration? {
        if let known = calibrations[maxError] { return known }
        // A bound that was not asked for before: its threshold comes with the next fit at the latest.
        if calibrations.count >= Self.boundsMax { calibrations.removeAll() }
        let new = Calibration.unknown
        calibrations[maxError] = new
        return new
    }

    // MARK: - Learning

    /// A request was judged.
    mutating func learn(_ ticket: SemanticTicket, isRight: Bool) {
        counters.labels += 1
        labelsSinceFit += 1
        if ticket.isAudit {
            counters.auditsJudged += 1
            if !isRight { counters.auditsWrong += 1 }
            auditLog.add(AuditLog.Outcome(ordinal: ticket.ordinal, weight: Float(ticket.weight), isWrong: !isRight))
            checkAlarm()
        }
        window.add(
            LabelWindow.Label(
                features: ticket.features, weight: Float(ticket.weight), ordinal: ticket.ordinal, isRight: isRight))
    }

    /// A request will not be judged: no fresh answer came. Those of its likeness that are judged stand for it.
    mutating func abandon(_ ticket: SemanticTicket) { window.add(ticket.features, ordinal: ticket.ordinal) }

    /// Only explores once the strictest bound in use is all but ruled out, until a fit to what came since finds a threshold again.
    private mutating func checkAlarm() {
        guard !isAlarmed, let loosest = calibrations.filter({ $0.value.threshold != nil }).keys.max() else { return }
        guard auditLog.isAlarming(maxError: loosest, now: counters.requests) else { return }
        isAlarmed = true
        counters.alarms += 1
        if let first = auditLog.outcomes.map(\.ordinal).min() { window.trim(before: first) }
        for bound in calibrations.keys { calibrations[bound] = .unknown }
        labelsSinceFit = 0
    }

    /// Whether enough was learnt for a new fit.
    var isFitDue: Bool { labelsSinceFit >= Self.refitEvery }

    /// A fit in the making: computed on a copy, off the request path.
    struct Fit: Sendable {
        var model: LogisticModel
        var even: LogisticModel
        var odd: LogisticModel
        var calibrations: [Double: Calibration]
        /// What had been counted when it was begun.
        var labels: UInt64
        var alarms: UInt64
    }

    /// Fits the models and finds the thresholds. Some ten milliseconds for a full window.
    func fit(prior: LogisticModel) -> Fit {
        let examples = window.labels.map { label in
            LogisticModel.Example(
                terms: LogisticModel.terms(of: label.features), isRight: label.isRight, weight: Double(label.weight))
        }
        let isEven = window.labels.map { $0.ordinal % 2 == 0 }
        let even = LogisticModel.fitted(to: zip(examples, isEven).filter { $0.1 }.map(\.0), prior: prior)
        let odd = LogisticModel.fitted(to: zip(examples, isEven).filter { !$0.1 }.map(\.0), prior: prior)
        let requests = Double(counters.requests - min(counters.requests, window.start) + 1)
        var found: [Double: Calibration] = [:]
        for bound in calibrations.keys {
            found[bound] = Calibration(window, even: even, odd: odd, requests: requests, maxError: bound)
        }
        return Fit(
            model: LogisticModel.fitted(to: examples, prior: prior), even: even, odd: odd, calibrations: found,
            labels: counters.labels, alarms: counters.alarms)
    }

    /// Takes over a fit, unless an alarm was raised since it was begun, or everything was forgotten: it would bring back what was dropped.
    mutating func apply(_ fit: Fit) {
        guard fit.alarms == counters.alarms, fit.labels <= counters.labels else { return }
        labelsSinceFit = 0
        model = fit.model
        halves = (fit.even, fit.odd)
        for (bound, calibration) in fit.calibrations where calibrations[bound] != nil { calibrations[bound] = calibration }
        if isAlarmed, calibrations.values.contains(where: { $0.threshold != nil }) {
            isAlarmed = false
            auditLog.removeAll()
        }
    }

    /// Takes over what was stored; `models` holds the fitted one and those of the halves, or nothing.
    mutating func restore(
        counters: Counters, labelsSinceFit: Int, isAlarmed: Bool, models: [LogisticModel], calibrations: [Double: Calibration],
        audits: AuditLog, window: LabelWindow
    ) {
        self.counters = counters
        self.labelsSinceFit = labelsSinceFit
        self.isAlarmed = isAlarmed
        self.calibrations = calibrations
        self.auditLog = audits
        self.window = window
        guard models.count == 3 else { return }
        model = models[0]
        halves = (models[1], models[2])
    }
}

extension Calibration {
    /// Nothing is known.
    static let unknown = Calibration()

    private init() {}
}
