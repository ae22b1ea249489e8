import GatewayModel
import Testing

@Suite struct AddressRangeTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"), ("192.168.4.0/22", "192.168.7.255", "192.168.8.0"), ("1.2.3.4", "1.2.3.4", "1.2.3.5"),
        ("1.2.3.4/32", "1.2.3.4", "1.2.3.3"), ("fd00::/8", "fdff:ffff::1", "fe00::"), ("2001:db8::/64", "2001:db8::ffff", "2001:db8:0:1::"),
        ("2001:db8::/65", "2001:db8::7fff:0:0:1", "2001:db8::8000:0:0:1"), ("::1/128", "::1", "::2"),
        ("10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"),
        ("128.0.0.0/1", "255.255.255.255", "127.255.255.255"),
    ])
    func `a range ends exactly at its last address`(range: String, inside: String, outside: String) throws {
        let range = try #require(AddressRange(range))
        #expect(range.contains(try #require(IPAddress(inside))))
        #expect(!range.contains(try #require(IPAddress(outside))))
    }

    @Test func `the whole of one family holds nothing of the other`() throws {
        let four = try #require(AddressRange("0.0.0.0/0"))
        let six = try #require(AddressRange("::/0"))
        #expect(four.contains(IPAddress(ipv4: .max)) && !four.contains(IPAddress(ipv6High: .max, low: .max)))
        #expect(six.contains(IPAddress(ipv6High: .max, low: .max)) && !six.contains(IPAddress(ipv4: .max)))
    }

    @Test(arguments: [
        "10.0.0.0/33", "::/129", "::/1000", "10/8", "10.0.0.0/+8", "::ffff:10.0.0.1/104", "10.0.0.0\0/8", "10.0.0.1/8", "::1/129",
        "2001:db8::1/32",
        "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "/8", "10.0.0.0/8/8", "a/8",
    ])
    func `a block with stray bits or a bad length is refused`(_ text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test(arguments: ["192.168.4.0/22", "1.2.3.4", "0.0.0.0/0", "::/0", "2001:db8::/33", "::1", "::fffe:0:0/95"])
    func `a block is printed as it was written`(text: String) throws {
        #expect(try #require(AddressRange(text)).description == text)
    }

    @Test func `a block of mapped addresses is the block of IPv4 addresses it maps`() throws {
        let mapped = try #require(AddressRange("::ffff:10.0.0.0/104"))
        #expect(mapped == AddressRange("10.0.0.0/8"))
        #expect(mapped.contains(try #require(IPAddress("10.1.2.3"))))
        #expect(mapped.contains(try #require(IPAddress("::ffff:10.1.2.3"))))
        #expect(try #require(AddressRange("::ffff:10.1.2.3")).contains(try #require(IPAddress("10.1.2.3"))))
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
    }
}
