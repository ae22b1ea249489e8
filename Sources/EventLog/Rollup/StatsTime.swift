// Times in queries and answers: RFC 3339 in UTC. The calendar is the proleptic Gregorian one, by H. Hinnant's "chrono-Compatible Low-Level
// Date Algorithms"; no table of time zones is needed, because UTC has none.

import GatewayModel

/// Reads and writes times, in seconds since 1970.
enum StatsTime {
    /// The last second of 9999.
    static let secondMax: Int64 = 253_402_300_799

    /// `2027-01-31T12:00:00Z`. Times before 1970 or beyond 9999 count as these.
    static func text(of second: Int64) -> String {
        let second = min(max(second, 0), secondMax)
        let days = Int(second / 86_400) + 719_468
        let era = days / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let time = Int(second % 86_400)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfYear - (153 * shifted + 2) / 5 + 1, 2))"
        return "\(date)T\(padded(time / 3600, 2)):\(padded(time / 60 % 60, 2)):\(padded(time % 60, 2))Z"
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    /// The second of a time such as `2027-01-31T12:00:00.5Z` or `2027-01-31T14:00+02:00`, or of a date's beginning; the fraction is dropped.
    /// `nil` for anything else, and for times before 1970.
    static func second(of text: String) -> Int64? {
        var reader = DigitReader(text)
        guard let year = reader.number(4), reader.skip(0x2D), let month = reader.number(2), reader.skip(0x2D), let day = reader.number(2)
        else { return nil }
        guard year >= 1970, (1...12).contains(month), (1...daysIn(month, year)).contains(day) else { return nil }
        let midnight = Int64(days(year, month, day)) * 86_400
        guard !reader.isAtEnd else { return midnight }
        guard let time = secondOfDay(&reader), midnight + time >= 0 else { return nil }
        return midnight + time
    }

    private static func secondOfDay(_ reader: inout DigitReader) -> Int64? {
        guard reader.skip(0x54) || reader.skip(0x74) || reader.skip(0x20) else { return nil }
        guard let hour = reader.number(2), hour < 24, reader.skip(0x3A), let minute = reader.number(2), minute < 60 else { return nil }
        var second = 0
        if reader.skip(0x3A) {
            guard let value = reader.number(2), value < 60, reader.skipFraction() else { return nil }
            second = value
        }
        let local = Int64(hour * 3600 + minute * 60 + second)
        if reader.skip(0x5A) || reader.skip(0x7A) { return reader.isAtEnd ? local : nil }
        let isEast = reader.skip(0x2B)
        guard isEast || reader.skip(0x2D), let hours = reader.number(2), hours < 24, reader.skip(0x3A) else { return nil }
        guard let minutes = reader.number(2), minutes < 60, reader.isAtEnd else { return nil }
        let offset = Int64(hours * 3600 + minutes * 60)
        return isEast ? local - offset : local + offset
    }

    private static func daysIn(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

/// Reads digits and marks one after the other.
private struct DigitReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) { bytes = Array(text.utf8.prefix(64)) }

    var isAtEnd: Bool { position == bytes.count }

    /// Exactly `width` digits.
    mutating func number(_ width: Int) -> Int? {
        guard bytes.count - position >= width else { return nil }
        var value = 0
        for byte in bytes[position..<position + width] {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        position += width
        return value
    }

    mutating func skip(_ mark: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == mark else { return false }
        position += 1
        return true
    }

    /// Nothing, or a point and one to nine digits.
    mutating func skipFraction() -> Bool {
        guard skip(0x2E) else { return true }
        let start = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
        return (1...9).contains(position - start)
    }
}
