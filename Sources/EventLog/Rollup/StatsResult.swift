import GatewayModel
import Hashing

/// The answer to a `StatsQuery`. `StatsResult+JSON` and `StatsResult+CSV` write it.
public struct StatsResult: Sendable {
    /// The query.
    public internal(set) var query: StatsQuery
    /// The sum of the series.
    public internal(set) var totals: StatsMeasures
    /// One point per step, those without events too.
    public internal(set) var series: [StatsPoint]
    /// The groups, ranked; the rest, named `other` in all dimensions, last.
    public internal(set) var groups: [StatsGroup]
    /// Requests of the window counted under `other` in a dimension, because a bound was reached.
    public internal(set) var labelOverflow: UInt64
    /// Records of the store that were damaged and are missing from the answer. A record may count twice.
    public internal(set) var damaged: Int

    /// The largest relative error of a percentile.
    public static let percentileBounds = LogLinearBuckets.relativeError

    /// A weak entity tag of an answer's bytes, quotes included.
    public static func entityTag(of bytes: Span<UInt8>) -> String {
        let hash = xxh3_128(bytes)
        var text: [UInt8] = []
        text.append(literal: "W/\"")
        for word in [hash.high, hash.low] {
            for shift in stride(from: 60, through: 0, by: -4) {
                text.append(hexDigit(UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15))
            }
        }
        text.append(0x22)
        return String(decoding: text, as: UTF8.self)
    }

    /// `p50`, `p99.9`.
    static func percentileName(_ hundredths: Int) -> String {
        var name: [UInt8] = [0x70]
        DecimalText.append(UInt64(hundredths), decimals: 2, to: &name)
        return String(decoding: name, as: UTF8.self)
    }
}
