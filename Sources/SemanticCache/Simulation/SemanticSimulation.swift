// A replay of recorded questions through the same code that serves requests: index, guard, learner, audits. What is missing is the network, the
// embedding and the judge: vectors and answers come with the rows.

public import GatewayModel
import Hashing
public import Storage

/// One recorded question.
public struct SimulatedRequest: Sendable {
    /// The semantic part, UTF-8.
    public var text: [UInt8]
    /// The gate's vector.
    public var gate: [Float]
    /// The large model's vector.
    public var vector: [Float]
    /// What names its right answer: two requests have the same answer when these are equal.
    public var label: UInt64
    /// What it would have cost to answer, in any unit; 0 if unknown.
    public var cost: Double
    /// What must be the same for one answer to serve two requests: everything but the text.
    public var partition: Digest256

    /// A recorded question.
    public init(
        text: [UInt8], gate: [Float], vector: [Float], label: UInt64, cost: Double = 0,
        partition: Digest256 = Digest256(words: (1, 2, 3, 4))
    ) {
        self.partition = partition
        self.text = text
        self.gate = gate
        self.vector = vector
        self.label = label
        self.cost = cost
    }
}

/// How to replay.
public struct SemanticSimulation: Sendable {
    /// The policy to try.
    public var policy: SemanticPolicy
    /// Seeds the audits and the judge's mistakes.
    public var seed: UInt64 = 1
    /// The share of the judge's verdicts that are turned round. In 0...1.
    public var judgeError = 0.0
    /// Requests between two points of the series.
    public var pointEvery = 500
    /// Dimensions of the vectors.
    public var dimensions = 384
    /// Dimensions of the gate's vectors.
    public var gateDimensions = 128

    /// A replay with the defaults.
    public init(policy: SemanticPolicy) { self.policy = policy }

    /// The state after some requests, all counts from the start.
    public struct Point: Sendable, Equatable {
        /// Requests so far.
        public var requests = 0
        /// Of these, served from the cache.
        public var hits = 0
        /// Of the hits, those with another answer than the right one.
        public var wrong = 0
        /// Would-be hits that were audited instead.
        public var audits = 0
        /// Requests whose fresh answer was compared with a stored one.
        public var judged = 0
        /// Requests that ended at the gate.
        public var gated = 0
        /// The smallest probability that is served now; `nil` while there is none.
        public var threshold: Double?
        /// Cost saved by the hits.
        public var saved = 0.0

        /// Hits ÷ requests.
        public var hitRate: Double { requests > 0 ? Double(hits) / Double(requests) : 0 }
        /// Wrong ÷ requests: what the bound is about.
        public var error: Double { requests > 0 ? Double(wrong) / Double(requests) : 0 }
    }

    /// How a replay went.
    public struct Result: Sendable {
        /// The end.
        public var total = Point()
        /// Every `pointEvery` requests, and the end.
        public var series: [Point] = []
        /// What the scope's learner says of itself at the end; `nil` if it never saw a match.
        public var report: SemanticScopeReport?
    }

    /// Replays requests in the given order into an empty cache. Deterministic: the same rows, policy and seed give the same result.
    /// `guarding` compares the texts of a request and a stored entry; leave it out for a guard that is off. `judging` tells, by their
    /// indices, whether the answer of one request is right for another; leave it out where labels tell.
    public func run(
        _ requests: [SimulatedRequest], guarding: (_ request: Span<UInt8>, _ stored: Span<UInt8>) -> GuardVerdict = { _, _ in .pass },
        judging: ((_ request: Int, _ answered: Int) -> Bool)? = nil
    ) throws(StoreError) -> Result {
        var options = SemanticCacheOptions(path: nil, modelID: "simulation")
        options.dimensions = dimensions
        options.gateDimensions = gateDimensions
        options.keyInsertsPerMinute = .max
        options.keySharePercent = 100
        options.entriesMax = max(1000, requests.count)
        options.entriesPerPartitionMax = options.entriesMax
        let cache = try SemanticCache(options)
        defer { cache.close() }
        var replay = Replay(cache: cache, simulation: self)
        for (number, request) in requests.enumerated() {
            replay.ask(request, number: number, guarding) { judging?(number, $0) ?? (requests[$0].label == request.label) }
            if replay.point.requests % max(1, pointEvery) == 0 || number + 1 == requests.count { replay.mark() }
        }
        return Result(total: replay.point, series: replay.series, report: cache.report(scope: Replay.scope))
    }
}

/// A replay under way.
private struct Replay {
    static let scope = "simulation"
    private let cache: SemanticCache
    private let reader: SemanticReader
    private let simulation: SemanticSimulation
    private var random: SeededWords
    private(set) var point = SemanticSimulation.Point()
    private(set) var series: [SemanticSimulation.Point] = []

    init(cache: SemanticCache, simulation: SemanticSimulation) {
        self.cache = cache
        self.simulation = simulation
        reader = cache.makeReader()
        random = SeededWords(seed: simulation.seed)
    }

    mutating func mark() {
        point.threshold = simulation.policy.maxError.flatMap { cache.report(scope: Self.scope)?.thresholds[$0] }
        series.append(point)
    }

    mutating func ask(
        _ request: SimulatedRequest, number: Int, _ guarding: (Span<UInt8>, Span<UInt8>) -> GuardVerdict,
        _ isRight: (_ answered: Int) -> Bool
    ) {
        point.requests += 1
        // Drawn for every request, so that one decision doesn't shift the chances of all later ones.
        let draw = random.next()
        guard case .success = reader.gate(request.gate.span, in: request.partition) else {
            point.gated += 1
            reader.passed(scope: Self.scope)
            return insert(request, number: number, group: nil)
        }
        let decision = reader.lookUp(
            scope: Self.scope, partition: request.partition, text: request.text.span, gate: request.gate.span, vector: request.vector.span,
            policy: simulation.policy, random: draw, guarding: { guarding(request.text.span, $0) })
        if decision.action == .serve, let match = decision.match {
            point.hits += 1
            point.saved += request.cost
            if !isRight(Self.number(of: match.answer)) { point.wrong += 1 }
            return
        }
        if decision.action == .audit { point.audits += 1 }
        insert(request, number: number, group: decision.ticket.flatMap { judge($0, isRight) })
    }

    private mutating func judge(_ ticket: SemanticTicket, _ isRight: (_ answered: Int) -> Bool) -> Digest256? {
        point.judged += 1
        var verdicts: [AnswerEquality] = []
        for candidate in ticket.candidates {
            let isEqual = isRight(Self.number(of: candidate.answer))
            let isMistaken = simulation.judgeError > 0 && random.chance() < simulation.judgeError
            verdicts.append(isEqual != isMistaken ? .equal : .different)
        }
        return cache.conclude(ticket, verdicts: verdicts)
    }

    private mutating func insert(_ request: SimulatedRequest, number: Int, group: Digest256?) {
        _ = cache.insert(
            SemanticInsertion(
                partition: request.partition, tenant: Self.scope, keyID: "", model: "", answer: group ?? Self.answer(of: number),
                isAlias: group != nil,
                text: request.text, gate: request.gate, vector: request.vector),
            begun: cache.purgeEpoch, now: WallTime(milliseconds: 0))
    }

    /// The key of the answer that a request got.
    private static func answer(of number: Int) -> Digest256 {
        let word = UInt64(number) + 1
        return Digest256(words: (word, 0, 0, word))
    }

    private static func number(of answer: Digest256) -> Int { Int(answer.words.0) - 1 }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct SeededWords: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    /// Uniform in 0..<1.
    mutating func chance() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }
}
