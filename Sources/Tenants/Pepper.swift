import GatewayModel
public import Hashing

/// The secret that keys are hashed with, kept beside the store and not in it: a copy of the store alone can't be used to test keys.
public struct Pepper: Sendable {
    /// The file's name in the data directory.
    public static let fileName = "keys.pepper"
    private static let byteCount = 32

    /// HMAC-SHA-256 keyed with the pepper.
    public let authenticator: HMACSHA256

    /// Makes a pepper of given bytes, for tests and for `open`.
    public init(bytes: [UInt8]) { authenticator = HMACSHA256(key: bytes.span) }

    /// The pepper in the folder; `nil` when there is none. Throws when it is malformed or others may read it.
    static func existing(in folder: String) throws(PrivateFileError) -> Pepper? {
        let path = folder + "/" + fileName
        guard let bytes = try PrivateFile.read(path) else { return nil }
        guard bytes.count == byteCount else { throw PrivateFileError("\(path) does not hold \(byteCount) bytes; restore it from a backup") }
        return Pepper(bytes: bytes)
    }

    /// Makes a random pepper in the folder.
    static func create(in folder: String) throws -> Pepper {
        let bytes = try SecureRandom.bytes(byteCount)
        try PrivateFile.create(folder + "/" + fileName, bytes)
        return Pepper(bytes: bytes)
    }

    /// The verifier of a key.
    public func verifier(of key: String) -> KeyVerifier { .hmac(authenticator.authenticationCode(for: Array(key.utf8).span)) }

    /// What shows that a store's keys were hashed with this pepper.
    var check: Digest256 {
        let text = KeyRecord.pepperCheckText
        return authenticator.authenticationCode(for: text.span)
    }
}
