internal import CCrypto
public import GatewayModel

/// SHA-256 (FIPS 180-4), incrementally. A plain value: a copy continues independently from the same state.
///
/// Runs libcrypto's low-level code, which uses the CPU's SHA instructions where there are some; no allocation, no algorithm look-up.
public struct SHA256: Sendable {
    private var context: SHA256_CTX

    /// Starts an empty message.
    public init() {
        context = SHA256_CTX()
        weir_sha256_init(&context)
    }

    /// Appends bytes to the message. Long runs are cheapest: each call costs some nanoseconds besides the blocks it completes.
    public mutating func update(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { weir_sha256_update(&context, $0.baseAddress, $0.count) }
    }

    /// Ends the message and returns its digest. The value must not be used again afterwards, except by assigning a new one.
    public mutating func finalize() -> Digest256 {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { raw in
            // The tuple is 32 bytes by construction; the address of a non-empty buffer is never nil.
            guard let base = raw.baseAddress else { return }
            weir_sha256_final(base.assumingMemoryBound(to: UInt8.self), &context)
        }
        return Digest256(words: (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian))
    }

    /// The digest of one message held in memory.
    public static func digest(of bytes: Span<UInt8>) -> Digest256 {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }
}
