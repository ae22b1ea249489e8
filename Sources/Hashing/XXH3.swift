// XXH3 checks records, shards tables and memoises; it never decides whether two requests are the same: SHA-256 does.

internal import CXXHash

/// The 64-bit XXH3 of `bytes` under `seed` (xxHash 0.8 format, stable across platforms). Not safe against an adversary.
public func xxh3(_ bytes: Span<UInt8>, seed: UInt64 = 0) -> UInt64 {
    bytes.withUnsafeBufferPointer {
        seed == 0 ? XXH3_64bits($0.baseAddress, $0.count) : XXH3_64bits_withSeed($0.baseAddress, $0.count, seed)
    }
}

/// The 128-bit XXH3 of `bytes`, seed 0. Not safe against an adversary.
public func xxh3_128(_ bytes: Span<UInt8>) -> (low: UInt64, high: UInt64) {
    bytes.withUnsafeBufferPointer {
        let hash = XXH3_128bits($0.baseAddress, $0.count)
        return (hash.low64, hash.high64)
    }
}
