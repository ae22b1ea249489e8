import GatewayModel
import Tenants

// Fields whose values have a form of their own: secrets, addresses, patterns, metadata.

extension Section {
    /// The secret that a field refers to, or `nil` where the field is missing or the reference leads nowhere.
    func secret(_ name: String, _ reader: SecretReader) -> Secret? {
        guard let reference = scalar(name) else { return nil }
        do {
            return try reader.secret(reference)
        } catch {
            report(name, error.message)
            return nil
        }
    }

    /// A local address and port.
    func listenAddress(_ name: String) -> ListenAddress {
        let text = text(name)
        if let address = ListenAddress(text) { return address }
        report(name, "\"\(shown(text))\" is not an address and port such as 127.0.0.1:8787 or [::1]:8787")
        return ListenAddress(address: IPAddress(ipv4: 0x7F00_0001), port: 0)
    }

    /// A list of addresses and blocks.
    func addresses(_ name: String) -> AddressList {
        let texts = texts(name)
        do {
            return try AddressList(texts)
        } catch {
            report(name, error.description)
            return AddressList()
        }
    }

    /// Names of accounts and gateways.
    func names(_ name: String, isReserved: (String) -> Bool) -> [String] {
        let names = texts(name)
        for text in names {
            if !Identifier.isName(text) {
                report(name, "\"\(shown(text))\" is not a name: \(Identifier.rule())")
            } else if isReserved(text) {
                report(name, "the name \(text) is reserved")
            }
        }
        return names
    }

    /// Reports a list that is there and empty: it reads like "none" and would mean "all".
    func refuseEmptyList(_ name: String) {
        if let node = node(name), case .list(let items) = node.content, items.isEmpty {
            report(name, "is an empty list; leave the field out to allow all, or use disabled: true to allow none")
        }
    }

    /// Flat metadata.
    func metadata(_ name: String) -> Metadata {
        var metadata = Metadata()
        for field in namedNodes(name) {
            guard let text = field.value.text else {
                context.report(field.line, path(of: name), "the value of \"\(shown(field.name))\" must be a text, a number, true or false")
                continue
            }
            do {
                try metadata.add(field.name, value(text, isQuoted: field.value.isQuoted))
            } catch {
                context.report(field.line, path(of: name), error.description)
            }
        }
        return metadata
    }

    private func value(_ text: String, isQuoted: Bool) -> Metadata.Value {
        if isQuoted { return .text(text) }
        if text == "true" || text == "false" { return .flag(text == "true") }
        return isJSONNumber(text) ? .number(text) : .text(text)
    }

    /// RFC 8259's number without an exponent, of up to 20 characters.
    private func isJSONNumber(_ text: String) -> Bool {
        let body = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let parts = body.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), text.utf8.count <= 20 else { return false }
        guard parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }) else { return false }
        return parts[0] == "0" || !parts[0].hasPrefix("0")
    }
}
