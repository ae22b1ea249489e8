import GatewayModel
import Testing

@Suite struct AddressKindTests {
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

    @Test(arguments: ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"])
    func `this machine is loopback`(text: String) throws {
        #expect(try #require(IPAddress(text)).isLoopback)
    }

    @Test(arguments: [
        "126.255.255.255", "128.0.0.0", "::", "::2", "2002:7f00:1::", "64:ff9b::127.0.0.1", "::127.0.0.1", "::ffff:128.0.0.1",
    ])
    func `a peer behind a translator is not taken for this machine`(text: String) throws {
        #expect(try !#require(IPAddress(text)).isLoopback)
    }
}
