import GatewayModel
import Tenants

/// Times as the admin API tells them: RFC 3339 in UTC.
enum TimeText {
    /// `2027-01-01T12:00:00Z`
    static func seconds(_ time: WallTime) -> String { Expiry.text(of: time) }

    /// `2027-01-01T12:00:00.000Z`
    static func milliseconds(_ time: WallTime) -> String {
        let fraction = String(max(0, time.milliseconds) % 1000)
        return seconds(time).dropLast() + "." + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction + "Z"
    }
}
