import GatewayModel
import Storage

/// The salts of scopes, each 32 random bytes that are made at first use and survive a power cut before they are used.
final class ScopeSalts: Sendable {
    private let environment: StoreEnvironment
    private let database: StoreDatabase

    init(environment: StoreEnvironment) {
        self.environment = environment
        database = environment.database("ten")
    }

    func salt(for name: CacheScopeName) throws(StoreError) -> Digest256 {
        let key = name.storeKey
        let made = SystemRandomNumberGenerator.digest()
        let (salt, isNew) = try environment.write { transaction throws(StoreError) in
            let kept = try transaction.withValue(for: key.span, in: database) { Digest256(bytes: $0) }
            if let kept = kept.flatMap({ $0 }) { return (kept, false) }
            try transaction.put(made.bytes.span, for: key.span, in: database)
            return (made, true)
        }
        if isNew { try environment.synchronize() }
        return salt
    }

    func delete(_ name: CacheScopeName) throws(StoreError) {
        let key = name.storeKey
        try environment.write { transaction throws(StoreError) in _ = try transaction.delete(key.span, in: database) }
        try environment.synchronize()
    }
}

extension SystemRandomNumberGenerator {
    /// 32 bytes from the system's cryptographic source (`getrandom` on Linux).
    fileprivate static func digest() -> Digest256 {
        var generator = SystemRandomNumberGenerator()
        return Digest256(words: (generator.next(), generator.next(), generator.next(), generator.next()))
    }
}
