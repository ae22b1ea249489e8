#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// One member of an object that is open: its key for duplicate detection and order, its place in the canonical form and in the body.
struct MemberRecord: BitwiseCopyable {
    /// The first eight bytes of the decoded key, big-endian, zeros after its end: decides most comparisons.
    var prefix: UInt64
    /// Where the decoded key stands in the canonical bytes, and its length.
    var keyStart: Int
    var keyLength: Int
    /// The member in the canonical form, key included. `end` is set when the value was scanned.
    var start: CanonicalMark
    var end: CanonicalMark
    /// The key's opening quote in the body.
    var offset: Int
    /// Which digests leave it out.
    var exclusion = Exclusion.none

    /// From every digest; from the digests of an embeddings request's rest; from the digests without hints.
    enum Exclusion: UInt8, BitwiseCopyable { case none, body, rest, hints }

    /// Whether two keys are the same, their bytes being those of `canonical`.
    @inline(__always)
    func hasSameKey(as other: MemberRecord, in canonical: UnsafePointer<UInt8>) -> Bool {
        prefix == other.prefix && keyLength == other.keyLength && (keyLength <= 8 || compareKey(to: other, in: canonical) == 0)
    }

    /// The canonical order: by length, then by bytes.
    @inline(__always)
    func precedes(_ other: MemberRecord, in canonical: UnsafePointer<UInt8>) -> Bool {
        if keyLength != other.keyLength { return keyLength < other.keyLength }
        if prefix != other.prefix { return prefix < other.prefix }
        return keyLength > 8 && compareKey(to: other, in: canonical) < 0
    }

    /// `memcmp` of two keys of one length.
    private func compareKey(to other: MemberRecord, in canonical: UnsafePointer<UInt8>) -> Int32 {
        memcmp(canonical + keyStart, canonical + other.keyStart, keyLength)
    }
}
