// One table: a row for the totals, one per point, one per group. Labels come from outside: what a spreadsheet would take for a formula gets
// an apostrophe before it (OWASP, "CSV Injection"), and what a terminal would obey is written as its number.

import GatewayModel

extension StatsResult {
    /// The whole as CSV (RFC 4180): a header, then rows of which the first field says `total`, `point` or `group`. Absent figures are empty.
    public var csv: [UInt8] {
        let columns = StatsColumn.all(percentiles: query.percentiles)
        var bytes: [UInt8] = []
        let header = ["row", "t"] + query.groupBy.map(\.name) + columns.map { $0.path.joined(separator: "_") }
        bytes.append(contentsOf: header.joined(separator: ",").utf8)
        bytes.append(literal: "\r\n")
        let noLabels = query.groupBy.map { _ in "" }
        StatsResult.appendRow("total", StatsTime.text(of: query.from), noLabels, totals, columns, to: &bytes)
        for point in series {
            StatsResult.appendRow("point", StatsTime.text(of: point.start), noLabels, point.measures, columns, to: &bytes)
        }
        for group in groups {
            StatsResult.appendRow("group", StatsTime.text(of: query.from), group.labels.map(\.1), group.measures, columns, to: &bytes)
        }
        return bytes
    }

    private static func appendRow(
        _ row: String, _ time: String, _ labels: [String], _ measures: StatsMeasures, _ columns: [StatsColumn], to bytes: inout [UInt8]
    ) {
        bytes.append(contentsOf: row.utf8)
        bytes.append(0x2C)
        bytes.append(contentsOf: time.utf8)
        for label in labels {
            bytes.append(0x2C)
            appendField(label, to: &bytes)
        }
        for column in columns {
            bytes.append(0x2C)
            bytes.append(contentsOf: (column.text(measures) ?? "").utf8)
        }
        bytes.append(literal: "\r\n")
    }

    /// A label in quotes, inert in spreadsheets and terminals.
    static func appendField(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(0x22)
        if let first = text.unicodeScalars.first(where: { $0 != " " }),
            "=+-@|%\u{FF1D}\u{FF0B}\u{FF0D}\u{FF20}".unicodeScalars.contains(first)
        {
            bytes.append(0x27)
        }
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22: bytes.append(literal: "\"\"")
            // Controls, and what turns the direction of writing.
            case 0..<0x20, 0x7F..<0xA0, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: appendNumber(of: scalar, to: &bytes)
            default: bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        bytes.append(0x22)
    }

    /// `\u{1B}`
    private static func appendNumber(of scalar: Unicode.Scalar, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".utf8)
    }
}
