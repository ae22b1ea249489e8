// Every request passes here first. A table is built whole by the control thread and handed to each loop; nothing in it changes afterwards,
// so a look-up takes no lock, and the old table lives as long as a request still holds it. The look-up goes by the full hash of the key:
// where in the table it probes depends on bits that nobody without the pepper can predict, and the final comparison takes constant time.

public import GatewayModel
public import Hashing

/// All keys and tenants at one moment. Immutable; shared by all loops.
public final class KeyTable: Sendable {
    /// What a table is made of.
    public struct Contents: Sendable {
        /// The tenants, ids unique.
        public var tenants: [Tenant]
        /// The keys. Those of unknown tenants are left out of the table.
        public var keys: [VirtualKey]
        /// The random salts by scope name.
        public var salts: [String: Digest256]
        /// The shares; a tenant is in one at most.
        public var shares: [CacheShare]
        /// Whether the store could be read. Without it an unknown key is answered 503, for it might be a good one.
        public var isComplete: Bool

        /// Makes contents.
        public init(
            tenants: [Tenant] = [], keys: [VirtualKey] = [], salts: [String: Digest256] = [:], shares: [CacheShare] = [],
            isComplete: Bool = true
        ) {
            self.tenants = tenants
            self.keys = keys
            self.salts = salts
            self.shares = shares
            self.isComplete = isComplete
        }
    }

    /// What a look-up needs of one secret, packed: 64 bytes.
    private struct Entry: Sendable {
        var digest: Digest256
        /// Milliseconds since the epoch from which on the secret no longer holds: expiry, or the end of a rotation's overlap.
        var end: Int64
        var key: UInt32
        var tenant: UInt32
        var isHMAC: Bool
        /// Whether `end` is a rotation's: the secret is then unknown afterwards, not expired.
        var isPrevious: Bool
        var isDisabled: Bool
        var isRevoked: Bool
        var isTenantDisabled: Bool
        var hasAddresses: Bool
    }

    /// The tenants by index. A tenant that is gone keeps its place, disabled, so that indexes held by running requests stay true.
    public let tenants: [Tenant]
    /// The cache scope of each tenant, by the same index.
    public let scopes: [CacheScope]
    /// The keys by `KeyIdentity.key`.
    public let keys: [VirtualKey]

    private let isComplete: Bool
    private let authenticator: HMACSHA256
    private let entries: [Entry]
    /// Open addressing over `entries`, a power of two of slots, at most half full. -1 is empty.
    private let slots: [Int32]
    private let hasPlainHashes: Bool
    private let tenantIndexes: [String: UInt32]
    private static let decoy = [UInt8](repeating: 0x41, count: KeyFormat.byteCount)

    /// Builds a table. `authenticator` is keyed with the pepper. Its indexes are its own: a tenant may have another in the next.
    public init(_ contents: Contents, authenticator: HMACSHA256) {
        var builder = KeyTableBuilder(contents, authenticator: authenticator)
        builder.placeTenants()
        tenants = builder.tenants
        scopes = builder.scopes
        tenantIndexes = builder.indexes
        isComplete = contents.isComplete
        self.authenticator = authenticator

        var keys: [VirtualKey] = []
        var entries: [Entry] = []
        keys.reserveCapacity(contents.keys.count)
        entries.reserveCapacity(contents.keys.count)
        for key in contents.keys {
            guard let tenant = builder.indexes[key.tenant] else { continue }
            KeyTable.append(key, at: UInt32(keys.count), tenant: tenant, isTenantDisabled: tenants[Int(tenant)].isDisabled, to: &entries)
            keys.append(key)
        }
        self.keys = keys
        slots = KeyTable.slots(of: entries)
        hasPlainHashes = entries.contains { !$0.isHMAC }
        self.entries = entries
    }

    /// Who presents this key, or why nobody does. Takes the same time for an unknown key, a malformed one and one of any length.
    ///
    /// Callable from any thread; allocates nothing. `address` is `nil` where it is not known, which no address list allows.
    public func authenticate(presented: Span<UInt8>, address: IPAddress?, now: WallTime) -> Result<KeyIdentity, AuthenticationFailure> {
        let found = find(presented)
        guard found >= 0 else { return .failure(presented.isEmpty ? .missingKey : isComplete ? .invalidKey : .storeUnavailable) }
        let entry = entries[found]
        if entry.isRevoked { return .failure(.keyRevoked) }
        if now.milliseconds >= entry.end { return .failure(entry.isPrevious ? .invalidKey : .keyExpired) }
        if entry.isDisabled { return .failure(.keyDisabled) }
        if entry.isTenantDisabled { return .failure(.tenantDisabled) }
        if entry.hasAddresses {
            guard let address, keys[Int(entry.key)].addresses.contains(address) else { return .failure(.addressNotAllowed) }
        }
        return .success(KeyIdentity(key: entry.key, tenant: TenantIndex(rawValue: entry.tenant)))
    }

    /// The index of a tenant, `nil` when there is none of that id.
    public func index(ofTenant id: String) -> TenantIndex? { tenantIndexes[id].map(TenantIndex.init(rawValue:)) }

    /// The number of tenants that exist, those gone not counted.
    public var tenantCount: Int { tenantIndexes.count }

    // MARK: Look-up

    /// The position of the entry, or -1.
    private func find(_ presented: Span<UInt8>) -> Int {
        // Text that can't be a key is replaced by one that is none, so that it takes as long; its own length never matters.
        guard KeyFormat.isWellFormed(presented) else {
            _ = lookUp(KeyTable.decoy.span)
            return -1
        }
        return lookUp(presented)
    }

    private func lookUp(_ key: Span<UInt8>) -> Int {
        let found = probe(authenticator.authenticationCode(for: key), isHMAC: true)
        if found >= 0 || !hasPlainHashes { return found }
        return probe(SHA256.digest(of: key), isHMAC: false)
    }

    private func probe(_ digest: Digest256, isHMAC: Bool) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: digest.words.0) & mask
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if entries[index].isHMAC == isHMAC, constantTimeEqual(entries[index].digest, digest) { return index }
            slot = (slot + 1) & mask
        }
        return -1
    }

    // MARK: Building

    private static func append(
        _ key: VirtualKey, at index: UInt32, tenant: UInt32, isTenantDisabled: Bool, to entries: inout [Entry]
    ) {
        var entry = Entry(
            digest: key.verifier.digest, end: key.expires?.milliseconds ?? .max, key: index, tenant: tenant, isHMAC: key.verifier.isHMAC,
            isPrevious: false, isDisabled: key.isDisabled, isRevoked: key.revoked != nil, isTenantDisabled: isTenantDisabled,
            hasAddresses: !key.addresses.isEmpty)
        entries.append(entry)
        guard let previous = key.previous else { return }
        entry.digest = previous.verifier.digest
        entry.isHMAC = previous.verifier.isHMAC
        if previous.until.milliseconds < entry.end {
            entry.end = previous.until.milliseconds
            entry.isPrevious = true
        }
        entries.append(entry)
    }

    private static func slots(of entries: [Entry]) -> [Int32] {
        var count = 16
        while count < entries.count * 2 { count *= 2 }
        var slots = [Int32](repeating: -1, count: count)
        for (index, entry) in entries.enumerated() {
            var slot = Int(truncatingIfNeeded: entry.digest.words.0) & (count - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (count - 1) }
            slots[slot] = Int32(index)
        }
        return slots
    }
}

extension KeyVerifier {
    /// Whether it is the keyed hash.
    var isHMAC: Bool {
        if case .hmac = self { return true }
        return false
    }
}
