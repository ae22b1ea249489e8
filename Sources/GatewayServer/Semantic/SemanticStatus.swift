import Embedding
import ExactCache
import GatewayModel
import SemanticCache
import Synchronization

/// What operators see of the semantic cache. Figures since the process started, but for those of scopes, which are kept.
public struct SemanticStatus: Sendable {
    /// A pair of questions that shared an answer.
    public struct ServedPair: Sendable {
        /// Whose learning decided: a tenant, or a tenant, a slash and a route.
        public var scope: String
        /// The matched entry, to evict it by.
        public var entry: UInt64
        /// How near the two are, -1...1.
        public var cosine: Double
        /// The probability that the answer fits; `nil` where nothing is verified.
        public var probability: Double?
        /// What was asked.
        public var text: String
        /// What had been asked when the answer was made.
        public var matchedText: String
        /// The log row of the request.
        public var requestID: String
        /// When it was served.
        public var servedAt: WallTime
    }

    /// `ready`, `warming` or `off`.
    public var state: String
    /// Why it is off.
    public var problem: String?
    /// Name, precision and dimensions of the gate; empty where an endpoint's vectors stand for its own.
    public var gateModel = ""
    /// Name, precision and dimensions of the sentence model; the precision of an endpoint's is `endpoint`.
    public var sentenceModel = ""
    /// Entries, look-ups, inserts; `nil` while it is off.
    public var statistics: SemanticCacheStatistics?
    /// Requests that were not eligible, by reason.
    public var ineligible: [String: UInt64] = [:]
    /// Eligible requests that were not answered, by reason.
    public var misses: [String: UInt64] = [:]
    /// The threads of the sentence model, or the calls of the endpoint.
    public var embedder = EmbedderStatistics()
    /// Calls of the endpoint that gave no vector, by reason.
    public var endpointFailures: [String: UInt64] = [:]
    /// Answers that wait to be judged.
    public var judgeWaiting = 0
    /// Comparisons of a fresh answer with a stored one.
    public var judged: UInt64 = 0
    /// Answers that were not judged because too many waited.
    public var judgeDropped: UInt64 = 0
    /// Comparisons that found the same answer.
    public var judgedEqual: UInt64 = 0
    /// Comparisons that found another answer.
    public var judgedDifferent: UInt64 = 0
    /// Comparisons that could not tell; they count as wrong.
    public var judgedUnsure: UInt64 = 0
    /// Questions that were put to the judge's model.
    public var judgeAsked: UInt64 = 0
    /// Of those, answered with "same".
    public var judgeSaidSame: UInt64 = 0
    /// Answered with "different".
    public var judgeSaidDifferent: UInt64 = 0
    /// Answered with anything else.
    public var judgeUnclear: UInt64 = 0
    /// Refused by the gateway: the key's budget or another limit, the key itself, the model's name.
    public var judgeRefused: UInt64 = 0
    /// Without a whole answer in time, or with a server's error.
    public var judgeFailed: UInt64 = 0
    /// Not put, because too many were in the last minute or wait for an answer.
    public var judgeLimited: UInt64 = 0
    /// Requests answered.
    public var served: UInt64 = 0
    /// Tokens of the answers that were served.
    public var tokensSaved: UInt64 = 0
    /// What those would have cost, in thousand-millionths of a US dollar.
    public var costSavedNanoUSD: UInt64 = 0
    /// What each scope has done and learnt.
    public var scopes: [SemanticScopeReport] = []
    /// The ten least likely pairs among those served lately.
    public var riskiest: [ServedPair] = []
    /// Vectors of recent texts kept in memory.
    public var memoEntries = 0
}

extension SemanticService {
    /// Figures now, those of scopes left out.
    var status: SemanticStatus {
        var status = SemanticStatus(state: cache.isWarming ? "warming" : "ready")
        status.gateModel = gate.map { Self.describe($0.info) } ?? ""
        switch source {
        case .threads(let pool): status.sentenceModel = Self.describe(pool.model.info)
        case .endpoint(let endpoint):
            status.sentenceModel = "\(endpoint.settings.model) endpoint \(endpoint.settings.dimensions)"
            status.endpointFailures = endpoint.failures.counts
        }
        status.statistics = cache.statistics
        status.ineligible = ineligible.counts
        status.misses = misses.counts
        status.embedder = source.statistics
        let judged = judge.statistics
        status.judgeWaiting = judged.waiting
        status.judged = judged.judged
        status.judgeDropped = judged.dropped
        status.judgedEqual = judged.equal
        status.judgedDifferent = judged.different
        status.judgedUnsure = judged.unsure
        let inquiry = inquiry.statistics
        status.judgeAsked = inquiry.asked
        status.judgeSaidSame = inquiry.same
        status.judgeSaidDifferent = inquiry.different
        status.judgeUnclear = inquiry.unclear
        status.judgeRefused = inquiry.refused
        status.judgeFailed = inquiry.failed
        status.judgeLimited = inquiry.limited
        status.memoEntries = memo.count
        status.tokensSaved = tokensSaved.load(ordering: .relaxed)
        status.costSavedNanoUSD = costSavedNanoUSD.load(ordering: .relaxed)
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
