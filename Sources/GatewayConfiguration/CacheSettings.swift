public import Tenants

/// How answers of one request are cached, once route, tenant and defaults are put together.
public struct CachePolicy: Sendable, Equatable {
    /// Whether answers are cached at all.
    public var isEnabled: Bool
    /// Time to live in seconds; 0 is no caching.
    public var ttlSeconds: Int
    /// Whether answers with tool calls are kept.
    public var storesToolCalls: Bool
    /// The highest temperature that is cached.
    public var maxTemperature: Double
    /// How long past its end an answer may be served when every upstream fails.
    public var staleIfErrorSeconds: Int
    /// How long past its end an answer may be served while a fresh one is fetched.
    public var staleWhileRevalidateSeconds: Int
}

/// The cache's defaults, bounds and sizes.
public struct CacheSettings: Sendable, Equatable {
    /// What holds where neither route nor tenant says otherwise.
    public let standard: CachePolicy
    /// The bounds of a time to live that a request asks for, in seconds; 0 always means none.
    public let ttlSeconds: ClosedRange<Int>
    /// The size of the store on disk.
    public let bytesMax: Int
    /// The largest answer kept.
    public let entryBytesMax: Int
    /// The largest request body whose answer is kept.
    public let bodyBytesMax: Int
    /// Answers that may wait to be written.
    public let pendingEntriesMax: Int
    /// Bytes that may wait to be written.
    public let pendingBytesMax: Int
    /// Groups of tenants that read each other's answers.
    public let shares: [CacheShare]

    init(_ section: Section) {
        let ttl = section.integer("ttl")
        standard = CachePolicy(
            isEnabled: section.flag("enabled"), ttlSeconds: ttl, storesToolCalls: section.flag("store_tool_calls"),
            maxTemperature: section.optionalNumber("max_temperature") ?? 2, staleIfErrorSeconds: section.integer("stale_if_error"),
            staleWhileRevalidateSeconds: section.integer("stale_while_revalidate"))
        let ttlMin = section.integer("ttl_min")
        let ttlMax = section.integer("ttl_max")
        if ttlMin > ttlMax { section.report("ttl_min", "\(ttlMin) is above cache.ttl_max (\(ttlMax))") }
        ttlSeconds = min(ttlMin, ttlMax)...ttlMax
        if ttl != 0, !ttlSeconds.contains(ttl) {
            section.report("ttl", "\(ttl) is not between cache.ttl_min (\(ttlMin)) and cache.ttl_max (\(ttlMax))")
        }
        bytesMax = section.integer("bytes_max")
        entryBytesMax = section.integer("entry_bytes_max")
        bodyBytesMax = section.integer("body_bytes_max")
        pendingEntriesMax = section.integer("pending_entries_max")
        pendingBytesMax = section.integer("pending_bytes_max")
        shares = CacheSettings.shares(section)
    }

    /// The most shares, and the most tenants in one.
    static let sharesMax = 200
    static let tenantsPerShareMax = 1000

    private static func shares(_ section: Section) -> [CacheShare] {
        let fields = section.namedNodes("shares")
        guard fields.count <= sharesMax else {
            section.report("shares", "\(fields.count) entries where at most \(sharesMax) are allowed")
            return []
        }
        var shares: [CacheShare] = []
        var shareOfTenant: [String: String] = [:]
        for field in fields {
            let path = section.path(of: "shares") + "." + section.shown(field.name)
            guard Identifier.isName(field.name) else {
                section.context.report(field.line, path, "a share's name is \(Identifier.rule())")
                continue
            }
            guard let tenants = section.texts(in: field.value, countMax: tenantsPerShareMax, field: path) else { continue }
            for tenant in tenants {
                if !Identifier.isName(tenant) {
                    section.context.report(field.line, path, "\"\(section.shown(tenant))\" is not a tenant's id")
                } else if let other = shareOfTenant[tenant] {
                    section.context.report(field.line, path, "tenant \(tenant) is in share \(other) already")
                }
                shareOfTenant[tenant] = field.name
            }
            shares.append(CacheShare(name: field.name, tenants: tenants))
        }
        return shares
    }
}
