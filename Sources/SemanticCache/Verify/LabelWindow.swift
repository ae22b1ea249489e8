/// What a scope remembers of its recent requests: those that were judged, and those that were served unjudged, which the judged stand for.
struct LabelWindow: Equatable, Sendable {
    /// A request that was judged.
    struct Label: Equatable, Sendable {
        var features: MatchFeatures
        /// One over its chance to be judged.
        var weight: Float
        /// How many requests the scope had seen.
        var ordinal: UInt64
        var isRight: Bool
    }

    /// A request that was served and not judged.
    struct Unjudged: Equatable, Sendable {
        var features: MatchFeatures
        var ordinal: UInt64
        /// How many such requests it stands for: a power of two, more than 1 once they were thinned out.
        var count: Float
    }

    /// Judged requests kept.
    static let labelsMax = 6_000
    /// Unjudged requests kept; beyond, every other one is dropped and the rest count twice.
    static let unjudgedMax = 6_000

    private(set) var labels: [Label] = []
    private(set) var unjudged: [Unjudged] = []

    init() {}

    /// A window as it was stored.
    init(labels: [Label], unjudged: [Unjudged]) {
        self.labels = labels
        self.unjudged = unjudged
    }

    /// The number of the first request that the window speaks about.
    var start: UInt64 { labels.first?.ordinal ?? 0 }

    /// Adds a judged request. Judges may finish out of order; the window is by order of judgement, as far as that matters.
    mutating func add(_ label: Label) {
        labels.append(label)
        // Not one by one: moving six thousand for each would cost more than everything else here.
        guard labels.count >= Self.labelsMax + Self.labelsMax / 8 else { return }
        labels.removeFirst(labels.count - Self.labelsMax)
        dropUnjudged(before: start)
    }

    /// Adds a request that was served unjudged.
    mutating func add(_ features: MatchFeatures, ordinal: UInt64) {
        unjudged.append(Unjudged(features: features, ordinal: ordinal, count: 1))
        guard unjudged.count >= Self.unjudgedMax else { return }
        dropUnjudged(before: start)
        guard unjudged.count >= Self.unjudgedMax / 4 * 3 else { return }
        unjudged = unjudged.enumerated().compactMap { index, request in
            guard index % 2 == 0 else { return nil }
            var kept = request
            kept.count *= 2
            return kept
        }
    }

    /// Forgets what came before a request.
    mutating func trim(before ordinal: UInt64) {
        labels.removeAll { $0.ordinal < ordinal }
        dropUnjudged(before: ordinal)
    }

    private mutating func dropUnjudged(before ordinal: UInt64) { unjudged.removeAll { $0.ordinal < ordinal } }
}
