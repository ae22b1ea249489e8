import GatewayModel

/// Something wrong with a definition that came from a file.
public struct ProviderProblem: Error, Sendable, Equatable {
    /// The YAML field at fault, such as `bases[0].url`.
    public var field: String
    /// One sentence: what is wrong and what it must be.
    public var message: String

    /// Makes a problem.
    public init(field: String, message: String) {
        self.field = field
        self.message = message
    }
}

extension ProviderDefinition {
    /// Everything that is wrong with this definition by itself, in the order of the schema; empty for a sound one. Duplicate names between
    /// definitions are found by `ProviderTable`.
    public func problems() -> [ProviderProblem] {
        var found: [ProviderProblem] = []
        func report(_ field: String, _ message: String) { found.append(ProviderProblem(field: field, message: message)) }

        for (field, slug) in [("name", name)] + aliases.enumerated().map({ ("aliases[\($0.offset)]", $0.element) }) {
            if !ProviderDefinition.isSlug(slug) {
                report(field, "a name is 1 to 64 of a-z 0-9 - _ . and begins with a letter or digit")
            } else if ReservedNames.isReserved(slug) {
                report(field, "the name '\(slug)' is reserved")
            }
        }
        checkCredential(credential, "auth", report)
        for (index, field) in clientCredentialFields.enumerated() where !ProviderDefinition.credentialFields.contains(field) {
            report("client_auth[\(index)]", "must be authorization, x-api-key, api-key or x-goog-api-key")
        }
        if bases.isEmpty { report("bases", "at least one base is needed") }
        for (index, base) in bases.enumerated() {
            checkURL(base.url, "bases[\(index)].url", variables: [], report)
            checkOperations(base.operations, "bases[\(index)].operations", report)
            if base.operations.isEmpty { report("bases[\(index)].operations", "at least one operation is needed") }
            if let credential = base.credential { checkCredential(credential, "bases[\(index)].auth", report) }
            for header in base.defaultHeaders where !isFieldName(header.name) || !isFieldValue(header.value) {
                report("bases[\(index)].headers", "'\(header.name)' is not a header that can be sent")
            }
        }
        for (index, mount) in native.enumerated() {
            let variables = mount.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
            checkURL(mount.url, "native[\(index)].url", variables: variables, report)
            checkOperations(mount.operations, "native[\(index)].operations", report)
            if mount.path.hasPrefix("/") || mount.path.hasSuffix("/") { report("native[\(index)].path", "no slash at either end") }
            for version in mount.versions where !version.utf8.allSatisfy(isUnreserved) || version == "." || version == ".." {
                report("native[\(index)].versions", "a version is one path segment, such as v1")
            }
        }
        for header in accountHeaders + answerChangingHeaders where !isFieldName(header) {
            report("drop_headers, key_headers", "'\(header)' is not a lower-case header name")
        }
        for (name, values) in parameters {
            for value in values where value.isEmpty || !value.utf8.allSatisfy({ isUnreserved($0) && $0 != 0x2E }) {
                report("parameters.\(name)", "a value is one label of a host name: letters, digits, - and _")
            }
        }
        return found
    }

    /// The header fields in which keys travel.
    static let credentialFields: Set<FieldName> = [.authorization, .xApiKey, .apiKey, .xGoogApiKey]

    /// Whether a text may name a provider: 1 to 64 of `a-z 0-9 - _ .`, first a letter or digit.
    public static func isSlug(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 64, isLowerAlphanumeric(first) else { return false }
        return text.utf8.allSatisfy { isLowerAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }
    }

    private func checkCredential(_ form: CredentialForm, _ field: String, _ report: (String, String) -> Void) {
        if !isFieldName(form.header) || !isFieldValue(form.prefix + "k") { report(field, "not a header that can be sent") }
    }

    private func checkOperations(_ operations: [OfferedOperation], _ field: String, _ report: (String, String) -> Void) {
        for offer in operations {
            if offer.operation == .other { report("\(field).other", "only named operations can be offered") }
            if !offer.path.hasPrefix("/") || !isURLText(offer.path) || offer.path.contains("?") || offer.path.contains("#") {
                report("\(field).\(offer.operation.name)", "a path begins with / and holds no query, space or control character")
            }
        }
    }

    private func checkURL(_ url: String, _ field: String, variables: [String], _ report: (String, String) -> Void) {
        guard url.hasPrefix("https://") || (allowsPrivateAddresses && url.hasPrefix("http://")) else {
            return report(field, "must begin with https:// (http:// only with allow_private: true)")
        }
        let authority = url.drop { $0 != ":" }.dropFirst(3).prefix { $0 != "/" }
        if authority.isEmpty || authority.contains("@") { report(field, "must name a host, without user or password") }
        if url.hasSuffix("/") { report(field, "no slash at the end") }
        if !isURLText(url) || url.contains("?") || url.contains("#") { report(field, "no query, space or control character") }
        for name in ProviderDefinition.variables(in: url) where !requiredParameters.contains(name) && !variables.contains(name) {
            report(field, "{\(name)} is neither in `required` nor in this entry's path")
        }
        for name in ProviderDefinition.variables(in: String(authority)) where !requiredParameters.contains(name) {
            report(field, "{\(name)} in a host name must be in `required`: a client never chooses a host")
        }
    }

    /// The `{name}`s in a template.
    static func variables(in template: String) -> [String] {
        var names: [String] = []
        var rest = Substring(template)
        while let open = rest.firstIndex(of: "{") {
            let inner = rest[rest.index(after: open)...]
            guard let close = inner.firstIndex(of: "}") else { return names }
            names.append(String(inner[..<close]))
            rest = inner[inner.index(after: close)...]
        }
        return names
    }
}

private func isLowerAlphanumeric(_ byte: UInt8) -> Bool { (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x30 && byte <= 0x39) }

/// Whether a text is a lower-case header field name (RFC 9110 token).
func isFieldName(_ text: String) -> Bool {
    !text.isEmpty
        && text.utf8.allSatisfy {
            isLowerAlphanumeric($0) || "!#$%&'*+-.^_`|~".utf8.contains($0)
        }
}

/// Whether a text can be a header field's value: visible ASCII and inner spaces, so that no line can end inside it.
func isFieldValue(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 <= 0x7E } && text.utf8.last != 0x20 && text.utf8.first != 0x20
}

/// Whether a text can stand in a URL as it is: visible ASCII without quotes, angle brackets and backslash.
private func isURLText(_ text: String) -> Bool { text.utf8.allSatisfy { $0 > 0x20 && $0 <= 0x7E && !"\"<>\\^`|".utf8.contains($0) } }
