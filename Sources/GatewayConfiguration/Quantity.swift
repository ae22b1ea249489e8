// Numbers with units, as people write them: 500ms, 30s, 5m, 1h, 30d; 64KiB, 8GiB, 2MB. A number without a unit is in the table's unit.
// Parsing is exact integer arithmetic on the text, so nothing rounds and nothing traps.

/// A number and its unit, read from text.
enum Quantity {
    /// Why a text is no quantity.
    enum Problem: Error, Equatable {
        case malformed
        case tooLarge
        /// The value is no whole number of the parameter's unit.
        case notWhole
    }

    private static let durationUnits: [(suffix: String, milliseconds: Int)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]
    private static let sizeUnits: [(suffix: String, bytes: Int)] = [
        ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("kB", 1000), ("KB", 1000), ("MB", 1_000_000),
        ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ]

    /// A duration in units of `unitMilliseconds`; a plain number counts in that unit already.
    static func duration(_ text: String, unitMilliseconds: Int) throws(Problem) -> Int {
        let (number, suffix) = try split(text)
        if suffix.isEmpty { return number }
        guard let unit = durationUnits.first(where: { $0.suffix == suffix }) else { throw .malformed }
        let (total, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
        guard !overflow else { throw .tooLarge }
        guard total % unitMilliseconds == 0 else { throw .notWhole }
        return total / unitMilliseconds
    }

    /// A size in bytes.
    static func size(_ text: String) throws(Problem) -> Int {
        let (number, suffix) = try split(text)
        if suffix.isEmpty { return number }
        guard let unit = sizeUnits.first(where: { $0.suffix == suffix }) else { throw .malformed }
        let (total, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
        guard !overflow else { throw .tooLarge }
        return total
    }

    /// A whole number; a minus sign is read so that a message can speak of the minimum.
    static func count(_ text: String) throws(Problem) -> Int {
        let (number, suffix) = try split(text)
        guard suffix.isEmpty else { throw .malformed }
        return number
    }

    /// A decimal number such as `0.7`.
    static func number(_ text: String) throws(Problem) -> Double {
        let allowed = text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E || $0 == 0x2D }
        guard allowed, text.utf8.count <= 24, let value = Double(text), value.isFinite else { throw .malformed }
        return value
    }

    /// A share written as a percentage or as a decimal number: `1%` and `0.01` are the same number, to the last bit.
    static func share(_ text: String) throws(Problem) -> Double {
        guard text.hasSuffix("%") else { return try number(text) }
        var digits = text.dropLast()
        while digits.last == " " { digits.removeLast() }
        _ = try number(String(digits))
        // A decimal exponent instead of a division: what is rounded is the number meant, once.
        guard let value = Double(digits + "e-2") else { throw .malformed }
        return value
    }

    /// A share as people read it: `1%`, at most 4 decimals.
    static func percent(_ share: Double) -> String {
        let text = String((share * 1_000_000).rounded() / 10_000)
        return (text.hasSuffix(".0") ? String(text.dropLast(2)) : text) + "%"
    }

    private static func split(_ text: String) throws(Problem) -> (Int, String) {
        let isNegative = text.hasPrefix("-")
        let body = isNegative ? text.dropFirst() : text[...]
        // Underscores group digits, as YAML 1.1 allows.
        let digits = body.prefix { ("0"..."9").contains($0) || $0 == "_" }
        let plain = digits.filter { $0 != "_" }
        guard !plain.isEmpty, digits.first != "_", digits.last != "_" else { throw .malformed }
        guard let number = Int(plain) else { throw .tooLarge }
        let suffix = body[digits.endIndex...].drop { $0 == " " }
        return (isNegative ? -number : number, String(suffix))
    }
}
