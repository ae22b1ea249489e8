// A look at what the cache holds, for people: newest first, a page at a time, a bounded number of records per call. It reads heads of records
// only, no bodies, and counts as no use.

import GatewayModel
import Storage

/// One entry as a listing shows it.
public struct CacheListingEntry: Sendable, Equatable {
    /// The key.
    public var digest: Digest256
    /// The tenant whose request filled it.
    public var tenantID: String
    /// Who answered.
    public var target: Target
    /// The operation answered.
    public var operation: Operation
    /// The namespace; empty for none.
    public var namespace: String
    /// When the answer was complete.
    public var created: WallTime
    /// When it ceases to be fresh.
    public var expires: WallTime
    /// Bytes of the record.
    public var bytes: Int
    /// Uses as the eviction counts them: up to 3, fewer again with time.
    public var uses: Int
}

/// What a listing shows.
public struct CacheListingQuery: Sendable, Equatable {
    /// Of this tenant only.
    public var tenantID: String?
    /// Of this model only: its name, or `provider/name`.
    public var model: String?
    /// Only entries with this text in the key (hexadecimal), tenant, provider, model or namespace; ASCII letters of either case alike.
    public var search: String?

    /// Everything.
    public init(tenantID: String? = nil, model: String? = nil, search: String? = nil) {
        self.tenantID = tenantID
        self.model = model
        self.search = search
    }
}

/// A page of a listing.
public struct CacheListingPage: Sendable, Equatable {
    /// The entries, newest first.
    public var entries: [CacheListingEntry] = []
    /// Where the next page begins; `nil` at the end.
    public var next: UInt64?
    /// Records looked at.
    public var looked = 0
}

/// Lists entries. Confined to one thread; a call reads the store and never waits for anything else.
public final class CacheLister {
    private let transaction: ReadTransaction
    private let order: StoreDatabase
    private let records: StoreDatabase
    private let hot: HotTable

    init(cache: ExactCache) {
        transaction = cache.environment.makeReader()
        order = cache.environment.database("ord")
        records = cache.environment.database("val")
        hot = cache.hot
    }

    /// A page from `cursor` on (from the newest without one): at most `limit` entries, after looks at no more than `looksMax` records.
    /// Answers accepted and not yet written are not in it. Some 2 µs per look; `nil` if the store can't be read.
    public func list(_ query: CacheListingQuery, from cursor: UInt64? = nil, limit: Int, looksMax: Int = 2000) -> CacheListingPage? {
        var page = CacheListingPage()
        var places: [OrderEntry] = []
        let start = cursor.map(OrderEntry.key) ?? []
        let isWhole = transaction.forEach(in: order, from: start.span, .backward) { key, value in
            guard places.count <= looksMax else { return false }
            if let place = OrderEntry(key: key, value: value) { places.append(place) }
            return true
        }
        guard isWhole else { return nil }
        let folded = query.search.map { Array($0.utf8).map(Self.folded) }
        for place in places {
            if page.looked == looksMax || page.entries.count == limit {
                page.next = place.sequence
                break
            }
            page.looked += 1
            if let entry = entry(at: place), Self.matches(entry, query, folded) { page.entries.append(entry) }
        }
        return page
    }

    /// `nil` for a place whose record is gone, replaced or damaged.
    private func entry(at place: OrderEntry) -> CacheListingEntry? {
        let found = place.digest.withBytes { key in
            transaction.withValue(for: key, in: records) { bytes -> CacheListingEntry? in
                guard let view = CacheRecordView(unchecked: bytes, digest: place.digest), view.sequence == place.sequence else {
                    return nil
                }
                let target = Target(provider: view.text(view.providerRange, in: bytes), model: view.text(view.modelRange, in: bytes))
                return CacheListingEntry(
                    digest: place.digest, tenantID: view.text(view.tenantRange, in: bytes), target: target, operation: view.operation,
                    namespace: view.text(view.namespaceRange, in: bytes), created: view.created,
                    expires: view.created.adding(seconds: Int64(view.ttlSeconds)), bytes: bytes.count, uses: 0)
            }
        }
        guard var entry = found.flatMap({ $0 }) else { return nil }
        entry.uses = Int(hot.count(place.digest))
        return entry
    }

    private static func matches(_ entry: CacheListingEntry, _ query: CacheListingQuery, _ search: [UInt8]?) -> Bool {
        if let tenant = query.tenantID, tenant != entry.tenantID { return false }
        if let model = query.model, model != entry.target.model, model != "\(entry.target.provider)/\(entry.target.model)" { return false }
        guard let search else { return true }
        let texts = [entry.digest.hex, entry.tenantID, "\(entry.target.provider)/\(entry.target.model)", entry.namespace]
        return texts.contains { contains(search, in: Array($0.utf8).map(folded)) }
    }

    private static func contains(_ needle: [UInt8], in text: [UInt8]) -> Bool {
        guard needle.count <= text.count else { return false }
        return (0...(text.count - needle.count)).contains { text[$0...].starts(with: needle) }
    }

    private static func folded(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}

@available(*, unavailable)
extension CacheLister: Sendable {}

extension ExactCache {
    /// A lister for one thread.
    public func makeLister() -> CacheLister { CacheLister(cache: self) }
}
