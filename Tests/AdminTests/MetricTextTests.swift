import Testing

@testable import Admin

@Suite struct MetricTextTests {
    private func text(_ format: MetricFormat, _ name: String, _ kind: MetricFamily.Kind, _ samples: [MetricSample]) -> String {
        var text = MetricText(format)
        text.append(MetricFamily(name, kind, "What it is.") { _ in [] }, samples)
        text.end()
        return String(decoding: text.bytes, as: UTF8.self)
    }

    @Test func `a counter's family has no suffix in OpenMetrics and its samples have one in both`() {
        let sample = [MetricSample("", .whole(7))]
        #expect(
            text(.prometheus, "weir_x_bytes_total", .counter, sample)
                == "# HELP weir_x_bytes_total What it is.\n# TYPE weir_x_bytes_total counter\nweir_x_bytes_total 7\n")
        #expect(
            text(.openMetrics, "weir_x_bytes_total", .counter, sample)
                == "# HELP weir_x_bytes What it is.\n# TYPE weir_x_bytes counter\n# UNIT weir_x_bytes bytes\nweir_x_bytes_total 7\n# EOF\n")
    }

    @Test func `buckets are cumulative and the last is infinity`() {
        let sample = [
            MetricSample("layer=\"exact\"", .histogram(bounds: [10, 2_500_000], buckets: [1, 2, 3], sum: 9_000_001, isMillionths: true))
        ]
        #expect(
            text(.prometheus, "x_seconds", .histogram, sample) == """
                # HELP x_seconds What it is.
                # TYPE x_seconds histogram
                x_seconds_bucket{layer="exact",le="0.00001"} 1
                x_seconds_bucket{layer="exact",le="2.5"} 3
                x_seconds_bucket{layer="exact",le="+Inf"} 6
                x_seconds_sum{layer="exact"} 9.000001
                x_seconds_count{layer="exact"} 6

                """)
    }

    @Test func `a histogram of whole numbers without labels has no braces`() {
        let sample = [MetricSample("", .histogram(bounds: [4], buckets: [0, 1], sum: 5, isMillionths: false))]
        let lines = text(.prometheus, "tokens", .histogram, sample).split(separator: "\n").dropFirst(2)
        #expect(lines == ["tokens_bucket{le=\"4.0\"} 0", "tokens_bucket{le=\"+Inf\"} 1", "tokens_sum 5", "tokens_count 1"])
    }

    @Test(arguments: [
        (0, "0.0"), (1, "0.000000001"), (10, "0.00000001"), (1_000_000_000, "1.0"), (1_250_000_000, "1.25"),
        (UInt64.max, "18446744073.709551615"),
    ])
    func `money is exact`(nano: UInt64, expected: String) {
        #expect(text(.prometheus, "c_usd_total", .counter, [MetricSample("", .billionths(nano))]).hasSuffix("c_usd_total \(expected)\n"))
    }

    @Test func `a hostile name stays between its quotes`() {
        #expect(MetricText.escaped("a\"} 1\nweir_x 2\\") == "a\\\"} 1\\nweir_x 2\\\\")
        #expect(MetricText.escaped("a\u{1B}[31m\rb\u{85}") == "a\u{FFFD}[31m\u{FFFD}b\u{FFFD}")
    }

    @Test func `the format follows the Accept field`() {
        #expect(MetricFormat(accept: nil) == .prometheus)
        #expect(MetricFormat(accept: "text/plain") == .prometheus)
        #expect(MetricFormat(accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5") == .openMetrics)
    }

    @Test func `no name is told twice, and counters end with total`() {
        let names = MetricTable.families.map(\.name)
        #expect(Set(names).count == names.count)
        for family in MetricTable.families { #expect((family.kind == .counter) == family.name.hasSuffix("_total"), "\(family.name)") }
        for family in MetricTable.families { #expect(family.help.hasSuffix("."), "\(family.name)") }
    }
}
