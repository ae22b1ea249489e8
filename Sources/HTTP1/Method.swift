/// The request methods that the gateway serves. `CONNECT` and `TRACE` are refused with 405, anything else with 400.
public enum Method: UInt8, Sendable, CaseIterable {
    case get, post, put, patch, delete, head, options

    /// The method as it stands in a request line.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .head: "HEAD"
        case .options: "OPTIONS"
        }
    }

    /// Bytes of the longest method we know, served or not; a longer word can't be one.
    static let bytesMax = 7

    /// The method of a word packed big-endian into an integer, as `ByteClass` reads it.
    ///
    /// - Throws: the refusal that fits: 405 for methods a gateway must not serve, 505 for HTTP/2's preface, 400 for the rest.
    init(packed word: UInt64) throws(HTTPRefusal) {
        switch word {
        case 0x47_4554: self = .get
        case 0x504F_5354: self = .post
        case 0x50_5554: self = .put
        case 0x50_4154_4348: self = .patch
        case 0x4445_4C45_5445: self = .delete
        case 0x4845_4144: self = .head
        case 0x4F_5054_494F_4E53: self = .options
        case 0x43_4F4E_4E45_4354, 0x54_5241_4345: throw .methodNotAllowed  // CONNECT, TRACE
        case 0x50_5249: throw .unsupportedVersion  // PRI, the first word of HTTP/2's preface
        default: throw .unknownMethod
        }
    }
}
