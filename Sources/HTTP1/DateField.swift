import GatewayModel

/// The `Date` field in IMF-fixdate (RFC 9110 section 5.6.7), formatted once a second. One per loop; pure: the time is an argument.
public struct DateField: Sendable {
    private var second = Int64.min
    /// The whole line; empty before the first use.
    private var line: [UInt8] = []

    /// Makes an empty cache.
    public init() {}

    /// Appends `Date: Sun, 06 Nov 1994 08:49:37 GMT` and CRLF. Times outside the years 0…9999 are written as the nearest one within.
    public mutating func append(at time: WallTime, to output: inout [UInt8]) {
        // Rounded towards the past, also before 1970.
        let second = time.milliseconds >= 0 ? time.milliseconds / 1000 : (time.milliseconds + 1) / 1000 - 1
        if second != self.second || line.isEmpty {
            line.removeAll(keepingCapacity: true)
            line.append(literal: "Date: ")
            Self.appendFixdate(second: second, to: &line)
            line.append(literal: "\r\n")
            self.second = second
        }
        output.append(contentsOf: line)
    }

    /// Appends a point of time as IMF-fixdate, 29 bytes.
    static func appendFixdate(second: Int64, to output: inout [UInt8]) {
        let second = min(max(second, -62_167_219_200), 253_402_300_799)
        let day = second >= 0 ? second / 86_400 : (second + 1) / 86_400 - 1
        let secondOfDay = second - day * 86_400
        let date = civilDate(day: day)
        append(names: "ThuFriSatSunMonTueWed", Int((day % 7 + 7) % 7), to: &output)
        output.append(literal: ", ")
        append(digits: date.day, 2, to: &output)
        output.append(.space)
        append(names: "JanFebMarAprMayJunJulAugSepOctNovDec", Int(date.month - 1), to: &output)
        output.append(.space)
        append(digits: date.year, 4, to: &output)
        output.append(.space)
        append(digits: secondOfDay / 3600, 2, to: &output)
        output.append(.colon)
        append(digits: secondOfDay / 60 % 60, 2, to: &output)
        output.append(.colon)
        append(digits: secondOfDay % 60, 2, to: &output)
        output.append(literal: " GMT")
    }

    /// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar: Howard Hinnant's `civil_from_days`, which counts
    /// in eras of 400 years that start on 1 March.
    private static func civilDate(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func append(names: StaticString, _ index: Int, to output: inout [UInt8]) {
        for offset in 0..<3 { output.append(names.utf8Start[index * 3 + offset]) }
    }

    private static func append(digits value: Int64, _ count: Int, to output: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<count { divisor *= 10 }
        while divisor > 0 {
            output.append(UInt8(truncatingIfNeeded: 0x30 + value / divisor % 10))
            divisor /= 10
        }
    }
}
