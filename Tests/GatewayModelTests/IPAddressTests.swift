import GatewayModel
import Glibc
import TestSupport
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        "1.2.3", "127.1", "0177.0.0.1", "127.0.0.1.", "127.0.0.256", "1.2.3.4\0", "127.0.0.1\0.evil", "::1\0", "::g", "localhost",
        ".1.2.3", "1..2.3", " 127.0.0.1", "::ffff:1.2.3.256", "::1.2.3.4:1", "1:2:3:4:5:6:7:1.2.3.4", "1:", ":1", "1::2:", "::1.2.3.4::",
        "1:2:3:4:5:6:7:8::", "0000:0000:0000:0000:0000:ffff:255.255.255.2550", "00000::", "1234567.1.1.1", "é::1", "1.2.3.4.5", "256.1.1.1",
        "01.2.3.4", "1.2.3.4 ", "0x7f.0.0.1", "2130706433", "", ":", ":::", "1::2::3", "12345::", "g::",
        "::1%eth0", "[::1]", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1.2.3", "1.2.3.4::", "1:2:3:4:5:6:7::8", "+1.2.3.4", "1.2.3.-4",
    ])
    func `a sloppy spelling is no address`(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `reading and printing agree with the system's functions`() throws {
        var random = SplitMix64(seed: 11)
        for round in 0..<5000 {
            var raw = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
            // Runs of zeros are what the short form is about, and the mapped form is printed in its own way.
            for index in raw.indices where Int.random(in: 0..<3, using: &random) > 0 { (raw[index & ~1], raw[index | 1]) = (0, 0) }
            if round % 16 == 1 { raw.replaceSubrange(0..<12, with: [UInt8](repeating: 0, count: 10) + [255, 255]) }
            if round % 16 == 3 { raw.replaceSubrange(0..<12, with: [UInt8](repeating: 0, count: 12)) }
            let isIPv4 = round % 4 == 0
            var buffer = [CChar](repeating: 0, count: 64)
            inet_ntop(isIPv4 ? AF_INET : AF_INET6, raw, &buffer, socklen_t(buffer.count))
            let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let address = Self.address(raw, isIPv4: isIPv4)
            #expect(IPAddress(text) == address, "\(text)")
            #expect(address.description == text)
        }
    }

    @Test func `a text that was changed is read as the system reads it`() {
        var random = SplitMix64(seed: 12)
        let texts = ["1.22.133.4", "2001:db8::1:0:0:1", "::ffff:10.1.2.3", "1:2:3:4:5:6:7:8", "::", "fe80::1"].map { Array($0.utf8) }
        let alphabet = Array("0123456789abcdefABCDEFg:.:.:. %-".utf8)
        for round in 0..<20_000 {
            var text = texts[round % texts.count]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 0..<max(1, text.count), using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text.insert(alphabet.randomElement(using: &random) ?? 0x30, at: min(place, text.count))
                case 1: if place < text.count { text.remove(at: place) }
                default: if place < text.count { text[place] = alphabet.randomElement(using: &random) ?? 0x30 }
                }
            }
            let (string, read) = (String(decoding: text, as: UTF8.self), IPAddress(text.span))
            var raw = [UInt8](repeating: 0, count: 16)
            let isIPv4 = inet_pton(AF_INET, string, &raw) == 1
            let isAddress = isIPv4 || inet_pton(AF_INET6, string, &raw) == 1
            #expect(read == (isAddress ? Self.address(raw, isIPv4: isIPv4) : nil), "\(string)")
        }
    }

    /// The address of 4 or 16 bytes in network order.
    private static func address(_ raw: [UInt8], isIPv4: Bool) -> IPAddress {
        if isIPv4 { return IPAddress(ipv4: raw.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }) }
        return IPAddress(ipv6High: raw.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, low: raw.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    @Test func `an IPv4 client is one address once unmapped, and no other is changed by it`() throws {
        #expect(try #require(IPAddress("::ffff:10.1.2.3")).unmapped == IPAddress("10.1.2.3"))
        #expect(try #require(IPAddress("::ffff:a01:203")).unmapped == IPAddress("10.1.2.3"))
        for text in ["10.1.2.3", "::10.1.2.3", "64:ff9b::10.1.2.3", "::1", "1::ffff:10.1.2.3", "::fffe:10.1.2.3"] {
            let address = try #require(IPAddress(text))
            #expect(address.unmapped == address)
        }
    }
}
