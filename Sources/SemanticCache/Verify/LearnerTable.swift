import GatewayModel

/// The learners of all scopes, the families of their answers, and what is common to them: the prior. Any thread; locks are held for a
/// microsecond; fits, and families built anew, are computed outside them.
final class LearnerTable: @unchecked Sendable {  // @unchecked: everything is guarded by `mutex`.
    private struct Scope {
        var learner = ScopeLearner()
        /// Of its own: answers of two scopes are never compared, and a busy scope must not make another's be forgotten.
        var relations = AnswerRelations()
        var usedAt: UInt64 = 0
        var isFitting = false
        var isChanged = false
    }

    private let mutex = Lock()
    private let scopesMax: Int
    private let pairsMax: Int
    private let pairsInAllMax: Int
    /// Pairs of all scopes at most: those of scopes that went since they were counted are in it.
    private var pairsKnown = 0
    private var scopes: [String: Scope] = [:]
    private var uses: UInt64 = 0
    private var prior = LogisticModel.shipped
    /// How many labels the shipped prior is worth beside those of the scopes.
    private static let shippedWorth = 250.0

    /// `pairsMax`: pairs of groups that a scope remembers; `pairsInAllMax`: all of them, some 120 bytes each.
    init(scopesMax: Int, pairsMax: Int = 20_000, pairsInAllMax: Int = 200_000) {
        self.scopesMax = max(1, scopesMax)
        self.pairsMax = pairsMax
        self.pairsInAllMax = max(pairsMax, pairsInAllMax)
    }

    // MARK: - Deciding

    /// A request without a near match.
    func passed(_ scope: String) { with(scope) { $0.passed() } }

    /// Decides; the ordinal is for the ticket.
    func decide(
        _ scope: String, _ features: MatchFeatures, policy: SemanticPolicy, isVerifiedRepeat: Bool, random: UInt64
    ) -> (outcome: ScopeLearner.Outcome, ordinal: UInt64) {
        with(scope) { learner in
            let outcome = learner.decide(features, policy: policy, prior: prior, isVerifiedRepeat: isVerifiedRepeat, random: random)
            return (outcome, learner.counters.requests)
        }
    }

    /// The families of some groups of a scope, all of one moment.
    func families(of groups: [UInt64], in scope: String) -> [UInt64] {
        mutex.withLock { scopes[scope].map { groups.map($0.relations.family) } ?? groups }
    }

    /// What `try` shows: the probability under what the scope has learnt; `nil` while it has not.
    func probability(_ scope: String, _ features: MatchFeatures) -> Double? {
        mutex.withLock { scopes[scope]?.learner.model?.probability(of: features) }
    }

    /// A copy of a scope's state; `nil` if it has none.
    func snapshot(_ scope: String) -> ScopeLearner? { mutex.withLock { scopes[scope]?.learner } }

    /// All scopes.
    var names: [String] { mutex.withLock { scopes.keys.sorted() } }

    private func with<R>(_ name: String, _ body: (inout ScopeLearner) -> R) -> R { withScope(name) { body(&$0.learner) } }

    private func withScope<R>(_ name: String, _ body: (inout Scope) -> R) -> R {
        mutex.withLock {
            if scopes[name] == nil, scopes.count >= scopesMax, let oldest = scopes.min(by: { $0.value.usedAt < $1.value.usedAt })?.key {
                scopes[oldest] = nil
            }
            uses += 1
            scopes[name, default: Scope(relations: AnswerRelations(pairsMax: pairsMax))].usedAt = uses
            return body(&scopes[name, default: Scope()])
        }
    }

    // MARK: - Learning

    /// Takes in the verdicts on a ticket's candidates (`true` equal, `false` different, `nil` nobody could tell) and returns the place of
    /// the first equal one. The first candidate's verdict is the label; who can't tell counts as wrong there, and votes for nothing.
    func conclude(_ ticket: SemanticTicket, verdicts: [Bool?]) -> Int? {
        let groups = ticket.candidates.map(\.answer.words.0)
        let equal = verdicts.indices.first { $0 < groups.count && verdicts[$0] == true }
        let outdated: AnswerRelations? = withScope(ticket.scope) { scope in
            scope.learner.learn(ticket, isRight: equal == 0)
            guard let equal else { return nil }
            let before = scope.relations.count
            for other in verdicts.indices where other != equal && other < groups.count {
                if let isEqual = verdicts[other] { scope.relations.vote(groups[equal], groups[other], isEqual: isEqual) }
            }
            pairsKnown += max(0, scope.relations.count - before)
            return scope.relations.isRebuildDue ? scope.relations : nil
        }
        // Votes that another thread casts meanwhile are lost: a few of hundreds.
        if let rebuilt = outdated?.rebuilt() { withScope(ticket.scope) { $0.relations = rebuilt } }
        forgetPairs()
        fitIfDue(ticket.scope)
        return equal
    }

    /// Too many pairs in all: the scope that has the most forgets the older half. Done beside the lock, as building families anew is.
    private func forgetPairs() {
        let largest: (name: String, relations: AnswerRelations)? = mutex.withLock {
            guard pairsKnown > pairsInAllMax else { return nil }
            pairsKnown = scopes.values.reduce(0) { $0 + $1.relations.count }
            guard pairsKnown > pairsInAllMax else { return nil }
            return scopes.max { $0.value.relations.count < $1.value.relations.count }.map { ($0.key, $0.value.relations) }
        }
        guard let name = largest?.name, var relations = largest?.relations else { return }
        let before = relations.count
        relations.forgetOldest()
        mutex.withLock {
            guard scopes[name] != nil else { return }
            scopes[name]?.relations = relations
            pairsKnown -= before - relations.count
        }
    }

    /// Pairs of all scopes.
    var pairCount: Int { mutex.withLock { scopes.values.reduce(0) { $0 + $1.relations.count } } }

    /// No fresh answer came.
    func abandon(_ ticket: SemanticTicket) { with(ticket.scope) { $0.abandon(ticket) } }

    private func fitIfDue(_ name: String) {
        let due: (learner: ScopeLearner, prior: LogisticModel)? = mutex.withLock {
            guard let scope = scopes[name], scope.learner.isFitDue, !scope.isFitting else { return nil }
            scopes[name]?.isFitting = true
            return (scope.learner, pooled(without: name))
        }
        guard let due else { return }
        let fit = due.learner.fit(prior: due.prior)
        mutex.withLock {
            scopes[name]?.isFitting = false
            scopes[name]?.isChanged = true
            scopes[name]?.learner.apply(fit)
            prior = pooled()
        }
    }

    /// The mean of what the scopes have learnt and what is shipped, each by the number of its labels: where a new scope begins, and what
    /// pulls those with few labels. A scope's own fit is not pulled towards itself.
    private func pooled(without excluded: String? = nil) -> LogisticModel {
        var sum = LogisticModel.shipped.coefficients.map { $0 * Self.shippedWorth }
        var total = Self.shippedWorth
        for name in scopes.keys.sorted() where name != excluded {
            guard let learner = scopes[name]?.learner, let model = learner.model else { continue }
            let worth = Double(learner.window.labels.count)
            for index in sum.indices { sum[index] += worth * model.coefficients[index] }
            total += worth
        }
        return LogisticModel(coefficients: sum.map { $0 / total })
    }

    // MARK: - Keeping

    /// Forgets scopes.
    func remove(where condition: (String) -> Bool) -> [String] {
        mutex.withLock {
            let names = scopes.keys.filter(condition)
            for name in names { scopes[name] = nil }
            prior = pooled()
            return names
        }
    }

    /// The states and families of the scopes that changed since this was last asked (or of all), as bytes.
    func changes(all: Bool) -> [(name: String, learner: [UInt8], relations: [UInt8])] {
        let changed = mutex.withLock {
            let names = scopes.keys.filter { all || scopes[$0]?.isChanged == true }.sorted()
            for name in names { scopes[name]?.isChanged = false }
            return names.compactMap { name in scopes[name].map { (name, $0.learner, $0.relations) } }
        }
        return changed.map { ($0.0, $0.1.encoded(), $0.2.encoded()) }
    }

    /// Takes over a stored state.
    func restore(scope name: String, _ learner: ScopeLearner, _ relations: AnswerRelations) {
        mutex.withLock {
            guard scopes.count < scopesMax else { return }
            scopes[name] = Scope(learner: learner, relations: relations)
            pairsKnown += relations.count
            prior = pooled()
        }
    }
}
