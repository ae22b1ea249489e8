import Glibc
import Testing

@testable import Tenants

@Suite struct AddressTests {
    @Test(arguments: [
        "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "0x7f.0.0.1", "2130706433", "", ":", ":::", "1::2::3", "12345::", "g::",
        "::1%eth0", "[::1]", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1.2.3", "1.2.3.4::", "1:2:3:4:5:6:7::8", "+1.2.3.4", "1.2.3.-4",
    ])
    func `a sloppy spelling is no address`(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `reading and printing agree with the system's functions`() throws {
        var random = SplitMix64(seed: 11)
        for round in 0..<5000 {
            var raw = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
            // Runs of zeros are what the short form is about.
            for index in raw.indices where Int.random(in: 0..<3, using: &random) > 0 { raw[index & ~1] = 0; raw[index | 1] = 0 }
            let isV4 = round % 4 == 0
            let family = isV4 ? AF_INET : AF_INET6
            var buffer = [CChar](repeating: 0, count: 64)
            inet_ntop(family, raw, &buffer, socklen_t(buffer.count))
            let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let used = Array(raw.prefix(isV4 ? 4 : 16))
            let address = try #require(IPAddress(bytes: used))
            #expect(IPAddress(text) == address, "\(text)")
            #expect(IPAddress(address.description) == address)
            if !text.contains(".") || isV4 { #expect(address.description == text) }
        }
    }

    @Test func `an IPv4 client is one address, mapped or not`() throws {
        #expect(IPAddress("::ffff:10.1.2.3") == IPAddress("10.1.2.3"))
        #expect(IPAddress("::ffff:a01:203") == IPAddress("10.1.2.3"))
        #expect(try #require(AddressRange("10.0.0.0/8")).contains(try #require(IPAddress("::ffff:10.1.2.3"))))
    }

    @Test(arguments: [
        "10.0.0.0/33", "10.0.0.1/8", "::1/129", "2001:db8::1/32", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "/8", "10.0.0.0/8/8", "a/8",
    ])
    func `a block with stray bits or a bad length is refused`(_ text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test func `a block holds exactly its addresses`() throws {
        let v4 = try #require(AddressRange("192.168.4.0/22"))
        for (text, isInside) in [
            ("192.168.3.255", false), ("192.168.4.0", true), ("192.168.7.255", true), ("192.168.8.0", false), ("::1", false),
        ] {
            #expect(v4.contains(try #require(IPAddress(text))) == isInside, "\(text)")
        }
        let v6 = try #require(AddressRange("2001:db8::/33"))
        #expect(v6.contains(try #require(IPAddress("2001:db8:7fff::1"))))
        #expect(!v6.contains(try #require(IPAddress("2001:db8:8000::1"))))
        let everyV4 = try #require(AddressRange("0.0.0.0/0"))
        #expect(everyV4.contains(try #require(IPAddress("255.1.1.1"))))
        #expect(!everyV4.contains(try #require(IPAddress("2001:db8::1"))))
        #expect(try #require(AddressRange("::/0")).contains(try #require(IPAddress("1.2.3.4"))))
        #expect(v4.description == "192.168.4.0/22")
        #expect(try #require(AddressRange("::1")).description == "::1")
    }

    @Test func `200 blocks are a list and 201 are not`() throws {
        let texts = (0..<201).map { "10.0.\($0).0/24" }
        #expect(try AddressList(Array(texts.prefix(200))).ranges.count == 200)
        #expect(throws: PatternError("201 addresses where at most 200 are allowed")) { try AddressList(texts) }
    }

    @Test(arguments: [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "198.18.0.1",
        "224.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:7f00:1", "fd00::1", "fe80::1", "ff02::1", "64:ff9b::7f00:1",
        "64:ff9b:1::1", "2002:7f00:1::1", "2001:0:1::1", "2001:db8::1", "3fff::1", "4000::1",
    ])
    func `an address that is not on the internet is private`(_ text: String) throws {
        #expect(try #require(IPAddress(text)).isPrivate)
    }

    @Test(arguments: [
        "1.1.1.1", "172.32.0.1", "172.15.0.1", "100.128.0.1", "11.0.0.0", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1",
    ])
    func `a public address is not private`(_ text: String) throws {
        #expect(try !#require(IPAddress(text)).isPrivate)
    }

    @Test func `only 4 or 16 bytes are an address`() {
        for count in 0...20 {
            let raw = [UInt8](repeating: 1, count: count)
            #expect((IPAddress(bytes: raw) != nil) == (count == 4 || count == 16))
        }
    }
}
