import EventLog
import EventLoop
import GatewayConfiguration
import GatewayModel
import Logging
import SemanticCache

extension ControlPlane {
    /// Tells the judge of the semantic cache which model it may ask, and how.
    func adoptJudge() {
        guard let semantic else { return }
        guard let settings = configuration.semantic.judge else { return semantic.inquiry.adopt(nil, send: nil) }
        let bound = LoopBound(judgeSender, loop: loop)
        let mailbox = loop.mailbox
        semantic.inquiry.adopt(settings) { call in mailbox.post { bound.value.send(call) } }
    }

    /// Ends the judge's questions, and its way to this loop.
    func closeJudge() {
        semantic?.inquiry.adopt(nil, send: nil)
        judgeSender.close()
    }

    /// What the semantic cache does and knows; with the state `off` where there is none.
    public var semanticStatus: SemanticStatus {
        guard let semantic else {
            let problem = semanticProblem ?? "It is switched on for no request: set semantic.enabled, here or for a route."
            return SemanticStatus(state: "off", problem: problem)
        }
        var status = semantic.status
        // The intervals of a thousand scopes take a tenth of a second: with so many they are of half a second ago.
        if let known = knownSemanticScopes, loop.now < known.until {
            status.scopes = known.scopes
        } else {
            status.scopes = semantic.cache.reports
            knownSemanticScopes = status.scopes.count < 20 ? nil : (status.scopes, loop.now.adding(milliseconds: 500))
        }
        status.served = value(of: .semanticHits)
        return status
    }

    /// Evicts the group of answers that an entry belongs to. `false` if there is no such entry.
    public func evictSemantic(entry: UInt64) -> Bool { semantic?.evict(entry: entry) ?? false }

    /// Takes feedback on a log row, from any thread: where its answer was another question's, it is a label.
    public var feedbackNote: @Sendable (_ request: RequestID, _ isRight: Bool) -> Void {
        let semantic = self.semantic
        return { semantic?.feedback(on: $0, isRight: $1) }
    }
}
