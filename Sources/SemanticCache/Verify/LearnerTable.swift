import GatewayModel

/// The learners of all scopes, and what is common to them: the prior and the families of answers. Any thread; locks are held for a
/// microsecond, and a fit is computed outside them.
final class LearnerTable: @unchecked Sendable {
    // @unchecked: everything is guarded by `mutex`.
    private struct Scope {
        var learner = ScopeLearner()
        var usedAt: UInt64 = 0
        var isFitting = false
        var isChanged = false
    }

    private let mutex = Lock()
    private let scopesMax: Int
    private var scopes: [String: Scope] = [:]
    private var uses: UInt64 = 0
    private var relations = AnswerRelations()
    private var prior = LogisticModel.shipped
    /// How many labels the shipped prior is worth beside those of the scopes.
    private static let shippedWorth = 250.0

    init(scopesMax: Int) { self.scopesMax = max(1, scopesMax) }

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

    /// The families of some groups, all of one moment.
    func families(of groups: [UInt64]) -> [UInt64] { mutex.withLock { groups.map(relations.family) } }

    /// What `try` shows: the probability under what the scope has learnt; `nil` while it has not.
    func probability(_ scope: String, _ features: MatchFeatures) -> Double? {
        mutex.withLock { scopes[scope]?.learner.model?.probability(of: features) }
    }

    /// A copy of a scope's state; `nil` if it has none.
    func snapshot(_ scope: String) -> ScopeLearner? { mutex.withLock { scopes[scope]?.learner } }

    /// All scopes.
    var names: [String] { mutex.withLock { scopes.keys.sorted() } }

    private func with<R>(_ name: String, _ body: (inout ScopeLearner) -> R) -> R {
        mutex.withLock {
            if scopes[name] == nil, scopes.count >= scopesMax, let oldest = scopes.min(by: { $0.value.usedAt < $1.value.usedAt })?.key {
                scopes[oldest] = nil
            }
            uses += 1
            scopes[name, default: Scope()].usedAt = uses
            return body(&scopes[name, default: Scope()].learner)
        }
    }

    // MARK: - Learning

    /// Takes in the verdicts on a ticket's candidates (`true` equal, `false` different, `nil` nobody could tell) and returns the place of
    /// the first equal one. The first candidate's verdict is the label; who can't tell counts as wrong there, and votes for nothing.
    func conclude(_ ticket: SemanticTicket, verdicts: [Bool?]) -> Int? {
        let groups = ticket.candidates.map(\.answer.words.0)
        let equal = verdicts.indices.first { $0 < groups.count && verdicts[$0] == true }
        with(ticket.scope) { learner in
            learner.learn(ticket, isRight: equal == 0)
            guard let equal else { return }
            for other in verdicts.indices where other != equal && other < groups.count {
                if let isEqual = verdicts[other] { relations.vote(groups[equal], groups[other], isEqual: isEqual) }
            }
        }
        fitIfDue(ticket.scope)
        return equal
    }

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

    /// Forgets everything.
    func removeAll() {
        _ = remove { _ in true }
        mutex.withLock { relations = AnswerRelations() }
    }

    /// The states that changed since this was last asked (or all), and the families, as bytes.
    func changes(all: Bool) -> (scopes: [(name: String, bytes: [UInt8])], relations: [UInt8]) {
        let changed = mutex.withLock {
            let names = scopes.keys.filter { all || scopes[$0]?.isChanged == true }.sorted()
            for name in names { scopes[name]?.isChanged = false }
            return (names.compactMap { name in scopes[name].map { (name, $0.learner) } }, relations)
        }
        return (changed.0.map { ($0.0, $0.1.encoded()) }, changed.0.isEmpty ? [] : changed.1.encoded())
    }

    /// Takes over stored states.
    func restore(scope name: String, _ learner: ScopeLearner) {
        mutex.withLock {
            guard scopes.count < scopesMax else { return }
            scopes[name] = Scope(learner: learner)
            prior = pooled()
        }
    }

    /// Takes over stored families.
    func restore(_ relations: AnswerRelations) { mutex.withLock { self.relations = relations } }
}
