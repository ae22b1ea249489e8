/// One line of samples of a family: labels and a value.
struct MetricSample {
    /// What a value is told as. Integers inside, so that no sum is rounded on the way.
    enum Value {
        case whole(UInt64)
        /// Millionths: microseconds told in seconds.
        case millionths(UInt64)
        /// Thousand-millionths: nano-USD told in USD.
        case billionths(UInt64)
        /// Per bucket, not cumulative; the sum in the same unit as the bounds.
        case histogram(bounds: [UInt64], buckets: [UInt64], sum: UInt64, isMillionths: Bool)
    }

    /// `layer="exact"`; empty for none. Values are escaped already.
    var labels: String
    var value: Value

    init(_ labels: String = "", _ value: Value) {
        self.labels = labels
        self.value = value
    }
}

/// Samples of one name, as Prometheus and OpenMetrics know them.
struct MetricFamily: Sendable {
    enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// The name, unit and `_total` included.
    var name: String
    var kind: Kind
    /// One sentence.
    var help: String
    /// What is known now; none where nothing was counted under any label.
    var samples: @Sendable (MetricReading) -> [MetricSample]

    init(_ name: String, _ kind: Kind, _ help: String, _ samples: @escaping @Sendable (MetricReading) -> [MetricSample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// The name without `_total`: that of the family in OpenMetrics.
    var baseName: Substring { kind == .counter && name.hasSuffix("_total") ? name.dropLast(6) : name[...] }

    /// The base units that OpenMetrics wants declared, where the name ends with one.
    var unit: String? { ["seconds", "bytes", "usd", "ratio"].first { baseName.hasSuffix("_\($0)") } }
}
