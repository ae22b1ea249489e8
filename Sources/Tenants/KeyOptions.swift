import GatewayModel

/// The options of `weir keys create` and their admin API twins as text, checked: comma-separated lists, and when the key ends.
public struct KeyOptions: Sendable, Equatable {
    /// Models the key is narrowed to; empty: all.
    public var models = ScopedPatternList()
    /// Providers the key is narrowed to; empty: all.
    public var providers = PatternList()
    /// Paths the key is narrowed to; empty: all.
    public var paths = ScopedPatternList()
    /// Client addresses the key holds from; empty: all.
    public var addresses = AddressList()
    /// What the key may use.
    public var limits = LimitSet()
    /// When the key ends; `nil`: never.
    public var expires: WallTime?

    /// No narrowing at all.
    public init() {}

    /// Reads the texts of `--models`, `--providers`, `--paths`, `--allow-ip` and `--expires`; a `nil` text narrows nothing.
    public init(
        models: String? = nil, providers: String? = nil, paths: String? = nil, addresses: String? = nil, expires: String? = nil,
        now: WallTime
    ) throws(PatternError) {
        if let models { self.models = try ScopedPatternList(KeyOptions.list(models), of: .model) }
        if let providers { self.providers = try PatternList(KeyOptions.list(providers)) }
        if let paths { self.paths = try ScopedPatternList(KeyOptions.list(paths), of: .path) }
        if let addresses { self.addresses = try AddressList(KeyOptions.list(addresses)) }
        if let expires, expires != "never" { self.expires = try KeyOptions.expiry(expires, now: now) }
    }

    /// What a new key is narrowed to by the fields of an admin call; its label and metadata are given to `KeyStore.createKey` beside this.
    public init(_ fields: KeyChange) throws(KeyStoreError) {
        try fields.limits?.apply(to: &limits)
        models = fields.models ?? models
        providers = fields.providers ?? providers
        paths = fields.paths ?? paths
        addresses = fields.addresses ?? addresses
        expires = fields.expires ?? nil
    }

    /// The entries of a comma-separated list, spaces around them dropped; an empty entry is an error.
    public static func list(_ text: String) throws(PatternError) -> [String] {
        var entries: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let entry = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            guard !entry.isEmpty else { throw PatternError("\"\(printable(text))\" has an empty entry; separate entries by one comma") }
            entries.append(String(entry))
        }
        return entries
    }

    private static func expiry(_ text: String, now: WallTime) throws(PatternError) -> WallTime {
        guard let moment = Expiry.parse(text, now: now) else { throw PatternError("\"\(printable(text))\" is not \(Expiry.rule)") }
        guard moment > now else { throw PatternError("\"\(printable(text))\" lies in the past") }
        return moment
    }
}
