// `Retry-After` (RFC 9110, 10.2.3): whole seconds or an HTTP date; some providers send fractions, and OpenAI and Azure `retry-after-ms` beside it.
// What cannot be read says nothing; a moment in the past says "now".

public import GatewayModel

/// Reads when an upstream wants to be asked again.
public enum RetryAfter {
    /// The longest that is told apart, in nanoseconds: a week.
    public static let nanosecondsMax: UInt64 = 7 * 86_400 * 1_000_000_000

    /// Nanoseconds to wait by a `Retry-After` value; `nil` when it is neither seconds nor a date.
    public static func nanoseconds(_ value: Span<UInt8>, now: WallTime) -> UInt64? {
        if let seconds = number(value, unitNanoseconds: 1_000_000_000) { return seconds }
        guard let date = date(value) else { return nil }
        let (span, overflow) = date.subtractingReportingOverflow(now.milliseconds)
        if overflow || span > Int64(nanosecondsMax / 1_000_000) { return date < now.milliseconds ? 0 : nanosecondsMax }
        return span <= 0 ? 0 : UInt64(span) * 1_000_000
    }

    /// Nanoseconds to wait by a `retry-after-ms` value; `nil` when it is no number.
    public static func nanoseconds(milliseconds value: Span<UInt8>) -> UInt64? { number(value, unitNanoseconds: 1_000_000) }

    /// Digits, with a fraction if need be; no sign, no exponent.
    private static func number(_ text: Span<UInt8>, unitNanoseconds: UInt64) -> UInt64? {
        var index = 0
        var whole: UInt64 = 0
        while index < text.count, let digit = digit(text[index]) {
            whole = min(whole * 10 + digit, 1_000_000_000)
            index += 1
        }
        guard index > 0 else { return nil }
        var fraction: UInt64 = 0
        if index < text.count, text[index] == 0x2E {
            var scale = unitNanoseconds / 10
            index += 1
            guard index < text.count else { return nil }
            while index < text.count, let digit = digit(text[index]) {
                fraction += digit * scale
                scale /= 10
                index += 1
            }
        }
        guard index == text.count else { return nil }
        return min(whole * unitNanoseconds + fraction, nanosecondsMax)
    }

    private static func digit(_ byte: UInt8) -> UInt64? { byte >= 0x30 && byte <= 0x39 ? UInt64(byte - 0x30) : nil }

    /// Milliseconds since the epoch of an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`. The obsolete forms are not read.
    private static func date(_ text: Span<UInt8>) -> Int64? {
        guard text.count == 29 else { return nil }
        for (index, byte) in [(3, 0x2C), (4, 0x20), (7, 0x20), (11, 0x20), (16, 0x20), (19, 0x3A), (22, 0x3A), (25, 0x20)] as [(Int, UInt8)]
        where text[index] != byte { return nil }
        guard text[26] == 0x47, text[27] == 0x4D, text[28] == 0x54 else { return nil }  // GMT
        func two(_ index: Int) -> Int64? {
            guard let tens = digit(text[index]), let ones = digit(text[index + 1]) else { return nil }
            return Int64(tens * 10 + ones)
        }
        guard let day = two(5), let month = month(text), let century = two(12), let year = two(14), let hour = two(17),
            let minute = two(20), let second = two(23)
        else { return nil }
        guard (1...31).contains(day), hour < 24, minute < 60, second < 61 else { return nil }
        let days = daysSinceEpoch(year: century * 100 + year, month: month, day: day)
        return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
    }

    private static func month(_ text: Span<UInt8>) -> Int64? {
        let names: [(UInt8, UInt8, UInt8)] = [
            (0x4A, 0x61, 0x6E), (0x46, 0x65, 0x62), (0x4D, 0x61, 0x72), (0x41, 0x70, 0x72), (0x4D, 0x61, 0x79), (0x4A, 0x75, 0x6E),
            (0x4A, 0x75, 0x6C), (0x41, 0x75, 0x67), (0x53, 0x65, 0x70), (0x4F, 0x63, 0x74), (0x4E, 0x6F, 0x76), (0x44, 0x65, 0x63),
        ]
        let found = (text[8], text[9], text[10])
        return names.firstIndex { $0 == found }.map { Int64($0) + 1 }
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "days_from_civil").
    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
