import GatewayModel
public import Tenants

/// Which upstreams are allowed although they are private, loopback or without TLS.
public struct EgressSettings: Sendable, Equatable {
    /// Host names that may resolve to private addresses, in lower case.
    public let privateHosts: [String]
    /// Addresses and blocks that may be connected to although they are private.
    public let privateAddresses: AddressList
    /// Host names and addresses that may be asked with plain http, in lower case.
    public let httpHosts: [String]

    init(_ section: Section) {
        var hosts: [String] = []
        var blocks: [String] = []
        for text in section.texts("allow_private") {
            if AddressRange(text) != nil {
                blocks.append(text)
            } else if case .name(let name) = HostSpelling(text) {
                hosts.append(name)
            } else {
                section.report("allow_private", "\"\(section.shown(text))\" is not a host name, an address or a block such as 10.0.0.0/8")
            }
        }
        privateHosts = hosts
        privateAddresses = (try? AddressList(blocks)) ?? AddressList()
        httpHosts = section.texts("allow_http").compactMap { text in
            switch HostSpelling(text.contains(":") && !text.hasPrefix("[") ? "[\(text)]" : text) {
            case .name(let name): return name
            case .address(let address): return address.description
            case nil:
                section.report("allow_http", "\"\(section.shown(text))\" is not a host name or an address")
                return nil
            }
        }
    }

    /// Whether a host may be connected to although its text shows that it is private.
    func allowsPrivate(_ host: HostSpelling) -> Bool {
        switch host {
        case .name(let name): privateHosts.contains(name)
        case .address(let address): privateAddresses.contains(address)
        }
    }

    /// Whether a host may be asked with plain http.
    func allowsHTTP(_ host: HostSpelling) -> Bool {
        switch host {
        case .name(let name): httpHosts.contains(name)
        case .address(let address): httpHosts.contains(address.description)
        }
    }
}
