import GatewayModel
import JSON

extension StatsResult {
    /// Writes `window`, `totals`, `series`, `groups`, `percentile_bounds` and `label_overflow` as members of an object that the caller opened
    /// and closes.
    public func writeMembers(to writer: inout JSONWriter) {
        let columns = StatsColumn.all(percentiles: query.percentiles)
        writer.key("window")
        writeWindow(to: &writer)
        writer.key("totals")
        writer.beginObject()
        StatsResult.write(totals, columns, to: &writer)
        writer.endObject()
        writer.key("series")
        writer.beginArray()
        for point in series {
            writer.beginObject()
            writer.key("t")
            writer.string(StatsTime.text(of: point.start))
            StatsResult.write(point.measures, columns, to: &writer)
            writer.endObject()
        }
        writer.endArray()
        writer.key("groups")
        writer.beginArray()
        for group in groups { StatsResult.write(group, columns, to: &writer) }
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

    private static func write(_ group: StatsGroup, _ columns: [StatsColumn], to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("key")
        writer.beginObject()
        for (dimension, label) in group.labels {
            writer.key(dimension.name)
            writer.string(label)
        }
        writer.endObject()
        write(group.measures, columns, to: &writer)
        writer.endObject()
    }

    /// Columns that share their first name are members of one object.
    private static func write(_ measures: StatsMeasures, _ columns: [StatsColumn], to writer: inout JSONWriter) {
        var open: String?
        for column in columns {
            let parent = column.path.count > 1 ? column.path[0] : nil
            if open != parent {
                if open != nil { writer.endObject() }
                if let parent {
                    writer.key(parent)
                    writer.beginObject()
                }
                open = parent
            }
            writer.key(column.path[column.path.count - 1])
            writer.raw(Array((column.text(measures) ?? "null").utf8).span)
        }
        if open != nil { writer.endObject() }
    }
}
