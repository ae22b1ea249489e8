import EventLog
import Synchronization

/// One loop's histograms. Written by that loop alone, read by anyone: as with `CounterBlock`, counting is a relaxed load and store, no lock
/// and no contended cache line.
public final class HistogramBlock: @unchecked Sendable {  // @unchecked: the cells are atomics; the tables beside them are constant
    /// Per histogram: bounds, and where its cells begin.
    private struct Layout {
        var bounds: [UInt64]
        var firstCell: Int
        /// Buckets, infinity's among them, and the sum.
        var stride: Int { bounds.count + 2 }
    }

    private static let layouts: [Layout] = {
        var cell = 0
        return Histogram.allCases.map { histogram in
            let layout = Layout(bounds: histogram.bounds, firstCell: cell)
            cell += layout.stride * histogram.variants
            return layout
        }
    }()
    private static let cellCount = zip(layouts, Histogram.allCases).reduce(0) { $0 + $1.0.stride * $1.1.variants }

    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private let layouts = HistogramBlock.layouts

    /// Makes a block of zeros.
    public init() {
        cells = .allocate(capacity: Self.cellCount)
        for index in 0..<Self.cellCount { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: Self.cellCount)
        cells.deallocate()
    }

    /// Counts a finished request in every histogram that it belongs in. Owner loop only.
    public func record(_ event: GatewayEvent) {
        let layer = Int(event.cacheLayer.rawValue)
        add(event.durationMicroseconds, to: .duration, layer)
        add(event.overheadMicroseconds, to: .overhead, layer)
        if event.firstByteMicroseconds > 0 { add(event.firstByteMicroseconds, to: .firstByte, layer) }
        if event.attemptCount > 0 { recordGeneration(event) }
    }

    /// What only requests have that a provider was asked for.
    private func recordGeneration(_ event: GatewayEvent) {
        guard let operation = GenerativeOperation(named: event.operation)?.index else { return }
        add(event.durationMicroseconds, to: .operationDuration, operation)
        guard event.isSuccess else { return }
        if event.tokensIn > 0 { add(event.tokensIn, to: .tokenUsage, operation * 2) }
        if event.tokensOut > 0 { add(event.tokensOut, to: .tokenUsage, operation * 2 + 1) }
        guard event.flags.contains(.stream), event.firstByteMicroseconds > 0 else { return }
        add(event.firstByteMicroseconds, to: .timeToFirstToken, operation)
        guard event.tokensOut > 1, event.durationMicroseconds > event.firstByteMicroseconds else { return }
        add((event.durationMicroseconds - event.firstByteMicroseconds) / (event.tokensOut - 1), to: .timePerOutputToken, operation)
    }

    /// Counts a value, in microseconds or tokens. Owner loop only; the sum wraps after 2^64.
    @inline(__always)
    func add(_ value: UInt64, to histogram: Histogram, _ variant: Int) {
        let layout = layouts[histogram.rawValue]
        let first = layout.firstCell + variant * layout.stride
        var bucket = 0
        while bucket < layout.bounds.count, value > layout.bounds[bucket] { bucket += 1 }
        bump(first + bucket, 1)
        bump(first + layout.stride - 1, value)
    }

    @inline(__always)
    private func bump(_ index: Int, _ amount: UInt64) {
        cells[index].store(cells[index].load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Adds this block's counts of a variant to `sums`. Any thread.
    public func add(_ histogram: Histogram, _ variant: Int, to sums: inout HistogramCounts) {
        let layout = layouts[histogram.rawValue]
        let first = layout.firstCell + variant * layout.stride
        for bucket in 0...layout.bounds.count { sums.buckets[bucket] &+= cells[first + bucket].load(ordering: .relaxed) }
        sums.sum &+= cells[first + layout.stride - 1].load(ordering: .relaxed)
    }
}

/// What a histogram counted.
public struct HistogramCounts: Sendable, Equatable {
    /// Values per bucket, not cumulative; the last is for those above every bound.
    public var buckets: [UInt64]
    /// The sum of the values, in microseconds or tokens.
    public var sum: UInt64 = 0

    /// Zeros for a histogram's buckets.
    public init(of histogram: Histogram) { buckets = [UInt64](repeating: 0, count: histogram.bounds.count + 1) }

    /// How many values were counted.
    public var count: UInt64 { buckets.reduce(0, &+) }
}

extension GenerativeOperation {
    /// Its place in `allCases`.
    fileprivate var index: Int {
        switch self {
        case .chat: 0
        case .textCompletion: 1
        case .embeddings: 2
        case .generateContent: 3
        }
    }
}
