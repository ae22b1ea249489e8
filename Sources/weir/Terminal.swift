import Admin
import Foundation
import JSON

/// What is known of standard output: whether people look at it, and whether they want colours.
enum Terminal {
    /// Whether standard output is a terminal.
    static let isInteractive = isatty(1) == 1

    /// Whether to colour: on a terminal that can, unless `NO_COLOR` is set (https://no-color.org).
    static let isColoured =
        isInteractive && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
        && ProcessInfo.processInfo.environment["TERM"] != "dumb"

    /// A colour of the terminal's own palette.
    enum Colour: Int {
        case red = 31
        case green = 32
        case yellow = 33
        case blue = 34
        case cyan = 36
        case grey = 90
    }

    /// The text in a colour, where there are colours. The text must be inert already.
    static func paint(_ text: String, _ colour: Colour?, isColoured: Bool = Terminal.isColoured) -> String {
        guard isColoured, let colour else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }

    /// JSON for standard output: as it is for a program; for people whatever a terminal would obey is escaped, which is the same JSON.
    static func json(_ value: JSONValue, isInteractive: Bool = Terminal.isInteractive) -> String {
        isInteractive ? escaped(jsonText(value)) : jsonText(value)
    }

    /// Escapes what the JSON writer leaves as it is because JSON does: DEL, C1 controls, direction marks.
    static func escaped(_ json: String) -> String {
        var escaped = ""
        for scalar in json.unicodeScalars {
            if InertText.isActive(scalar) {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    escaped += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
                }
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
