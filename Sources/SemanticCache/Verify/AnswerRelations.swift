import GatewayModel

/// Which answer groups are known to say the same: an answer of one isn't a rival to the other's.
///
/// Whenever a fresh answer is judged against several stored ones, each pair of them has been compared through it: agreement is a vote for,
/// disagreement one against. Groups whose votes are in favour are of one family, transitively. A family changes what counts as a rival, never
/// which answer is served. Groups are named by the first 8 bytes of the answer's key.
struct AnswerRelations: Equatable, Sendable {
    struct Pair: Hashable {
        let low: UInt64
        let high: UInt64

        init(_ first: UInt64, _ second: UInt64) {
            low = min(first, second)
            high = max(first, second)
        }
    }

    /// Pairs remembered; beyond, the oldest half is forgotten.
    let pairsMax: Int
    private var votes: [Pair: Int16] = [:]
    private var order: [Pair] = []
    private var parents: [UInt64: UInt64] = [:]
    private var votesSinceRebuild = 0

    init(pairsMax: Int = 20_000) { self.pairsMax = pairsMax }

    /// Pairs remembered now.
    var count: Int { votes.count }

    /// The family of a group: one of its groups' names, the same for all until the next vote.
    func family(of group: UInt64) -> UInt64 {
        var group = group
        while let parent = parents[group] { group = parent }
        return group
    }

    /// Two groups' answers were compared.
    mutating func vote(_ first: UInt64, _ second: UInt64, isEqual: Bool) {
        guard first != second else { return }
        let pair = Pair(first, second)
        if votes[pair] == nil {
            if votes.count >= pairsMax { forgetOldest() }
            order.append(pair)
        }
        let sum = max(-100, min(100, (votes[pair] ?? 0) + (isEqual ? 1 : -1)))
        votes[pair] = sum
        if sum > 0 { join(pair) }
        votesSinceRebuild += 1
    }

    /// Whether families should be built anew: until then they only grow, and votes that were lost are not taken back.
    var isRebuildDue: Bool { votesSinceRebuild >= 250 }

    /// With families built anew from all votes: some milliseconds at twenty thousand pairs.
    func rebuilt() -> AnswerRelations {
        var other = self
        other.rebuild()
        return other
    }

    private mutating func join(_ pair: Pair) {
        let (first, second) = (family(of: pair.low), family(of: pair.high))
        if first != second { parents[max(first, second)] = min(first, second) }
    }

    /// Forgets the older half.
    mutating func forgetOldest() {
        for pair in order.prefix(order.count / 2 + 1) { votes[pair] = nil }
        order.removeFirst(order.count / 2 + 1)
        rebuild()
    }

    private mutating func rebuild() {
        votesSinceRebuild = 0
        parents.removeAll(keepingCapacity: true)
        for pair in order where votes[pair] ?? 0 > 0 { join(pair) }
        for group in Array(parents.keys) { parents[group] = family(of: group) }
    }

    // MARK: - Bytes

    /// Everything, oldest pair first.
    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(order.count * 18)
        for pair in order {
            bytes.add(pair.low)
            bytes.add(pair.high)
            bytes.add(votes[pair] ?? 0)
        }
        return bytes
    }

    /// Reads what `encoded` wrote; `nil` for anything else.
    init?(_ bytes: [UInt8], pairsMax: Int = 20_000) {
        guard bytes.count % 18 == 0, bytes.count / 18 <= pairsMax else { return nil }
        self.init(pairsMax: pairsMax)
        bytes.withUnsafeBytes { raw in
            for at in stride(from: 0, to: raw.count, by: 18) {
                let pair = Pair(raw.number(at, UInt64.self), raw.number(at + 8, UInt64.self))
                guard pair.low != pair.high, votes.updateValue(max(-100, min(100, raw.number(at + 16, Int16.self))), forKey: pair) == nil
                else { continue }
                order.append(pair)
            }
        }
        rebuild()
    }
}
