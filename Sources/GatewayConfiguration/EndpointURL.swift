// What a provider's URL may be, judged by its text: https, or http where allowed; no user, no query; a host that is a name or an address in
// any spelling; not private unless listed. The address that is really connected to is checked again at connect.

/// The parts of a provider's URL that decide whether it may be used.
struct EndpointURL: Equatable {
    let scheme: String
    let host: HostSpelling
    /// The host as it was written.
    let hostText: String
    let port: UInt16?
    /// From the first slash on; empty where there is none.
    let path: String

    /// Why a text is no URL of a provider.
    struct Problem: Error, Equatable {
        let message: String
        init(_ message: String) { self.message = message }
    }

    init(_ text: String) throws(Problem) {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5C }) else { throw Problem("must be plain ASCII without spaces") }
        guard let mark = text.firstRange(of: "://") else { throw Problem("must begin with https://") }
        scheme = text[..<mark.lowerBound].lowercased()
        guard scheme == "https" || scheme == "http" else {
            throw Problem("must begin with https://; \(EndpointURL.shown(scheme)):// is not a scheme the gateway speaks")
        }
        let rest = text[mark.upperBound...]
        guard !rest.contains("?"), !rest.contains("#") else { throw Problem("must not have a query or a fragment") }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        path = String(rest[slash...])
        guard !path.hasSuffix("/") else { throw Problem("must not end with a slash") }
        guard !path.contains("//"), !path.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }) else {
            throw Problem("must not have empty, . or .. segments")
        }
        let authority = String(rest[..<slash])
        guard !authority.contains("@") else { throw Problem("must not have a user or password; use provider_credentials") }
        (hostText, port) = try EndpointURL.split(authority)
        guard !hostText.contains("%") else { throw Problem("must not have a percent-encoded host") }
        guard let host = HostSpelling(hostText) else {
            throw Problem("\"\(EndpointURL.shown(hostText))\" is not a host name or an address")
        }
        self.host = host
    }

    /// The host as it was written, with the address it means where that is another text.
    var shownHost: String {
        if case .address(let address) = host, address.description != hostText, "[\(address)]" != hostText {
            return "\(hostText) (\(address))"
        }
        return hostText
    }

    /// Scheme, host and port, as they were written.
    var origin: String { "\(scheme)://\(hostText)" + (port.map { ":\($0)" } ?? "") }

    private static func split(_ authority: String) throws(Problem) -> (host: String, port: UInt16?) {
        guard let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else { return (authority, nil) }
        let digits = authority[authority.index(after: colon)...]
        guard let port = UInt16(digits), port > 0, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw Problem("\"\(shown(String(digits)))\" is not a port between 1 and 65535")
        }
        return (String(authority[..<colon]), port)
    }

    private static func shown(_ text: String) -> String { String(text.prefix(64)) }
}
