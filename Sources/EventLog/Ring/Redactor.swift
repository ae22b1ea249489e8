import GatewayModel

/// Takes secrets and personal data out of bytes.
public struct Redactor: Sendable {
    /// Nothing to look for.
    public init() {}
}
