import GatewayModel

/// Takes secrets and personal data out of bytes.
public struct Redactor: Sendable {
    /// Nothing to look for.
    public init() {}

    func redact(_ bytes: Span<UInt8>, isCut: Bool) -> [UInt8]? { Array(span: bytes) }
}
