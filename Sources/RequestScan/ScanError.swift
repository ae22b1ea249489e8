public import GatewayModel

/// Why a request body was refused, and the 0-based byte at which that was noticed. Never holds a byte of the body.
public enum ScanError: Error, Sendable, Equatable {
    /// No body, or only whitespace.
    case empty
    /// The body starts with a UTF-8 byte order mark.
    case byteOrderMark
    /// The body's value is not an object.
    case notAnObject(offset: Int)
    /// A byte that the grammar (RFC 8259) does not allow there.
    case syntax(offset: Int)
    /// The body ends inside a value.
    case truncated(offset: Int)
    /// Something other than whitespace follows the object.
    case trailingBytes(offset: Int)
    /// Containers nest deeper than `ScanLimits.depth`.
    case tooDeep(offset: Int)
    /// One object has more than `ScanLimits.membersPerObject` members, or all together more than `ScanLimits.members`.
    case tooManyMembers(offset: Int)
    /// An object names a member twice, escapes decoded: readers disagree on which one counts.
    case duplicateKey(offset: Int)
    /// Not UTF-8 (RFC 3629).
    case invalidUTF8(offset: Int)
    /// A `\u` escape names half of a surrogate pair.
    case loneSurrogate(offset: Int)
    /// A raw control byte inside a string.
    case controlByte(offset: Int)
    /// A number too large for a Double, such as `1e400`.
    case numberOutOfRange(offset: Int)
    /// A routing hint (`models`, `provider`) of a type or size that it can't have. `param` is its path, such as `provider.order[2]`, `problem`
    /// the end of a sentence about it; the offset is that of the whole hint.
    case invalidHint(param: String, problem: String, offset: Int)

    /// The stable `code` of the client's answer.
    public var code: String {
        switch self {
        case .empty, .byteOrderMark, .notAnObject, .syntax, .truncated, .trailingBytes, .controlByte: "invalid_json"
        case .tooDeep: "json_too_deep"
        case .tooManyMembers: "json_too_many_members"
        case .duplicateKey: "duplicate_key"
        case .invalidUTF8, .loneSurrogate: "invalid_utf8"
        case .numberOutOfRange: "number_out_of_range"
        case .invalidHint: "invalid_field"
        }
    }

    /// The 0-based byte at which the error was noticed.
    public var offset: Int {
        switch self {
        case .empty, .byteOrderMark: 0
        case .notAnObject(let offset), .syntax(let offset), .truncated(let offset), .trailingBytes(let offset), .tooDeep(let offset),
            .tooManyMembers(let offset), .duplicateKey(let offset), .invalidUTF8(let offset), .loneSurrogate(let offset),
            .controlByte(let offset), .numberOutOfRange(let offset), .invalidHint(_, _, let offset):
            offset
        }
    }

    /// The refusal as the client sees it: status 400.
    public var gatewayError: GatewayError {
        GatewayError(status: 400, code: code, message: "\(problem) (at byte \(offset) of the body).", param: param)
    }

    private var param: String? { if case .invalidHint(let param, _, _) = self { param } else { nil } }

    private var problem: String {
        switch self {
        case .empty: "The body is empty; send a JSON object"
        case .byteOrderMark: "The body starts with a byte order mark; send plain UTF-8"
        case .notAnObject: "The body must be a JSON object"
        case .syntax: "The body is not valid JSON"
        case .truncated: "The body ends in the middle of its JSON"
        case .trailingBytes: "The body goes on after its JSON object"
        case .tooDeep: "The body's JSON nests too deeply"
        case .tooManyMembers: "The body's JSON has too many object members"
        case .duplicateKey: "An object in the body has the same key twice; send each key once"
        case .invalidUTF8: "The body is not valid UTF-8"
        case .loneSurrogate: "A \\u escape in the body is half of a surrogate pair"
        case .controlByte: "A string in the body holds a raw control character; escape it"
        case .numberOutOfRange: "A number in the body is too large"
        case .invalidHint(let param, let problem, _): "'\(param)' \(problem)"
        }
    }
}
