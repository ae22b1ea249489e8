import GatewayModel

extension CalendarWindow {
    /// The window that holds a moment, as its first millisecond and the first of the next window. UTC, without leap seconds, as in POSIX.
    public func bounds(containing moment: WallTime) -> (start: WallTime, end: WallTime) {
        let (start, end) = bounds(milliseconds: min(max(moment.milliseconds, -(1 << 53)), 1 << 53))
        return (WallTime(milliseconds: start), WallTime(milliseconds: end))
    }

    func bounds(milliseconds: Int64) -> (start: Int64, end: Int64) {
        switch self {
        case .hour:
            let start = floorDivide(milliseconds, 3_600_000) * 3_600_000
            return (start, start + 3_600_000)
        case .day:
            let start = floorDivide(milliseconds, CalendarWindow.dayMilliseconds) * CalendarWindow.dayMilliseconds
            return (start, start + CalendarWindow.dayMilliseconds)
        case .month:
            let month = CalendarWindow.month(ofDay: floorDivide(milliseconds, CalendarWindow.dayMilliseconds))
            return (
                CalendarWindow.firstDay(ofMonth: month) * CalendarWindow.dayMilliseconds,
                CalendarWindow.firstDay(ofMonth: month + 1) * CalendarWindow.dayMilliseconds
            )
        }
    }

    private static let dayMilliseconds: Int64 = 86_400_000

    /// Months since year 0 of a day since 1970. Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days:
    /// eras of 400 years that begin on 1 March, so that the leap day comes last.
    private static func month(ofDay day: Int64) -> Int64 {
        let shifted = day + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        return (yearOfEra + era * 400) * 12 + monthFromMarch + 2
    }

    /// The first day, since 1970, of a month counted since year 0: days_from_civil of the same source.
    private static func firstDay(ofMonth month: Int64) -> Int64 {
        let fromMarch = month - 2
        let year = floorDivide(fromMarch, 12)
        let era = floorDivide(year, 400)
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (fromMarch - year * 12) + 2) / 5
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
