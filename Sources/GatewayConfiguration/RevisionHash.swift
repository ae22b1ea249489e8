import GatewayModel
import Hashing
import Providers

/// Hashes texts, each behind its length, to a 64-bit revision: the same content gives the same number in every run and release.
struct RevisionHash {
    private var hash = SHA256()

    mutating func add(_ text: String) {
        let bytes = Array(text.utf8)
        add(UInt64(bytes.count))
        hash.update(bytes.span)
    }

    mutating func add(_ number: UInt64) {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) }
        hash.update(bytes.span)
    }

    /// The first 64 bits of SHA-256 over everything added.
    var value: UInt64 {
        var copy = hash
        return copy.finalize().words.0
    }

    /// The revision of a provider: where it is and what it speaks. A provider moved elsewhere answers from an empty cache.
    static func revision(of definition: ProviderDefinition) -> UInt64 {
        var hash = RevisionHash()
        hash.add(definition.name)
        for base in definition.bases {
            hash.add(base.dialect.name)
            hash.add(base.url)
        }
        for mount in definition.native {
            hash.add(mount.path)
            hash.add(mount.url)
        }
        for (name, values) in definition.parameters.sorted(by: { $0.key < $1.key }) {
            hash.add(name)
            for value in values { hash.add(value) }
        }
        return hash.value
    }
}
