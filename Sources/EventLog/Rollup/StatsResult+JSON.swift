import GatewayModel
import JSON

extension StatsResult {
    /// Writes `window`, `totals`, `series`, `groups`, `percentile_bounds` and `label_overflow` as members of an object that the caller opened
    /// and closes.
    public func writeMembers(to writer: inout JSONWriter) {
        var measures = MeasuresWriter(StatsColumn.all(percentiles: query.percentiles))
        writer.key("window")
        writeWindow(to: &writer)
        writer.key("totals")
        writer.raw(measures.object(totals).span)
        writer.key("series")
        writer.beginArray()
        for point in series { writer.raw(measures.object(point.measures, after: "\"t\":\"\(StatsTime.text(of: point.start))\"").span) }
        writer.endArray()
        writer.key("groups")
        writer.beginArray()
        for group in groups { writer.raw(measures.object(group.measures, after: StatsResult.keyMember(of: group)).span) }
        writer.endArray()
        writer.key("percentile_bounds")
        writer.double(StatsResult.percentileBounds)
        writer.key("label_overflow")
        writer.integer(labelOverflow)
    }

    /// The whole as a JSON object.
    public var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writeMembers(to: &writer)
        writer.endObject()
        return writer.bytes
    }

    private func writeWindow(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("from")
        writer.string(StatsTime.text(of: query.from))
        writer.key("to")
        writer.string(StatsTime.text(of: query.to))
        writer.key("step_seconds")
        writer.integer(query.stepSeconds)
        writer.key("resolution")
        writer.string(query.resolution.name)
        writer.endObject()
    }

    /// `"key":{"tenant":"acme"}`
    private static func keyMember(of group: StatsGroup) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        for (dimension, label) in group.labels {
            writer.key(dimension.name)
            writer.string(label)
        }
        writer.endObject()
        return "\"key\":" + String(decoding: writer.bytes, as: UTF8.self)
    }
}

/// Writes measures as JSON objects. A month by the hour is 720 of them with 45 numbers each, so what stands between the numbers is made once.
private struct MeasuresWriter {
    private let columns: [StatsColumn]
    /// The text before each number, and after the last.
    private let between: [[UInt8]]
    private var bytes: [UInt8] = []

    init(_ columns: [StatsColumn]) {
        self.columns = columns
        var between: [[UInt8]] = []
        var text: [UInt8] = []
        var parent: String?
        for (index, column) in columns.enumerated() {
            let next = column.path.count > 1 ? column.path[0] : nil
            if parent != nil, next != parent { text.append(0x7D) }
            if index > 0 { text.append(0x2C) }
            if let next, next != parent {
                appendJSONString(next, to: &text)
                text.append(literal: ":{")
            }
            appendJSONString(column.path[column.path.count - 1], to: &text)
            text.append(0x3A)
            between.append(text)
            text = []
            parent = next
        }
        if parent != nil { text.append(0x7D) }
        between.append(text)
        self.between = between
    }

    /// The object, with a member of the caller's before the measures.
    mutating func object(_ measures: StatsMeasures, after first: String? = nil) -> [UInt8] {
        bytes.removeAll(keepingCapacity: true)
        bytes.append(0x7B)
        if let first {
            bytes.append(contentsOf: first.utf8)
            bytes.append(0x2C)
        }
        for (index, column) in columns.enumerated() {
            bytes.append(contentsOf: between[index])
            if !column.append(measures, &bytes) { bytes.append(literal: "null") }
        }
        bytes.append(contentsOf: between[columns.count])
        bytes.append(0x7D)
        return bytes
    }
}
