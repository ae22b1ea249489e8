import GatewayModel
import SemanticCache

/// The answers that were served lately in place of fresh ones: for the report's riskiest pairs, and so that feedback on a log row finds what it
/// is about. In memory only; any thread.
final class ServedAnswers: @unchecked Sendable {  // @unchecked: everything mutable is guarded by `lock`.
    struct Served: Sendable {
        var request: RequestID
        var served: WallTime
        var scope: String
        var text: [UInt8]
        var match: SemanticMatch
        var features: MatchFeatures?
        var probability: Double?
        var ordinal: UInt64
        /// What feedback said already.
        var isLabelled = false
    }

    /// Remembered: some hundreds of bytes each.
    static let countMax = 2048
    private let lock = Lock()
    private var ring: [Served] = []
    /// Where the next one goes once the ring is full: the place of the oldest.
    private var next = 0

    /// Remembers one, in place of the oldest.
    func add(_ served: Served) {
        lock.withLock {
            if ring.count < Self.countMax {
                ring.append(served)
            } else {
                ring[next] = served
                next = (next + 1) % Self.countMax
            }
        }
    }

    /// Takes the one of a request for a label, once.
    func takeForLabel(_ request: RequestID) -> Served? {
        lock.withLock {
            guard let index = ring.firstIndex(where: { $0.request == request && !$0.isLabelled }) else { return nil }
            ring[index].isLabelled = true
            return ring[index]
        }
    }

    /// The answer that was served from an entry last.
    func answer(ofEntry entry: UInt64) -> Digest256? {
        lock.withLock { (ring[..<next].last { $0.match.entry == entry } ?? ring[next...].last { $0.match.entry == entry })?.match.answer }
    }

    /// Those with the smallest probability; without one, with the smallest cosine. An entry's pair with the same text counts once.
    func riskiest(_ count: Int) -> [Served] {
        let all = lock.withLock { ring }
        var chosen: [Served] = []
        for served in all.sorted(by: { ($0.probability ?? Double($0.match.cosine)) < ($1.probability ?? Double($1.match.cosine)) }) {
            guard chosen.count < count else { break }
            if chosen.contains(where: { $0.match.entry == served.match.entry && $0.text == served.text }) { continue }
            chosen.append(served)
        }
        return chosen
    }

    /// Forgets those that a condition selects: their texts are not to be shown any more.
    func forget(where condition: (Served) -> Bool) {
        lock.withLock {
            // In the order of time again, so that the oldest still goes first.
            ring = (ring[next...] + ring[..<next]).filter { !condition($0) }
            next = 0
        }
    }
}
