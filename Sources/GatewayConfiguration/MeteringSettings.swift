/// How use is counted against limits, and who hears of budgets that run out; the table has what each means.
public struct MeteringSettings: Sendable, Equatable {
    /// `metering.default_max_tokens`.
    public let defaultMaxTokens: Int
    /// `metering.hits_factor`.
    public let hitsFactor: Int
    /// `metering.metadata_values_max`, for each tenant.
    public let metadataValuesMax: Int
    /// `metering.alert_webhook`: an http or https URL, checked; `nil`: none. Its path may be a secret, so it is not for logs.
    public let alertWebhook: String?
    /// `metering.alert_webhook_secret`.
    public let alertWebhookSecret: Secret?

    init(_ section: Section, egress: EgressSettings, secrets: SecretReader) {
        defaultMaxTokens = section.integer("default_max_tokens")
        hitsFactor = section.integer("hits_factor")
        metadataValuesMax = section.integer("metadata_values_max")
        alertWebhookSecret = section.secret("alert_webhook_secret", secrets)
        alertWebhook = section.calledURL("alert_webhook", egress)
    }
}

extension Section {
    /// A URL that the gateway itself calls; reported where it must not be.
    func calledURL(_ name: String, _ egress: EgressSettings) -> String? {
        guard let text = optionalText(name) else { return nil }
        do {
            try Section.check(text, egress)
            return text
        } catch {
            report(name, error.message)
            return nil
        }
    }

    /// The rules of providers' URLs, with three differences: loopback needs no entry in `egress`, nothing else may do without TLS, and a query
    /// or a last slash may follow.
    private static func check(_ text: String, _ egress: EgressSettings) throws(EndpointURL.Problem) {
        var base = text
        if let mark = text.firstIndex(of: "?") {
            let query = text[mark...]
            guard query.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x23 && $0 != 0x5C }) else {
                throw EndpointURL.Problem("must be plain ASCII without spaces and without a fragment")
            }
            base = String(text[..<mark])
        }
        if base.hasSuffix("/") { base.removeLast() }
        let url = try EndpointURL(base)
        if url.host.isPrivate, !url.host.isLoopback, !egress.allowsPrivate(url.host) {
            throw EndpointURL.Problem("\(url.shownHost) is a private host; list it in egress.allow_private")
        }
        if url.scheme == "http", !url.host.isLoopback {
            throw EndpointURL.Problem("plain http is for loopback only; use https")
        }
    }
}

extension HostSpelling {
    /// Whether the host is this machine by its text.
    fileprivate var isLoopback: Bool {
        switch self {
        case .address(let address): address.isLoopback
        case .name(let name): name == "localhost"
        }
    }
}
