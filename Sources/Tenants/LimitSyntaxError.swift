/// Why a limit was refused, and where in its text it stands. Never holds anything but what the operator wrote.
public struct LimitSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One step from a value to a part of it.
    public enum Step: Sendable, Equatable {
        /// Into the member of that name.
        case member(String)
        /// To the item at that position of a list, from 0.
        case item(Int)
    }

    /// The way from the whole set to the part at fault; empty: the set itself.
    public let steps: [Step]
    /// One clause: what is wrong and what is allowed.
    public let message: String

    /// Makes an error.
    public init(_ steps: [Step], _ message: String) {
        self.steps = steps
        self.message = message
    }

    /// The place as people read it, such as `budgets[0].per`; empty: the set itself.
    public var path: String {
        var path = ""
        for step in steps {
            switch step {
            case .member(let name): path += (path.isEmpty ? "" : ".") + printable(name)
            case .item(let index): path += "[\(index)]"
            }
        }
        return path
    }

    /// `path: message`.
    public var description: String { path.isEmpty ? message : "\(path): \(message)" }
}
