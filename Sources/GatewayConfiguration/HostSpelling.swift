import GatewayModel

// An address has many spellings that the resolver and libcurl understand: 0x7f000001, 2130706433, 0177.0.0.1, 127.1, ::ffff:7f00:1. A check
// that knows only one of them is no check. This one reads them all the way inet_aton does; what a *name* resolves to is checked at connect.

/// What the host of a URL is, seen from its text alone.
enum HostSpelling: Equatable {
    case name(String)
    case address(IPAddress)

    /// Reads a host as it stands in a URL; `nil` when it is neither a name nor an address.
    init?(_ host: String) {
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), let address = IPAddress(String(host.dropFirst().dropLast())), host.contains(":") else { return nil }
            self = .address(address.unmapped)
            return
        }
        var name = host.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        guard HostSpelling.isName(name) else { return nil }
        let last = name.split(separator: ".", omittingEmptySubsequences: false).last ?? ""
        if last.utf8.first.map({ (0x30...0x39).contains($0) }) == true {
            // A name never ends in a number (RFC 1123), so this is an address or nothing.
            guard let address = HostSpelling.looseAddress(name) else { return nil }
            self = .address(address)
        } else {
            self = .name(name)
        }
    }

    /// Whether the text alone shows that the host is no public one.
    var isPrivate: Bool {
        switch self {
        case .address(let address): address.kind != .global
        case .name(let name):
            name == "localhost" || !name.contains(".")
                || [".localhost", ".local", ".internal", ".home.arpa", ".lan"].contains { name.hasSuffix($0) }
        }
    }

    private static func isName(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 253 else { return false }
        return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.utf8.first != 0x2D && label.utf8.last != 0x2D
                && label.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x5F }
        }
    }

    /// One to four numbers, decimal, octal or hexadecimal, the last of which fills the bytes that remain.
    private static func looseAddress(_ text: String) -> IPAddress? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...4).contains(parts.count) else { return nil }
        var value: UInt64 = 0
        for (index, part) in parts.enumerated() {
            guard let number = looseNumber(part) else { return nil }
            let isLast = index == parts.count - 1
            let bits = isLast ? UInt64(8 * (5 - parts.count)) : 8
            guard number < 1 << bits else { return nil }
            value = value << bits | number
        }
        return UInt32(exactly: value).map(IPAddress.init(ipv4:))
    }

    private static func looseNumber(_ text: Substring) -> UInt64? {
        if text.hasPrefix("0x") { return text.count == 2 ? 0 : UInt64(text.dropFirst(2), radix: 16) }
        if text.hasPrefix("0"), text.count > 1 { return UInt64(text.dropFirst(), radix: 8) }
        return text.first == "+" || text.first == "-" ? nil : UInt64(text)
    }
}
