// RFC 3339 in UTC, without Foundation. Days are converted with the algorithms of Howard Hinnant, "chrono-compatible low-level date
// algorithms" (civil_from_days, days_from_civil): eras of 400 years that begin on 1 March, so that the leap day comes last.

import GatewayModel

/// Civil time as text and as windows of the calendar. UTC, without leap seconds, as in POSIX.
enum CivilTime {
    private static let dayMilliseconds: Int64 = 86_400_000

    /// Appends `2026-02-03T04:05:06.789Z`, clamped to the years 0 to 9999.
    static func append(_ time: WallTime, to bytes: inout [UInt8]) {
        let moment = min(max(time.milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        let day = floorDivide(moment, dayMilliseconds)
        let rest = moment - day * dayMilliseconds
        let (year, month, dayOfMonth) = date(ofDay: day)
        append(year, 4, to: &bytes)
        bytes.append(0x2D)
        append(month, 2, to: &bytes)
        bytes.append(0x2D)
        append(dayOfMonth, 2, to: &bytes)
        bytes.append(0x54)
        append(rest / 3_600_000, 2, to: &bytes)
        bytes.append(0x3A)
        append(rest / 60_000 % 60, 2, to: &bytes)
        bytes.append(0x3A)
        append(rest / 1000 % 60, 2, to: &bytes)
        bytes.append(0x2E)
        append(rest % 1000, 3, to: &bytes)
        bytes.append(0x5A)
    }

    /// The text of a time.
    static func text(_ time: WallTime) -> String {
        var bytes: [UInt8] = []
        append(time, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads `2026-02-03T04:05:06Z`, with a fraction and an offset where there are any (RFC 3339), or a date alone. `nil` for anything else.
    static func parse(_ text: String) -> WallTime? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 10, bytes.count <= 40, let year = digits(bytes, 0, 4), bytes[4] == 0x2D, let month = digits(bytes, 5, 2),
            bytes[7] == 0x2D, let day = digits(bytes, 8, 2), (1...12).contains(month), day >= 1
        else { return nil }
        let start = self.day(year: year, month: month, day: day)
        guard date(ofDay: start) == (year, month, day) else { return nil }
        if bytes.count == 10 { return WallTime(milliseconds: start * dayMilliseconds) }
        guard bytes.count >= 20, bytes[10] == 0x54 || bytes[10] == 0x74 || bytes[10] == 0x20, let hour = digits(bytes, 11, 2),
            bytes[13] == 0x3A, let minute = digits(bytes, 14, 2), bytes[16] == 0x3A, let second = digits(bytes, 17, 2), hour < 24,
            minute < 60, second < 61
        else { return nil }
        var at = 19
        var milliseconds: Int64 = 0
        if bytes[at] == 0x2E {
            at += 1
            var scale: Int64 = 100
            let first = at
            while at < bytes.count, (0x30...0x39).contains(bytes[at]) {
                milliseconds += Int64(bytes[at] - 0x30) * scale
                scale /= 10
                at += 1
            }
            guard at > first else { return nil }
        }
        guard let offset = offset(bytes, at) else { return nil }
        let seconds = hour * 3600 + minute * 60 + min(second, 59) - offset
        return WallTime(milliseconds: start * dayMilliseconds + seconds * 1000 + milliseconds)
    }

    /// A time, or how long ago it was: `15m`, `36h`, `7d`, `30s`. `nil` for anything else.
    static func parse(_ text: String, now: WallTime) -> WallTime? {
        guard let unit = text.utf8.last, text.utf8.count <= 10, let number = Int64(text.dropLast()), number >= 0 else { return parse(text) }
        let seconds: Int64
        switch unit {
        case UInt8(ascii: "s"): seconds = 1
        case UInt8(ascii: "m"): seconds = 60
        case UInt8(ascii: "h"): seconds = 3600
        case UInt8(ascii: "d"): seconds = 86_400
        default: return nil
        }
        return now.adding(seconds: -(number * seconds))
    }

    /// The window that holds a moment: its first millisecond and the first of the next one.
    static func bounds(of window: CalendarWindow, containing moment: WallTime) -> (start: WallTime, end: WallTime) {
        let time = min(max(moment.milliseconds, -(1 << 50)), 1 << 50)
        switch window {
        case .hour:
            let start = floorDivide(time, 3_600_000) * 3_600_000
            return (WallTime(milliseconds: start), WallTime(milliseconds: start + 3_600_000))
        case .day:
            let start = floorDivide(time, dayMilliseconds) * dayMilliseconds
            return (WallTime(milliseconds: start), WallTime(milliseconds: start + dayMilliseconds))
        case .month:
            let (year, month, _) = date(ofDay: floorDivide(time, dayMilliseconds))
            let start = day(year: year, month: month, day: 1)
            let end = month == 12 ? day(year: year + 1, month: 1, day: 1) : day(year: year, month: month + 1, day: 1)
            return (WallTime(milliseconds: start * dayMilliseconds), WallTime(milliseconds: end * dayMilliseconds))
        }
    }

    private static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * fromMarch + 2) / 5 + 1)
    }

    private static func day(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// `Z`, `+01:00`, `-05:30` as seconds, at the end of the text.
    private static func offset(_ bytes: [UInt8], _ at: Int) -> Int64? {
        guard at < bytes.count else { return nil }
        if bytes[at] == 0x5A || bytes[at] == 0x7A { return at + 1 == bytes.count ? 0 : nil }
        guard bytes[at] == 0x2B || bytes[at] == 0x2D, bytes.count == at + 6, bytes[at + 3] == 0x3A, let hours = digits(bytes, at + 1, 2),
            let minutes = digits(bytes, at + 4, 2), hours < 24, minutes < 60
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return bytes[at] == 0x2B ? seconds : -seconds
    }

    private static func digits(_ bytes: [UInt8], _ start: Int, _ count: Int) -> Int64? {
        guard start + count <= bytes.count else { return nil }
        var number: Int64 = 0
        for byte in bytes[start..<(start + count)] {
            guard (0x30...0x39).contains(byte) else { return nil }
            number = number * 10 + Int64(byte - 0x30)
        }
        return number
    }

    private static func append(_ number: Int64, _ width: Int, to bytes: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(truncatingIfNeeded: 0x30 + number / divisor % 10))
            divisor /= 10
        }
    }

    private static func floorDivide(_ number: Int64, _ divisor: Int64) -> Int64 {
        let quotient = number / divisor
        return number % divisor < 0 ? quotient - 1 : quotient
    }
}
