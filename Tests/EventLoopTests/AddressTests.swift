import EventLoop
import Testing

struct AddressTests {
    @Test(arguments: [
        ("127.0.0.1", AddressKind.loopback), ("127.255.255.254", .loopback), ("::1", .loopback), ("::ffff:127.0.0.1", .loopback),
        ("::ffff:7f00:1", .loopback), ("::127.0.0.1", .loopback), ("64:ff9b::127.0.0.1", .loopback), ("2002:7f00:1::", .loopback),
        ("::ffff:0:127.0.0.1", .loopback),
        ("10.0.0.0", .privateNetwork), ("10.255.255.255", .privateNetwork), ("172.16.0.0", .privateNetwork),
        ("172.31.255.255", .privateNetwork), ("192.168.0.1", .privateNetwork), ("fc00::", .privateNetwork), ("fdff::1", .privateNetwork),
        ("fec0::1", .privateNetwork), ("::ffff:10.1.2.3", .privateNetwork), ("64:ff9b::10.0.0.1", .privateNetwork),
        ("169.254.169.254", .linkLocal), ("::ffff:169.254.169.254", .linkLocal), ("fe80::1", .linkLocal), ("febf::1", .linkLocal),
        ("100.64.0.0", .sharedNetwork), ("100.127.255.255", .sharedNetwork),
        ("0.0.0.0", .unspecified), ("0.255.255.255", .unspecified), ("::", .unspecified), ("::ffff:0.0.0.0", .unspecified),
        ("224.0.0.1", .multicast), ("239.255.255.255", .multicast), ("ff02::1", .multicast),
        ("240.0.0.1", .reserved), ("255.255.255.255", .reserved), ("192.0.0.1", .reserved), ("192.0.2.1", .reserved),
        ("192.88.99.1", .reserved), ("198.18.0.1", .reserved), ("198.19.255.255", .reserved), ("198.51.100.1", .reserved),
        ("203.0.113.1", .reserved), ("2001:db8::1", .reserved), ("2001::1", .reserved), ("2001:1ff::1", .reserved), ("3fff::1", .reserved),
        ("100::1", .reserved), ("64:ff9b:1::1", .reserved), ("4000::1", .reserved), ("1fff::1", .reserved),
    ])
    func `an address that is not public is never called global`(text: String, kind: AddressKind) throws {
        #expect(try #require(IPAddress(text)).kind == kind)
    }

    @Test(arguments: [
        "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
        "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2001:4860:4860::8888", "2001:200::1", "3ffe::1", "2000::1", "3fff:1000::1",
        "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::",
    ])
    func `an address beside a special range is not mistaken for it`(text: String) throws {
        #expect(try #require(IPAddress(text)).kind == .global)
    }

    @Test(arguments: [
        "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1.", "127.0.0.256", "1.2.3", "", " 127.0.0.1", "[::1]", "::1%lo", "::g",
        "1::2::3", "localhost",
    ])
    func `a loose spelling of an address is no address`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: ["127.0.0.1:8787", "[::1]:8787", "0.0.0.0:0", "[2001:db8::1]:65535"])
    func `a socket address survives parsing and printing`(text: String) throws {
        #expect(try #require(SocketAddress(text)).description == text)
    }

    @Test(arguments: [
        "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "::1:80", "[127.0.0.1]:80", "[::1]", ":80", "host:80",
        "127.0.0.1:080000", "[::1:80", "127.0.0.1:8O",
    ])
    func `a malformed socket address is refused`(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func `a peer on a network of our own is private and one outside is not`() throws {
        #expect(try #require(SocketAddress("192.168.1.1:1")).isPrivate)
        #expect(try #require(SocketAddress("[fe80::1]:1")).isPrivate)
        #expect(try #require(SocketAddress("127.0.0.1:1")).isLoopback)
        #expect(try !#require(SocketAddress("100.64.0.1:1")).isPrivate)
        #expect(try !#require(SocketAddress("8.8.8.8:1")).isPrivate)
    }

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
        "10.0.0.0/33", "::/129", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "/8", "10/8", "::/1000",
    ])
    func `a malformed range is refused`(text: String) {
        #expect(AddressRange(text) == nil)
    }
}
