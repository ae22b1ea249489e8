import GatewayModel
import JSON

/// The answer to a `StatsQuery`.
public struct StatsResult: Sendable {
    /// The query.
    public var query: StatsQuery

    /// Writes `window`, `totals`, `series`, `groups`, `percentile_bounds` and `label_overflow` as members of an object that the caller opened
    /// and closes.
    public func writeMembers(to writer: inout JSONWriter) {}

    /// The whole as a JSON object.
    public var json: [UInt8] { [] }

    /// The whole as CSV (RFC 4180, with a header).
    public var csv: [UInt8] { [] }

    /// A weak entity tag of an answer's bytes, quotes included.
    public static func entityTag(of bytes: Span<UInt8>) -> String { "" }
}
