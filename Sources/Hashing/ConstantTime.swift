internal import CCrypto
public import GatewayModel

/// Whether two digests are equal, in time that does not depend on where they differ.
public func constantTimeEqual(_ left: Digest256, _ right: Digest256) -> Bool {
    let difference =
        (left.words.0 ^ right.words.0) | (left.words.1 ^ right.words.1) | (left.words.2 ^ right.words.2) | (left.words.3 ^ right.words.3)
    return difference == 0
}

/// Whether two byte strings are equal, in time that depends on their lengths only.
public func constantTimeEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    guard left.count > 0 else { return true }
    return left.withUnsafeBufferPointer { first in
        right.withUnsafeBufferPointer { second in
            CRYPTO_memcmp(first.baseAddress, second.baseAddress, first.count) == 0
        }
    }
}
