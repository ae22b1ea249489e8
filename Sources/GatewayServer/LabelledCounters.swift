// Counters by a name: provider, model, tenant. Names of models and tenants come from outside, so the set is bounded: the first so many names
// have a series of their own, all later ones share `other`.

import EventLog
import GatewayModel
import Synchronization

/// What is counted per name.
public enum LabelledCounter: Int, CaseIterable, Sendable {
    case requests, errors, tokensIn, tokensOut, tokensSaved, costNanoUSD

    /// The end of the Prometheus name, after `weir_provider_`, `weir_model_` or `weir_tenant_`.
    public var suffix: String {
        switch self {
        case .requests: "requests_total"
        case .errors: "errors_total"
        case .tokensIn: "tokens_input_total"
        case .tokensOut: "tokens_output_total"
        case .tokensSaved: "tokens_saved_total"
        case .costNanoUSD: "cost_usd_total"
        }
    }

    /// One sentence for `# HELP`, with the word for what the names are.
    public func help(_ what: String) -> String {
        switch self {
        case .requests: "Finished requests by \(what)."
        case .errors: "Finished requests that failed or were refused, by \(what)."
        case .tokensIn: "Input tokens that providers reported, by \(what)."
        case .tokensOut: "Output tokens that providers reported, by \(what)."
        case .tokensSaved: "Tokens of answers that no provider had to make, by \(what)."
        case .costNanoUSD: "What providers' answers cost in USD, by \(what)."
        }
    }
}

/// One loop's counters by name. Written by that loop alone, read by anyone.
public final class LabelledCounters: @unchecked Sendable {  // @unchecked: `slots` on the owner's loop; `names` under the lock
    /// What a series of too many is called.
    public static let otherName = "other"

    /// Bytes of a name with a series of its own.
    static let nameBytesMax = 256

    private let namesMax: Int
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private let cellCount: Int
    private let lock = Lock()
    private var names: [String] = []
    private var slots: [String: Int] = [:]

    /// - Parameter namesMax: names with a series of their own.
    public init(namesMax: Int) {
        self.namesMax = namesMax
        cellCount = (namesMax + 1) * LabelledCounter.allCases.count
        cells = .allocate(capacity: cellCount)
        for index in 0..<cellCount { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: cellCount)
        cells.deallocate()
    }

    /// Counts a finished request under a name, once. Owner loop only.
    public func record(_ event: GatewayEvent, under name: String) {
        let first = slot(of: name) * LabelledCounter.allCases.count
        bump(first + LabelledCounter.requests.rawValue, 1)
        if !event.isSuccess { bump(first + LabelledCounter.errors.rawValue, 1) }
        bump(first + LabelledCounter.tokensIn.rawValue, event.tokensIn)
        bump(first + LabelledCounter.tokensOut.rawValue, event.tokensOut)
        bump(first + LabelledCounter.tokensSaved.rawValue, event.tokensSaved)
        bump(first + LabelledCounter.costNanoUSD.rawValue, event.costNanoUSD)
    }

    private func slot(of name: String) -> Int {
        if let slot = slots[name] { return slot }
        guard slots.count < namesMax, name.utf8.count <= Self.nameBytesMax, name != Self.otherName else { return namesMax }
        let slot = slots.count
        slots[name] = slot
        lock.lock()
        names.append(name)
        lock.unlock()
        return slot
    }

    @inline(__always)
    private func bump(_ index: Int, _ amount: UInt64) {
        guard amount > 0 else { return }
        cells[index].store(cells[index].load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Adds this block's counts to `sums`: per name one number for each of `LabelledCounter`. Any thread.
    public func add(to sums: inout [String: [UInt64]]) {
        lock.lock()
        let names = self.names
        lock.unlock()
        for (slot, name) in names.enumerated() { add(slot, named: name, to: &sums) }
        add(namesMax, named: Self.otherName, to: &sums)
    }

    private func add(_ slot: Int, named name: String, to sums: inout [String: [UInt64]]) {
        let kinds = LabelledCounter.allCases.count
        let counts = (0..<kinds).map { cells[slot * kinds + $0].load(ordering: .relaxed) }
        guard counts[LabelledCounter.requests.rawValue] > 0 else { return }
        var sum = sums[name] ?? [UInt64](repeating: 0, count: kinds)
        for (index, count) in counts.enumerated() { sum[index] &+= count }
        sums[name] = sum
    }
}
