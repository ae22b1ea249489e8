import Embedding
import ExactCache
import GatewayModel
import SemanticCache

/// What operators see of the semantic cache. Figures since the process started, but for those of scopes, which are kept.
public struct SemanticStatus: Sendable {
    /// A pair of questions that shared an answer.
    public struct ServedPair: Sendable {
        public var scope: String
        /// The matched entry, to evict it by.
        public var entry: UInt64
        public var cosine: Double
        /// The probability that the answer fits; `nil` where nothing is verified.
        public var probability: Double?
        /// What was asked.
        public var text: String
        /// What had been asked when the answer was made.
        public var matchedText: String
        public var requestID: String
        public var servedAt: WallTime
    }

    /// `ready`, `warming` or `off`.
    public var state: String
    /// Why it is off.
    public var problem: String?
    /// Name, precision and dimensions of the gate.
    public var gateModel = ""
    /// Name, precision and dimensions of the sentence model.
    public var sentenceModel = ""
    public var statistics: SemanticCacheStatistics?
    /// Requests that were not eligible, by reason.
    public var ineligible: [String: UInt64] = [:]
    /// Eligible requests that were not answered, by reason.
    public var misses: [String: UInt64] = [:]
    public var embedder = EmbedderStatistics()
    public var judgeWaiting = 0
    public var judged: UInt64 = 0
    public var judgeDropped: UInt64 = 0
    public var judgedEqual: UInt64 = 0
    public var judgedDifferent: UInt64 = 0
    public var judgedUnsure: UInt64 = 0
    /// Requests answered.
    public var served: UInt64 = 0
    public var tokensSaved: UInt64 = 0
    public var costSavedNanoUSD: UInt64 = 0
    public var scopes: [SemanticScopeReport] = []
    /// The ten least likely pairs among those served lately.
    public var riskiest: [ServedPair] = []
    /// Vectors of recent texts kept in memory.
    public var memoEntries = 0
}

extension SemanticService {
    /// Figures now.
    var status: SemanticStatus {
        var status = SemanticStatus(state: cache.isWarming ? "warming" : "ready")
        status.gateModel = Self.describe(gate.info)
        status.sentenceModel = Self.describe(pool.model.info)
        status.statistics = cache.statistics
        status.ineligible = ineligible.counts
        status.misses = misses.counts
        status.embedder = pool.statistics
        let judged = judge.statistics
        status.judgeWaiting = judged.waiting
        status.judged = judged.judged
        status.judgeDropped = judged.dropped
        status.judgedEqual = judged.equal
        status.judgedDifferent = judged.different
        status.judgedUnsure = judged.unsure
        status.scopes = cache.reports
        status.memoEntries = memo.count
        status.riskiest = served.riskiest(10).map { served in
            SemanticStatus.ServedPair(
                scope: served.scope, entry: served.match.entry, cosine: Double(served.match.cosine), probability: served.probability,
                text: String(decoding: served.text, as: UTF8.self), matchedText: String(decoding: served.match.text, as: UTF8.self),
                requestID: served.request.text, servedAt: served.served)
        }
        return status
    }

    private static func describe(_ info: ModelInfo) -> String { "\(info.name) \(info.precision.name) \(info.dimensions)" }
}
