// Which addresses the public internet routes to. An upstream anywhere else has to be listed by the operator: otherwise a provider entry could
// be pointed at the cloud's metadata service or at a database beside the gateway. Addresses that carry another one inside (mapped,
// compatible, NAT64, 6to4, Teredo) are judged by the one inside.

extension IPAddress {
    /// Whether the address is loopback, private, link-local, shared, reserved, documentation or multicast: anything but global unicast
    /// (the special-purpose registries of RFC 6890 as of 2025).
    public var isPrivate: Bool {
        if let value = v4 { return IPAddress.isPrivate(v4: value) }
        if high == 0, low >> 32 == 0 { return true }  // ::, ::1 and the deprecated compatible form
        // 64:ff9b::/96
        if high == 0x0064_FF9B_0000_0000, low >> 32 == 0 { return IPAddress.isPrivate(v4: UInt32(truncatingIfNeeded: low)) }
        if high >> 16 == 0x0064_FF9B_0001 { return true }  // 64:ff9b:1::/48
        if high >> 48 == 0x2002 { return IPAddress.isPrivate(v4: UInt32(truncatingIfNeeded: high >> 16)) }  // 6to4
        if high >> 32 == 0x2001_0000 { return true }  // Teredo
        if high >> 32 == 0x2001_0DB8 || high >> 44 == 0x3FFF_0 { return true }  // documentation
        return high >> 61 != 1  // global unicast is 2000::/3
    }

    private static func isPrivate(v4 value: UInt32) -> Bool { privateBlocks.contains { value & $0.mask == $0.base } }

    private static let privateBlocks: [(base: UInt32, mask: UInt32)] = [
        (0x0000_0000, 0xFF00_0000),  // 0.0.0.0/8 this network
        (0x0A00_0000, 0xFF00_0000),  // 10.0.0.0/8
        (0x6440_0000, 0xFFC0_0000),  // 100.64.0.0/10 carrier-grade NAT
        (0x7F00_0000, 0xFF00_0000),  // 127.0.0.0/8
        (0xA9FE_0000, 0xFFFF_0000),  // 169.254.0.0/16 link-local, cloud metadata
        (0xAC10_0000, 0xFFF0_0000),  // 172.16.0.0/12
        (0xC000_0000, 0xFFFF_FF00),  // 192.0.0.0/24
        (0xC000_0200, 0xFFFF_FF00),  // 192.0.2.0/24 documentation
        (0xC058_6300, 0xFFFF_FF00),  // 192.88.99.0/24 6to4 relays
        (0xC0A8_0000, 0xFFFF_0000),  // 192.168.0.0/16
        (0xC612_0000, 0xFFFE_0000),  // 198.18.0.0/15 benchmarks
        (0xC633_6400, 0xFFFF_FF00),  // 198.51.100.0/24 documentation
        (0xCB00_7100, 0xFFFF_FF00),  // 203.0.113.0/24 documentation
        (0xE000_0000, 0xF000_0000),  // 224.0.0.0/4 multicast
        (0xF000_0000, 0xF000_0000),  // 240.0.0.0/4 reserved, broadcast
    ]

    /// Whether the address is this machine's own loopback.
    public var isLoopback: Bool {
        if let value = v4 { return value >> 24 == 127 }
        return high == 0 && low == 1
    }
}
