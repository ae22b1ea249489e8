import Foundation
import GatewayServer
import Testing

@testable import Admin

@Suite struct MetricReferenceTests {
    private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docs/metrics.md")
    private static let marker = "<!-- Printed from the table of metrics: WEIR_WRITE_DOCS=1 swift test --filter MetricReferenceTests -->\n\n"

    private func labels(of name: String) -> String {
        if let histogram = Histogram.allCases.first(where: { $0.name == name }) {
            return histogram.labels(of: 0).split(separator: ",").map { "`\($0.prefix { $0 != "=" })`" }.joined(separator: ", ")
        }
        for set in ControlPlane.LabelledSet.allCases where name.hasPrefix("weir_\(set)_") { return "`\(set)`" }
        switch name {
        case "weir_cache_reason_total": return "`reason`"
        case "weir_request_errors_total": return "`error_kind`"
        case "weir_log_dropped_total": return "`class`"
        case "weir_build_info": return "`version`, `commit`"
        default: return ""
        }
    }

    @Test func `the page lists every metric with type, labels and meaning`() throws {
        var table = "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n"
        for family in MetricTable.families {
            table += "| `\(family.name)` | \(family.kind.rawValue) | \(labels(of: family.name)) | \(family.help) |\n"
        }
        let text = try String(contentsOf: MetricReferenceTests.page, encoding: .utf8)
        let parts = text.components(separatedBy: MetricReferenceTests.marker)
        try #require(parts.count == 2)
        if ProcessInfo.processInfo.environment["WEIR_WRITE_DOCS"] == "1" {
            try (parts[0] + MetricReferenceTests.marker + table).write(to: MetricReferenceTests.page, atomically: true, encoding: .utf8)
        } else {
            #expect(parts[1] == table, "print it anew: WEIR_WRITE_DOCS=1 swift test --filter MetricReferenceTests")
        }
    }
}
