// The exposition formats of Prometheus: text 0.0.4 and OpenMetrics 1.0, from the same families. They differ in the names of counters' families,
// in units and in the last line; the samples are the same to the byte, so a series is one series in whatever format it was scraped.

import GatewayModel

/// How families are written.
enum MetricFormat {
    case prometheus, openMetrics

    /// The format for an `Accept`: OpenMetrics for who names it.
    init(accept: String?) { self = accept?.contains("application/openmetrics-text") == true ? .openMetrics : .prometheus }

    var contentType: StaticString {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }
}

/// Writes families.
struct MetricText {
    let format: MetricFormat
    private(set) var bytes: [UInt8] = []

    init(_ format: MetricFormat) {
        self.format = format
        bytes.reserveCapacity(32 * 1024)
    }

    /// Appends a family with its samples; nothing where there are none.
    mutating func append(_ family: MetricFamily, _ samples: [MetricSample]) {
        guard !samples.isEmpty else { return }
        let name = format == .openMetrics ? family.baseName : family.name[...]
        append("# HELP ", name, " ", family.help, "\n# TYPE ", name, " ", family.kind.rawValue, "\n")
        if format == .openMetrics, let unit = family.unit { append("# UNIT ", name, " ", unit, "\n") }
        for sample in samples { append(sample, of: family.name) }
    }

    /// The last line, where the format has one.
    mutating func end() { if format == .openMetrics { append("# EOF\n") } }

    private mutating func append(_ sample: MetricSample, of name: String) {
        if case .histogram(let bounds, let buckets, let sum, let isMillionths) = sample.value {
            return append(name, sample.labels, bounds, buckets, sum, isMillionths)
        }
        append(name)
        if !sample.labels.isEmpty { append("{", sample.labels, "}") }
        append(" ")
        append(sample.value)
        append("\n")
    }

    private mutating func append(
        _ name: String, _ labels: String, _ bounds: [UInt64], _ buckets: [UInt64], _ sum: UInt64, _ isMillionths: Bool
    ) {
        let lead = labels.isEmpty ? "" : labels + ","
        var count: UInt64 = 0
        for (index, bucket) in buckets.enumerated() {
            count &+= bucket
            append(name, "_bucket{", lead, "le=\"")
            if index < bounds.count { appendBound(bounds[index], isMillionths) } else { append("+Inf") }
            append("\"} ")
            bytes.append(decimal: count)
            append("\n")
        }
        let braced = labels.isEmpty ? "" : "{\(labels)}"
        append(name, "_sum", braced, " ")
        append(isMillionths ? .millionths(sum) : .whole(sum))
        append("\n", name, "_count", braced, " ")
        bytes.append(decimal: count)
        append("\n")
    }

    private mutating func append(_ value: MetricSample.Value) {
        switch value {
        case .whole(let number): bytes.append(decimal: number)
        case .millionths(let number): appendFraction(number, digits: 6)
        case .billionths(let number): appendFraction(number, digits: 9)
        case .histogram: break
        }
    }

    /// Always with a point: OpenMetrics' canonical form of a number that is a float, so that both formats have the same `le`.
    private mutating func appendBound(_ bound: UInt64, _ isMillionths: Bool) {
        if isMillionths { return appendFraction(bound, digits: 6) }
        bytes.append(decimal: bound)
        append(".0")
    }

    /// A decimal fraction without trailing zeros, but with one digit behind the point at least.
    private mutating func appendFraction(_ number: UInt64, digits: Int) {
        var divisor: UInt64 = 1
        for _ in 0..<digits { divisor *= 10 }
        bytes.append(decimal: number / divisor)
        bytes.append(0x2E)
        var rest = number % divisor
        repeat {
            divisor /= 10
            bytes.append(0x30 + UInt8(truncatingIfNeeded: rest / divisor))
            rest %= divisor
        } while rest > 0
    }

    private mutating func append(_ texts: any StringProtocol...) { for text in texts { bytes.append(contentsOf: text.utf8) } }

    /// A label's value between its quotes: quotes, backslashes and line ends escaped. Other control characters become U+FFFD: they are allowed, but no
    /// reader's terminal should have to know.
    static func escaped(_ value: String) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
            }
        }
        return escaped
    }
}
