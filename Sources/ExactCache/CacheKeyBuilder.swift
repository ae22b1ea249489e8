// The name of a cache entry. Everything that may change an answer, or whose answer it is, goes into one length-prefixed list whose SHA-256
// decides everywhere: entry, flight, pending write, purge. Each part is a tag, a length and the bytes, so that no two different lists have
// the same bytes ("a"+"bc" is not "ab"+"c").

import GatewayModel
import Hashing

/// Whose credential the upstream would be asked with; answers under different ones are different entries.
public enum CacheCredential: Sendable, Equatable {
    /// The operator's own key for the provider.
    case configured
    /// The client's own key: its keyed hash, never the key.
    case client(Digest256)
}

/// What the entry belongs to besides its request.
public enum CacheSubject: Sendable, Equatable {
    /// `cache_by: target`: the provider and model that would be asked now.
    case target(Target)
    /// `cache_by: route`: the route's name, whichever target answers.
    case route(String)
}

/// Builds cache keys; one per event loop, reused, so that a key costs no allocation after the first.
public struct CacheKeyBuilder {
    /// The version of the list's format. A change makes every old entry unreachable.
    public static let formatVersion: UInt8 = 1

    private enum Tag: UInt8 {
        case version = 1
        case scopeKind, scopeID, salt, configured, clientCredential, provider, model, route, revision, operation
        case queryName, queryValue, fieldName, fieldValue, namespace, customKey, body
    }

    private var list: [UInt8] = []

    /// Makes a builder.
    public init() { list.reserveCapacity(512) }

    /// Begins a key with what is known before the request's details. Forgets an unfinished one.
    public mutating func begin(
        scope: CacheScope, credential: CacheCredential, subject: CacheSubject, routeRevision: UInt64, operation: Operation
    ) {
        list.removeAll(keepingCapacity: true)
        add(.version, byte: Self.formatVersion)
        add(.scopeKind, byte: scope.name.kind.rawValue)
        add(.scopeID, scope.name.id)
        add(.salt, scope.salt)
        switch credential {
        case .configured: add(.configured, byte: 0)
        case .client(let hash): add(.clientCredential, hash)
        }
        switch subject {
        case .target(let target):
            add(.provider, target.provider)
            add(.model, target.model)
        case .route(let name): add(.route, name)
        }
        header(.revision, count: 8)
        for shift in stride(from: 56, through: 0, by: -8) { list.append(UInt8(truncatingIfNeeded: routeRevision >> UInt64(shift))) }
        add(.operation, byte: operation.rawValue)
    }

    /// Adds a query field that changes the answer. Their order matters, so callers use the order of their own list.
    public mutating func addQuery(name: Span<UInt8>, value: Span<UInt8>) {
        add(.queryName, name)
        add(.queryValue, value)
    }

    /// Adds a header field that changes the answer (`anthropic-version`, `anthropic-beta`, …), in the order of the caller's own list.
    public mutating func addField(_ name: FieldName, value: Span<UInt8>) {
        add(.fieldName, name.name)
        add(.fieldValue, value)
    }

    /// Ends a key whose last part is the canonical body.
    public mutating func finish(namespace: Span<UInt8>, body: Digest256) -> Digest256 {
        add(.namespace, namespace)
        add(.body, body)
        return SHA256.digest(of: list.span)
    }

    /// Ends a key in which the client's own `cf-aig-cache-key` stands in place of the body.
    public mutating func finish(namespace: Span<UInt8>, customKey: Span<UInt8>) -> Digest256 {
        add(.namespace, namespace)
        add(.customKey, customKey)
        return SHA256.digest(of: list.span)
    }

    /// The bytes hashed so far: for tests of the format.
    var encoded: [UInt8] { list }

    private mutating func header(_ tag: Tag, count: Int) {
        list.append(tag.rawValue)
        let length = UInt32(clamping: count)
        for shift: UInt32 in [24, 16, 8, 0] { list.append(UInt8(truncatingIfNeeded: length >> shift)) }
    }

    private mutating func add(_ tag: Tag, byte: UInt8) {
        header(tag, count: 1)
        list.append(byte)
    }

    private mutating func add(_ tag: Tag, _ text: String) {
        header(tag, count: text.utf8.count)
        list.append(contentsOf: text.utf8)
    }

    private mutating func add(_ tag: Tag, _ digest: Digest256) {
        header(tag, count: 32)
        digest.withBytes { bytes in list.append(span: bytes) }
    }

    private mutating func add(_ tag: Tag, _ bytes: Span<UInt8>) {
        header(tag, count: bytes.count)
        list.append(span: bytes)
    }
}

extension Digest256 {
    /// Hands the 32 bytes to `body` without an allocation.
    @inlinable
    func withBytes<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        let ordered = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
        return try withUnsafeBytes(of: ordered) { raw throws(E) in
            try body(raw.assumingMemoryBound(to: UInt8.self).span)
        }
    }

    /// Whether the 32 bytes at `offset` are this digest. `offset + 32` must be within `bytes`.
    @inlinable
    func equals(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) == words.0
            && UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self)) == words.1
            && UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset &+ 16, as: UInt64.self)) == words.2
            && UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset &+ 24, as: UInt64.self)) == words.3
    }
}

extension Array where Element == UInt8 {
    /// Appends the bytes of a number, least significant first.
    mutating func append<Number: FixedWidthInteger>(littleEndian number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
