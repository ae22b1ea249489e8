public import GatewayModel

/// A local address and port to listen on. Numeric only (or `localhost`): a name would make the start depend on a resolver.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address; `0.0.0.0` and `::` are all of the machine's.
    public let address: IPAddress
    /// The port; 0 lets the system choose, for tests.
    public let port: UInt16

    /// Makes an address.
    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads `127.0.0.1:8787`, `[::1]:8787` or `localhost:8787`; `nil` for anything else.
    public init?(_ text: String) {
        guard let colon = text.utf8.lastIndex(of: 0x3A) else { return nil }
        var host = String(text[..<colon])
        let digits = text[text.utf8.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else { return nil }
        if host == "localhost" { host = "127.0.0.1" }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        guard let address = IPAddress(host), isBracketed == host.utf8.contains(0x3A) else { return nil }
        self.init(address: address, port: port)
    }

    /// As it would be written.
    public var description: String { address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
