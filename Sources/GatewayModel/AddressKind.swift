// Where an address leads. The egress rules stand on this: what is not `.global` is reached only by an explicit permission.
// The ranges are those of the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates).

/// What sort of place an address names.
public enum AddressKind: String, Sendable, CaseIterable {
    /// Reachable over the public internet.
    case global
    /// This machine: 127/8, `::1`.
    case loopback
    /// RFC 1918 (10/8, 172.16/12, 192.168/16), and IPv6 unique local `fc00::/7` and site local `fec0::/10`.
    case privateNetwork
    /// 169.254/16 (cloud metadata services live there) and `fe80::/10`.
    case linkLocal
    /// 100.64/10, carrier-grade NAT (RFC 6598).
    case sharedNetwork
    /// 0/8 and `::`: "this host", which Linux connects to itself.
    case unspecified
    /// 224/4 and `ff00::/8`.
    case multicast
    /// Everything else that is no ordinary unicast address: documentation, benchmarks, 240/4, broadcast, discard, unassigned IPv6.
    case reserved
}

extension IPAddress {
    /// The sort of place this address names. Every IPv6 form that carries an IPv4 address is judged by that address.
    public var kind: AddressKind {
        if isIPv4 { return Self.kind(ofIPv4: UInt32(truncatingIfNeeded: low)) }
        if let inner = embeddedIPv4 { return Self.kind(ofIPv4: UInt32(truncatingIfNeeded: inner.low)) }
        return kindOfIPv6
    }

    /// Whether this is this machine as the system understands it: 127/8, mapped or not, and `::1`. Narrower than `kind`: the other forms that
    /// carry an IPv4 address lead to somebody's translator, and a peer may come from there.
    public var isLoopback: Bool {
        let address = unmapped
        return address.isIPv4 ? address.low >> 24 == 127 : high == 0 && low == 1
    }

    /// The IPv4 address inside an IPv6 one: mapped `::ffff:0:0/96`, compatible `::/96`, translated `::ffff:0:0:0/96`, NAT64
    /// `64:ff9b::/96` (RFC 6052) and 6to4 `2002::/16`. nil for any other, and for IPv4 itself.
    public var embeddedIPv4: IPAddress? {
        guard !isIPv4 else { return nil }
        let bottom = UInt32(truncatingIfNeeded: low)
        let upper = low >> 32
        if high == 0, upper == 0xffff || upper == 0xffff_0000 { return IPAddress(ipv4: bottom) }
        if high == 0, upper == 0, bottom > 1 { return IPAddress(ipv4: bottom) }
        if high == 0x0064_ff9b_0000_0000, upper == 0 { return IPAddress(ipv4: bottom) }
        if high >> 48 == 0x2002 { return IPAddress(ipv4: UInt32(truncatingIfNeeded: high >> 16)) }
        return nil
    }

    private static func kind(ofIPv4 value: UInt32) -> AddressKind {
        switch value >> 24 {
        case 0: return .unspecified
        case 10: return .privateNetwork
        case 127: return .loopback
        case 224...239: return .multicast
        case 240...255: return .reserved
        default: break
        }
        switch value >> 16 {
        case 0x6440...0x647f: return .sharedNetwork  // 100.64/10
        case 0xa9fe: return .linkLocal  // 169.254/16
        case 0xac10...0xac1f: return .privateNetwork  // 172.16/12
        case 0xc0a8: return .privateNetwork  // 192.168/16
        case 0xc612, 0xc613: return .reserved  // 198.18/15, benchmarks
        default: break
        }
        switch value >> 8 {
        case 0xc00000, 0xc00002, 0xc05863, 0xc63364, 0xcb0071: return .reserved  // protocol assignments, documentation, 6to4 relays
        default: return .global
        }
    }

    private var kindOfIPv6: AddressKind {
        if high == 0, low == 0 { return .unspecified }
        if high == 0, low == 1 { return .loopback }
        switch high >> 56 {
        case 0xff: return .multicast
        case 0xfc, 0xfd: return .privateNetwork
        default: break
        }
        switch high >> 54 {
        case 0x3fa: return .linkLocal  // fe80::/10
        case 0x3fb: return .privateNetwork  // fec0::/10
        default: break
        }
        if high >> 61 != 1 { return .reserved }  // outside 2000::/3 nothing is assigned as global unicast
        if high >> 32 == 0x2001_0db8 { return .reserved }  // documentation
        if high >> 41 == 0x2001_0000 >> 9 { return .reserved }  // 2001::/23: Teredo, ORCHID, benchmarks
        if high >> 44 == 0x3fff0 { return .reserved }  // 3fff::/20, documentation
        return .global
    }
}
