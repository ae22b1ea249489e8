internal import CCrypto

/// The random generator could not be seeded: nothing secret may be made now. Trouble of our own, never the caller's.
public struct SecureRandomError: Error, Sendable, Equatable {
    /// Makes the error.
    public init() {}
}

/// Random bytes for keys, salts and tokens, from libcrypto's generator (seeded by the kernel). Callable from any thread.
public enum SecureRandom {
    /// `count` random bytes. Throws when the generator has no entropy; a negative count is a programmer error.
    public static func bytes(_ count: Int) throws(SecureRandomError) -> [UInt8] {
        precondition(count >= 0)
        guard let length = Int32(exactly: count) else { throw SecureRandomError() }
        var filled = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            filled = count == 0 || RAND_bytes(buffer.baseAddress, length) == 1
            initialized = filled ? count : 0
        }
        guard filled else { throw SecureRandomError() }
        return bytes
    }

    /// 64 random bits. Throws when the generator has no entropy.
    public static func word() throws(SecureRandomError) -> UInt64 {
        var word: UInt64 = 0
        let filled = withUnsafeMutableBytes(of: &word) { raw in
            RAND_bytes(raw.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(clamping: raw.count)) == 1
        }
        guard filled else { throw SecureRandomError() }
        return word
    }
}
