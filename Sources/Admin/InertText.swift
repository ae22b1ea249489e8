/// Text from outside for a terminal or a file that ends in one: what would move the cursor, change colours or turn the direction of writing is
/// shown as its number.
public enum InertText {
    /// The text with every control character, invisible format character and line or paragraph separator as `\u{1B}`.
    public static func of(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isActive) else { return text }
        var inert = ""
        for scalar in text.unicodeScalars {
            if isActive(scalar) {
                inert += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            } else {
                inert.unicodeScalars.append(scalar)
            }
        }
        return inert
    }

    /// Whether a terminal would obey the character, or show it as nothing.
    public static func isActive(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20..<0x7F: return false
        case 0..<0x20, 0x7F..<0xA0: return true
        default: break
        }
        switch scalar.properties.generalCategory {
        // The joiner that holds an emoji together is a format character too, and harmless.
        case .format: return scalar.value != 0x200D
        case .control, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: return true
        default: return false
        }
    }
}
