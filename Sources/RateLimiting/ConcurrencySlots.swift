/// The places that a request holds in concurrency limits. Filled by `LimitAdmission.admit`, given back by `release` once, or when it goes:
/// a request that ends in any way holds nothing afterwards.
public struct ConcurrencySlots: ~Copyable, Sendable {
    // A request is seldom in more than three concurrency limits at a time; no allocation up to there.
    private var first: LimitCell?
    private var second: LimitCell?
    private var third: LimitCell?
    private var others: [LimitCell] = []
    private var shadowRefusals: UInt64 = 0

    /// Holds nothing.
    public init() {}

    deinit {
        first?.giveBackPlace()
        second?.giveBackPlace()
        third?.giveBackPlace()
        for cell in others { cell.giveBackPlace() }
    }

    /// Whether it holds nothing.
    public var isEmpty: Bool { first == nil && second == nil && third == nil && others.isEmpty }

    mutating func hold(_ cell: LimitCell) {
        if first == nil {
            first = cell
        } else if second == nil {
            second = cell
        } else if third == nil {
            third = cell
        } else {
            others.append(cell)
        }
    }

    mutating func noteShadowRefusal() { shadowRefusals += 1 }

    /// How many limits in shadow mode would have refused since this was last asked.
    public mutating func takeShadowRefusals() -> UInt64 {
        defer { shadowRefusals = 0 }
        return shadowRefusals
    }

    /// Gives all places back. Any number of times.
    public mutating func release() {
        guard !isEmpty else { return }
        first?.giveBackPlace()
        second?.giveBackPlace()
        third?.giveBackPlace()
        for cell in others { cell.giveBackPlace() }
        (first, second, third) = (nil, nil, nil)
        if !others.isEmpty { others = [] }
    }

    /// Gives back the places of these limits, as far as it holds any.
    public mutating func release(_ limits: Span<BoundLimit>) {
        for index in limits.indices where limits[index].measure == .concurrency { release(limits[index].cell) }
    }

    private mutating func release(_ cell: LimitCell) {
        if first === cell {
            first = nil
        } else if second === cell {
            second = nil
        } else if third === cell {
            third = nil
        } else if let place = others.firstIndex(where: { $0 === cell }) {
            others.remove(at: place)
        } else {
            return
        }
        cell.giveBackPlace()
    }
}
