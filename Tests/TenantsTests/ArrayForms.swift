import GatewayModel
import JSON

@testable import Tenants

// `#expect` can't hold a `Span`, so the tests call by arrays.

extension GlobPattern {
    func matches(_ bytes: [UInt8]) -> Bool { matches(bytes.span) }
}

extension KeyFormat {
    static func key(from bytes: [UInt8]) -> String? { key(from: bytes.span) }
    static func id(from bytes: [UInt8]) -> String? { id(from: bytes.span) }
    static func isWellFormed(_ bytes: [UInt8]) -> Bool { isWellFormed(bytes.span) }
}

extension KeyTable {
    func authenticate(_ presented: [UInt8], address: IPAddress? = nil, now: WallTime = .test) -> Result<KeyIdentity, AuthenticationFailure>
    {
        authenticate(presented: presented.span, address: address, now: now)
    }

    func authenticate(_ presented: String, address: IPAddress? = nil, now: WallTime = .test) -> Result<KeyIdentity, AuthenticationFailure> {
        authenticate(bytes(presented), address: address, now: now)
    }

    func permits(
        _ identity: KeyIdentity, model: String = "", provider: String = "openai", path: String = "/v1/x", isPathGranted: Bool = true
    )
        -> GatewayError?
    {
        let (model, provider, path) = (bytes(model), bytes(provider), bytes(path))
        return permits(identity, model: model.span, provider: provider.span, path: path.span, isPathGranted: isPathGranted)
    }
}

extension KeyRecordCodec {
    static func decode(name: [UInt8], value: [UInt8]) throws(KeyRecordError) -> KeyRecord { try decode(name: name.span, value: value.span) }
}

extension Result {
    /// The failure, or `nil`.
    var failure: Failure? {
        if case .failure(let error) = self { return error }
        return nil
    }

    /// The value, or `nil`.
    var value: Success? { try? get() }
}

extension WallTime {
    /// A moment in 2027.
    static let test = WallTime(milliseconds: 1_800_000_000_000)
}

/// The bytes of a text.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

extension LimitSet {
    /// Reads limits from JSON text.
    init(_ json: String, allowsMetadata: Bool = true) throws {
        let raw = bytes(json)
        try self.init(json: try JSONValue(parsing: raw.span), allowsMetadata: allowsMetadata)
    }
}

extension SpendingRecord {
    static func decode(name: [UInt8], value: [UInt8]) -> [UInt8]? { decode(name: name.span, value: value.span) }
}
