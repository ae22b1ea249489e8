// The numbers of the grammar of limits. Money is read from its decimal text into nano-USD by integer arithmetic: no Double is anywhere near a
// budget. Nothing here traps, whatever the text.

/// Reads and writes amounts of limits: whole numbers, USD and periods.
public enum LimitAmount {
    /// Why a text is no amount.
    public enum Problem: Error, Sendable, Equatable {
        /// It is not written as one.
        case malformed
        /// It is larger than an Int64 of the unit.
        case tooLarge
        /// It has more decimals than its unit can hold.
        case tooFine
    }

    /// A whole number of up to 19 digits; underscores may group them.
    public static func count(_ text: String) throws(Problem) -> Int64 { try decimal(text, decimals: 0) }

    /// USD with up to 9 decimals, such as `5` or `0.25`, in nano-USD.
    public static func nanoUSD(_ text: String) throws(Problem) -> Int64 { try decimal(text, decimals: 9) }

    /// A number times 10 to the power of `decimals`. Digits, perhaps grouped by underscores, one point with digits on both sides, and for money
    /// an exponent, as many JSON writers put small numbers: `5e-05`.
    private static func decimal(_ whole: String, decimals: Int) throws(Problem) -> Int64 {
        var text = whole
        var exponent = 0
        if decimals > 0, let mark = whole.utf8.firstIndex(where: { $0 | 0x20 == 0x65 }) {
            guard let power = Int(whole[whole.utf8.index(after: mark)...]), (-18...18).contains(power) else { throw .malformed }
            exponent = power
            text = String(whole[..<mark])
        }
        var digits: [UInt8] = []
        var fractionCount: Int?
        var last: UInt8 = 0
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39:
                digits.append(byte - 0x30)
                fractionCount = fractionCount.map { $0 + 1 }
            case 0x2E where isDigit(last) && fractionCount == nil: fractionCount = 0
            case 0x5F where isDigit(last) && fractionCount == nil: break
            default: throw .malformed
            }
            last = byte
        }
        guard isDigit(last), digits.count <= 64, decimals > 0 || fractionCount == nil else { throw .malformed }
        var missing = decimals - (fractionCount ?? 0) + exponent
        while missing < 0, digits.last == 0 {
            digits.removeLast()
            missing += 1
        }
        guard missing >= 0 else { throw .tooFine }
        return try value(of: digits + [UInt8](repeating: 0, count: missing))
    }

    private static func value(of digits: [UInt8]) throws(Problem) -> Int64 {
        var value: Int64 = 0
        for digit in digits {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(digit))
            guard !overflow, !carry else { throw .tooLarge }
            value = sum
        }
        return value
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// Nano-USD as the shortest decimal text of USD, such as `0.25`; negative ones with a minus sign.
    public static func usdText(nanoUSD: Int64) -> String {
        let (whole, rest) = nanoUSD.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        let sign = nanoUSD < 0 ? "-" : ""
        guard rest > 0 else { return "\(sign)\(whole)" }
        let digits = String(rest)
        var fraction = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(sign)\(whole).\(fraction)"
    }

    /// A period such as `30s`, `1m`, `24h`, `30d` or `2w` in seconds; a unit alone means one of it.
    public static func seconds(_ text: String) throws(Problem) -> Int64 {
        let unit: Int64
        switch text.utf8.last {
        case 0x73: unit = 1
        case 0x6D: unit = 60
        case 0x68: unit = 3600
        case 0x64: unit = 86_400
        case 0x77: unit = 7 * 86_400
        default: throw .malformed
        }
        if text.utf8.count == 1 { return unit }
        let (seconds, overflow) = try count(String(text.dropLast())).multipliedReportingOverflow(by: unit)
        guard !overflow else { throw .tooLarge }
        return seconds
    }

    /// Seconds in the largest unit, up to days, that they are a whole number of.
    public static func periodText(seconds: Int64) -> String {
        for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "m")] as [(Int64, String)] where seconds > 0 && seconds % unit == 0 {
            return "\(seconds / unit)\(name)"
        }
        return "\(seconds)s"
    }
}
