import Admin
import JSON

/// A row of the event log as a line of a table for people.
struct LogLine {
    /// The columns: their titles and the widths of a table that does not know its rows yet.
    static let columns: [(title: String, width: Int)] = [
        ("TIME", 12), ("STATUS", 6), ("CACHE", 9), ("DURATION", 9), ("TENANT", 16), ("MODEL", 28), ("TOKENS", 11), ("COST", 10),
        ("WHAT", 0),
    ]

    /// The values, inert, in the order of `columns`.
    let cells: [String]
    private let status: Int
    private let layer: String

    /// - Parameter hasDate: with the day, for rows that may be of any.
    init(_ row: JSONValue, hasDate: Bool = false) {
        let text = { (name: String) in row[name]?.stringValue ?? "" }
        let count = { (name: String) in row[name]?.intValue ?? 0 }
        status = count("status_code")
        layer = text("cache_layer")
        let created = text("created_at")
        let time = hasDate ? String(created.prefix(19)) : String(created.dropFirst(11).prefix(12))
        let saved = count("tokens_saved")
        let tokens =
            saved > 0 ? "(\(saved))" : count("tokens_in") + count("tokens_out") == 0 ? "-" : "\(count("tokens_in"))+\(count("tokens_out"))"
        let cost = row["cost"]?.doubleValue ?? 0
        let target = text("provider").isEmpty ? text("model") : "\(text("provider"))/\(text("model"))"
        var what = [text("operation"), text("error_code")].filter { !$0.isEmpty }.joined(separator: " ")
        if count("attempts") > 1 { what += " (\(count("attempts")) attempts)" }
        if row["audit"]?.boolValue == true { what = "operator: \(text("path"))" }
        cells = [
            time, status == 0 ? "-" : "\(status)", layer == "none" ? "-" : layer, LogLine.duration(row["duration"]?.doubleValue ?? 0),
            text("tenant").isEmpty ? "-" : text("tenant"), target.isEmpty ? "-" : target, tokens, cost > 0 ? LogLine.dollars(cost) : "-",
            what,
        ].map(InertText.of)
    }

    /// The titles as a line.
    static var header: String {
        columns.map { pad($0.title, $0.width) }.joined(separator: " ")
    }

    /// The values as a line of fixed columns, cut where they are longer.
    func text(isColoured: Bool = Terminal.isColoured) -> String {
        zip(cells, LogLine.columns).enumerated().map { index, pair in
            let (cell, column) = pair
            return Terminal.paint(LogLine.pad(cell, column.width), colour(of: index), isColoured: isColoured)
        }.joined(separator: " ")
    }

    private func colour(of column: Int) -> Terminal.Colour? {
        switch column {
        case 0: .grey
        case 1: status >= 500 || status == 0 ? .red : status >= 400 ? .yellow : .green
        case 2: ["exact", "semantic", "collapsed", "partial"].contains(layer) ? .cyan : layer == "stale" ? .blue : .grey
        default: nil
        }
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        guard width > 0 else { return text }
        let count = text.count
        return count > width ? text.prefix(width - 1) + "…" : text + String(repeating: " ", count: width - count)
    }

    static func duration(_ milliseconds: Double) -> String {
        switch milliseconds {
        case ..<1: "\(Int(milliseconds * 1000))µs"
        case ..<1000: "\((milliseconds * 10).rounded() / 10)ms"
        default: "\((milliseconds / 10).rounded() / 100)s"
        }
    }

    static func dollars(_ amount: Double) -> String {
        if amount >= 0.01 || amount == 0 { return "$\(Figures.fixed(amount, 2))" }
        return "$\(Figures.fixed(amount, 6))"
    }
}

/// Numbers for people.
enum Figures {
    /// With so many decimals.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "-" }
        var scale = 1
        for _ in 0..<decimals { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return sign + String(scaled) }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale).\(String(repeating: "0", count: decimals - fraction.utf8.count))\(fraction)"
    }

    /// `1234`, `56.7k`, `1.2M`.
    static func short(_ value: Int) -> String {
        switch abs(value) {
        case ..<10_000: String(value)
        case ..<1_000_000: fixed(Double(value) / 1000, 1) + "k"
        case ..<1_000_000_000: fixed(Double(value) / 1_000_000, 1) + "M"
        default: fixed(Double(value) / 1_000_000_000, 1) + "G"
        }
    }
}
