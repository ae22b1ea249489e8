public import GatewayModel

/// HMAC-SHA-256 (RFC 2104, FIPS 198-1) under one key: the two padded key blocks are hashed once, each code costs two short hashes.
public struct HMACSHA256: Sendable {
    private let inner: SHA256
    private let outer: SHA256

    /// Prepares the key schedule. A key of any length is accepted; one longer than 64 bytes counts as its digest.
    public init(key: Span<UInt8>) {
        var block: [UInt8] = []
        block.reserveCapacity(Self.blockBytes)
        if key.count > Self.blockBytes {
            SHA256.digest(of: key).append(to: &block)
        } else {
            for index in key.indices { block.append(key[index]) }
        }
        while block.count < Self.blockBytes { block.append(0) }
        inner = Self.started(with: block, pad: 0x36)
        outer = Self.started(with: block, pad: 0x5C)
    }

    /// The code of one message.
    public func authenticationCode(for bytes: Span<UInt8>) -> Digest256 {
        var hash = inner
        hash.update(bytes)
        let digest = hash.finalize()
        var words = (digest.words.0.bigEndian, digest.words.1.bigEndian, digest.words.2.bigEndian, digest.words.3.bigEndian)
        var code = outer
        withUnsafeBytes(of: &words) { raw in
            raw.withMemoryRebound(to: UInt8.self) { code.update($0.span) }
        }
        return code.finalize()
    }

    private static let blockBytes = 64

    private static func started(with block: [UInt8], pad: UInt8) -> SHA256 {
        var padded = block
        for index in padded.indices { padded[index] ^= pad }
        var hash = SHA256()
        hash.update(padded.span)
        return hash
    }
}
