/// The admin port and who may use it.
public struct AdminSettings: Sendable, Equatable {
    /// Where it listens; loopback unless a secret and a TLS proxy are configured.
    public let listen: ListenAddress
    /// The token of the admin role; `nil`: the random one in the data directory.
    public let secret: Secret?
    /// The token of the read role; `nil`: there is none.
    public let readSecret: Secret?
    /// Whether the operator states that a TLS proxy stands in front.
    public let isBehindTLSProxy: Bool
    /// Host names accepted beside the listen address.
    public let hosts: [String]

    /// The shortest secret, in bytes, with which the admin port may listen beyond loopback.
    public static let secretBytesMin = 32

    init(listen: ListenAddress, _ section: Section, secrets: SecretReader) {
        self.listen = listen
        secret = section.secret("secret", secrets)
        readSecret = section.secret("read_secret", secrets)
        isBehindTLSProxy = section.flag("behind_tls_proxy")
        hosts = section.texts("hosts")
        for host in hosts where HostSpelling(host) == nil {
            section.report("hosts", "\"\(section.shown(host))\" is not a host name or address")
        }
        if let secret, secret.byteCount < AdminSettings.secretBytesMin {
            section.report("secret", "is \(secret.byteCount) bytes long where at least \(AdminSettings.secretBytesMin) are needed")
        }
        if let secret, secret == readSecret { section.report("read_secret", "must differ from admin.secret") }
    }

    /// What forbids listening beyond loopback, or `nil`.
    var exposureProblem: String? {
        if listen.address.isLoopback { return nil }
        if secret == nil { return "listening beyond loopback needs admin.secret (at least \(AdminSettings.secretBytesMin) bytes)" }
        if !isBehindTLSProxy { return "listening beyond loopback needs a TLS proxy in front, stated by admin.behind_tls_proxy: true" }
        return nil
    }
}
