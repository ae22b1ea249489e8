import EventLog
import GatewayModel
import GatewayServer
import JSON

/// `GET /stats`: the statistics of a window from the exact rollups, and as JSON also the counters since the start by their names without prefix and
/// suffix, what is under way, the targets and the state of the event log. Confined to the control loop.
struct StatsReport {
    private let control: ControlPlane

    init(_ control: ControlPlane) { self.control = control }

    /// The answer, with an entity tag; 304 where the caller has it already.
    func response(to request: AdminRequest) -> AdminResponse {
        do throws(GatewayError) {
            let query = try StatsReport.query(request.fields)
            guard let result = control.statistics(query) else {
                throw GatewayError(
                    status: 503, code: "stats_unavailable", message: "The statistics can't be read now.", source: .store)
            }
            let isCSV = query.format == .csv
            let response = AdminResponse(
                contentType: isCSV ? "text/csv; charset=utf-8" : "application/json", body: isCSV ? result.csv : json(result))
            return EntityTag.tagged(response, ifNoneMatch: request.ifNoneMatch)
        } catch {
            return .error(error)
        }
    }

    private static func query(_ fields: [QueryField]) throws(GatewayError) -> StatsQuery {
        do throws(StatsQueryError) {
            return try StatsQuery(fields: fields.map { ($0.name, $0.value) }, now: .now())
        } catch {
            throw error.gatewayError
        }
    }

    private func json(_ result: StatsResult) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        result.writeMembers(to: &writer)
        writer.key("counters")
        writer.beginObject()
        for counter in Counter.allCases {
            writer.key(counter.isNano ? "cost_nanousd" : StatsReport.shortName(counter.name))
            writer.integer(control.value(of: counter))
        }
        writer.endObject()
        for (name, value) in [("in_flight", control.inFlight), ("connections", control.connections), ("flights", control.flights)] {
            writer.key(name)
            writer.integer(value)
        }
        writer.key("targets")
        writer.value(control.targetReadings())
        writer.key("ring")
        LogStatusText.append(control.eventLog.status(), to: &writer)
        writer.endObject()
        return writer.bytes + [0x0A]
    }

    /// `weir_requests_total` as `requests`.
    private static func shortName(_ name: String) -> String {
        var name = name[...]
        if name.hasPrefix("weir_") { name = name.dropFirst(5) }
        if name.hasSuffix("_total") { name = name.dropLast(6) }
        return String(name)
    }
}

/// Entity tags of answers (RFC 9110 section 8.8.3): a dashboard that asks again and again is told that nothing changed.
enum EntityTag {
    /// The answer with its tag, or 304 where `ifNoneMatch` has it.
    static func tagged(_ response: AdminResponse, ifNoneMatch: String?) -> AdminResponse {
        let tag = StatsResult.entityTag(of: response.body.span)
        var tagged = response
        if let ifNoneMatch, matches(ifNoneMatch, tag) {
            tagged.status = 304
            tagged.body = []
        }
        tagged.fields.append(("etag", tag))
        return tagged
    }

    /// The weak comparison of section 13.1.2: `*`, or a list with the tag in it.
    static func matches(_ ifNoneMatch: String, _ tag: String) -> Bool {
        let wanted = opaque(tag[...])
        return ifNoneMatch.split(separator: ",").contains { part in
            let candidate = part.drop { $0 == " " || $0 == "\t" }
            return candidate == "*" || opaque(candidate) == wanted
        }
    }

    /// The tag without its weakness and without what stands behind it.
    private static func opaque(_ text: Substring) -> Substring {
        let tag = text.hasPrefix("W/") ? text.dropFirst(2) : text
        guard tag.first == "\"", let end = tag.dropFirst().firstIndex(of: "\"") else { return tag }
        return tag[...end]
    }
}
