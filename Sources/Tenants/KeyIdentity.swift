import GatewayModel

/// Who a request is: a key and its tenant as indexes into the `KeyTable` that gave it. Valid with that table only.
public struct KeyIdentity: Hashable, Sendable {
    /// The position in `KeyTable.keys`.
    public let key: UInt32
    /// The tenant, whose index stays the same over all tables of one process.
    public let tenant: TenantIndex

    /// Makes an identity.
    @inlinable public init(key: UInt32, tenant: TenantIndex) {
        self.key = key
        self.tenant = tenant
    }
}
