/// The names operators give to tenants, keys, shares, routes and metadata: they appear in paths, headers, labels and store keys, so one
/// narrow alphabet serves all of them.
public enum Identifier {
    /// The longest tenant, share or route name, in bytes.
    public static let bytesMax = 64

    /// Whether `text` is 1 to `bytesMax` of ASCII letters, digits, `.`, `_` and `-`, the first a letter or a digit.
    public static func isName(_ text: String, bytesMax: Int = Identifier.bytesMax) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= bytesMax, isAlphanumeric(first) else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x2D }
    }

    /// The rule as a clause for messages.
    public static func rule(bytesMax: Int = Identifier.bytesMax) -> String {
        "1 to \(bytesMax) letters, digits, '.', '_' or '-', beginning with a letter or a digit"
    }

    private static func isAlphanumeric(_ unit: UInt8) -> Bool {
        switch unit {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}
