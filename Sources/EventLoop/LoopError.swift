import CUV

/// A refused or failed operation of the event loop or of one of its sockets: which operation, and libuv's (negated errno) code.
///
/// It carries no payload and no address, so its text may go to a log as it is.
public struct LoopError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The operation that failed, as libuv names it (`bind`, `listen`, `read`, `write`, …).
    public let operation: String
    /// libuv's code: a negated errno, such as `-ECONNRESET`, or one of libuv's own.
    public let code: Int32

    /// Names a failure.
    public init(operation: String, code: Int32) {
        self.operation = operation
        self.code = code
    }

    /// The output queue of a connection would have grown beyond its limit.
    public static let outputLimit = LoopError(operation: "queue", code: UV_ENOBUFS.rawValue)

    /// Whether the peer is gone: it reset the connection, or we wrote to one it had closed.
    public var isPeerGone: Bool {
        code == UV_ECONNRESET.rawValue || code == UV_EPIPE.rawValue || code == UV_ETIMEDOUT.rawValue || code == UV_ECONNABORTED.rawValue
    }

    /// Whether the address is already bound by somebody else.
    public var isAddressInUse: Bool { code == UV_EADDRINUSE.rawValue }

    /// Whether the process or the machine is out of file descriptors.
    public var isOutOfFileDescriptors: Bool { code == UV_EMFILE.rawValue || code == UV_ENFILE.rawValue }

    /// Operation, symbolic code and libuv's sentence: `bind: EADDRINUSE (address already in use)`.
    public var description: String {
        var name = [CChar](repeating: 0, count: 128)
        var sentence = [CChar](repeating: 0, count: 256)
        uv_err_name_r(code, &name, name.count)
        uv_strerror_r(code, &sentence, sentence.count)
        return operation + ": " + Self.text(name) + " (" + Self.text(sentence) + ")"
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Throws unless libuv's result is a success.
    @inline(__always)
    static func check(_ code: Int32, _ operation: StaticString) throws(LoopError) {
        if code < 0 { throw LoopError(operation: operation.description, code: code) }
    }
}
