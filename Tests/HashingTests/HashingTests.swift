import GatewayModel
import Hashing
import Testing

// The testing macros cannot carry a Span across their expansion, so the calls go through arrays.
private func sha256(_ bytes: [UInt8]) -> Digest256 { SHA256.digest(of: bytes.span) }
private func sha256(_ text: String) -> Digest256 { sha256(Array(text.utf8)) }
private func code(_ key: [UInt8], _ message: [UInt8]) -> Digest256 { HMACSHA256(key: key.span).authenticationCode(for: message.span) }
private func xxh(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 { xxh3(bytes.span, seed: seed) }
private func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool { constantTimeEqual(left.span, right.span) }

/// Vectors: FIPS 180-4 examples (NIST CSRC), RFC 4231, and xxHash's own sanity table.
@Suite struct HashingTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 differs from the standard's examples`(message: String, digest: String) {
        #expect(sha256(message).hex == digest)
    }

    @Test func `SHA-256 of a million bytes fed in uneven pieces differs from the standard's`() {
        let message = [UInt8](repeating: 0x61, count: 1_000_000)
        var hash = SHA256()
        var position = 0
        var step = 1
        while position < message.count {
            let end = min(position + step, message.count)
            hash.update(message.span.extracting(position..<end))
            position = end
            step = step * 3 % 4099 + 1
        }
        #expect(hash.finalize().hex == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test func `a copied hash state disturbs the one it came from`() {
        var first = SHA256()
        first.update(Array("ab".utf8).span)
        var second = first
        second.update(Array("x".utf8).span)
        first.update(Array("c".utf8).span)
        #expect(first.finalize() == sha256("abc"))
        #expect(second.finalize() == sha256("abx"))
    }

    @Test(arguments: [
        (
            [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func `HMAC-SHA-256 differs from RFC 4231`(key: [UInt8], message: [UInt8], expected: String) {
        let hmac = HMACSHA256(key: key.span)
        let (first, second) = (hmac.authenticationCode(for: message.span), hmac.authenticationCode(for: message.span))
        #expect(first.hex == expected)
        #expect(second.hex == expected, "a second use of one key schedule")
    }

    @Test func `HMAC keys at the block size and one past it are padded alike`() {
        let long = [UInt8](repeating: 0x42, count: 65)
        let message = Array("m".utf8)
        #expect(code(long, message) == code(sha256(long).bytes, message))
        let block = [UInt8](repeating: 0x42, count: 64)
        #expect(code(block, message) != code(sha256(block).bytes, message))
    }

    @Test func `XXH3 differs from the published values`() {
        #expect(xxh([]) == 0x2D06_8005_38D3_94C2)
        let empty = xxh3_128([UInt8]().span)
        #expect(empty.low == 0x6001_C324_468D_497F && empty.high == 0x99AA_06D3_0147_98D8)
        let text = Array("The quick brown fox jumps over the lazy dog".utf8)
        #expect(xxh(text) == 0xCE7D_19A5_418F_B365)
        #expect(xxh(text, seed: 1) != xxh(text))
    }

    @Test func `comparison in constant time misses a differing bit`() throws {
        let bytes = try SecureRandom.bytes(32)
        for index in 0..<256 {
            var other = bytes
            other[index / 8] ^= 1 << UInt8(index % 8)
            let (left, right) = (Digest256(bytes: bytes.span), Digest256(bytes: other.span))
            #expect(try !constantTimeEqual(#require(left), #require(right)))
            #expect(try constantTimeEqual(#require(left), #require(left)))
            #expect(!isEqual(bytes, other))
        }
        #expect(isEqual(bytes, bytes))
        #expect(!isEqual(bytes, Array(bytes.dropLast())))
        #expect(isEqual([], []))
    }

    @Test func `random bytes repeat or come short`() throws {
        #expect(try SecureRandom.bytes(0).isEmpty)
        let first = try SecureRandom.bytes(33)
        #expect(first.count == 33)
        #expect(try SecureRandom.bytes(33) != first)
        #expect(try SecureRandom.word() != SecureRandom.word())
    }
}
