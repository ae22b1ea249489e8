import GatewayModel

/// Reads when a key ends: a span from now, a date, or a moment, as `--expires` and YAML write them. All in UTC unless an offset is given.
public enum Expiry {
    /// What every message about a malformed text says.
    public static let rule = "a span such as 12h or 30d, a date such as 2027-01-01, or a time such as 2027-01-01T12:00:00Z"

    /// The moment that `text` names, spans counted from `now`; `nil` when malformed. A date means its first moment. Spans reach 100 years.
    public static func parse(_ text: String, now: WallTime) -> WallTime? {
        if let moment = moment(text) { return moment }
        guard let unit = text.utf8.last, let seconds = secondsPerUnit(unit) else { return nil }
        let digits = text.dropLast()
        guard (1...10).contains(digits.utf8.count), let count = number(digits), count > 0 else { return nil }
        let (span, overflow) = Int64(count).multipliedReportingOverflow(by: seconds)
        guard !overflow, span <= 100 * 366 * 86_400 else { return nil }
        return now.adding(seconds: span)
    }

    /// A date or a time of day in the form of RFC 3339; `nil` for anything else, a span included.
    public static func moment(_ text: String) -> WallTime? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 10, bytes[4] == 0x2D, bytes[7] == 0x2D else { return nil }
        guard let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]) else { return nil }
        guard year >= 1970, (1...12).contains(month), (1...daysIn(month: month, of: year)).contains(day) else { return nil }
        let midnight = Int64(days(year: year, month: month, day: day)) * 86_400
        if bytes.count == 10 { return WallTime(milliseconds: midnight * 1000) }
        guard let seconds = secondOfDay(bytes[10...]) else { return nil }
        return WallTime(milliseconds: (midnight + seconds) * 1000)
    }

    /// The moment as RFC 3339 in UTC to the second, for listings. Years before 1970 count as 1970, beyond 9999 as 9999.
    public static func text(of time: WallTime) -> String {
        let seconds = min(max(time.milliseconds / 1000, 0), 253_402_300_799)
        let (year, month, day) = civil(fromDays: Int(seconds / 86_400))
        let rest = Int(seconds % 86_400)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        return "\(date)T\(padded(rest / 3600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2))Z"
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    private static func secondsPerUnit(_ unit: UInt8) -> Int64? {
        switch unit {
        case 0x73: 1
        case 0x6D: 60
        case 0x68: 3600
        case 0x64: 86_400
        case 0x77: 7 * 86_400
        case 0x79: 365 * 86_400
        default: nil
        }
    }

    /// `T12:00Z`, `T12:00:00Z` or `T12:00:00+02:00`, as seconds of the UTC day (which may lie outside it).
    private static func secondOfDay(_ bytes: ArraySlice<UInt8>) -> Int64? {
        var rest = bytes
        guard let mark = rest.popFirst(), mark == 0x54 || mark == 0x74 || mark == 0x20 else { return nil }
        guard let hour = pair(&rest), hour < 24, rest.popFirst() == 0x3A, let minute = pair(&rest), minute < 60 else { return nil }
        var second = 0
        if rest.first == 0x3A {
            rest.removeFirst()
            guard let value = pair(&rest), value < 60 else { return nil }
            second = value
        }
        let local = Int64(hour * 3600 + minute * 60 + second)
        guard let zone = rest.popFirst() else { return nil }
        if zone == 0x5A || zone == 0x7A { return rest.isEmpty ? local : nil }
        guard zone == 0x2B || zone == 0x2D, let hours = pair(&rest), hours < 24, rest.popFirst() == 0x3A else { return nil }
        guard let minutes = pair(&rest), minutes < 60, rest.isEmpty else { return nil }
        let offset = Int64(hours * 3600 + minutes * 60)
        return zone == 0x2B ? local - offset : local + offset
    }

    private static func pair(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= 2 else { return nil }
        defer { bytes = bytes.dropFirst(2) }
        return number(bytes.prefix(2))
    }

    private static func number(_ bytes: some Sequence<UInt8>) -> Int? {
        var value = 0
        for byte in bytes {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    private static func number(_ text: Substring) -> Int? { number(text.utf8) }

    private static func daysIn(month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(fromDays days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
