// Stand-in until the real module arrives.
import CCrypto
import CXXHash
import GatewayModel

/// XXH3-64 of the bytes.
public func xxh3(_ bytes: Span<UInt8>, seed: UInt64 = 0) -> UInt64 {
    bytes.withUnsafeBufferPointer { XXH3_64bits_withSeed($0.baseAddress, $0.count, seed) }
}

/// SHA-256.
public struct SHA256 {
    private var buffered: [UInt8] = []

    /// Starts a digest.
    public init() {}

    /// Adds bytes.
    public mutating func update(_ bytes: Span<UInt8>) {
        for index in 0..<bytes.count { buffered.append(bytes[index]) }
    }

    /// The digest of everything added.
    public mutating func finalize() -> Digest256 { SHA256.digest(of: buffered.span) }

    /// The digest of the bytes.
    public static func digest(of bytes: Span<UInt8>) -> Digest256 {
        var output = [UInt8](repeating: 0, count: 32)
        bytes.withUnsafeBufferPointer { input in
            _ = EVP_Digest(input.baseAddress, input.count, &output, nil, EVP_sha256(), nil)
        }
        return Digest256(bytes: output.span) ?? Digest256(words: (0, 0, 0, 0))
    }
}
