import ExactCache
import GatewayModel
import GatewayServer
import JSON

/// `GET /cache/entries`: what the exact cache holds. Confined to the control loop.
struct CacheEntriesReport {
    /// Entries of a page.
    static let limitMax = 500
    /// Records looked at in one turn of the loop: some 5 ms.
    static let looksPerSlice = 1000
    /// Records looked at for one page: a search that finds nothing goes on with the next page, and the loop is not held for a store of millions.
    static let looksMax = 50_000

    private let control: ControlPlane

    init(_ control: ControlPlane) { self.control = control }

    func answer(_ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) {
        do throws(GatewayError) {
            var fields = try CacheEntriesFields(request.fields)
            guard let cache = control.cache else { throw CacheEntriesReport.unavailable(control.cacheProblem ?? "it is not open") }
            let lister = cache.makeLister()
            var rows: [JSONValue] = []
            var looked = 0
            SlicedWork.run(on: control.loop) {
                let page = lister.list(
                    fields.query, from: fields.cursor, limit: fields.limit - rows.count, looksMax: CacheEntriesReport.looksPerSlice)
                guard let page else {
                    done(.error(CacheEntriesReport.unavailable("it can't be read")))
                    return false
                }
                rows += page.entries.map(CacheEntriesReport.describe)
                looked += page.looked
                fields.cursor = page.next
                if page.next != nil, rows.count < fields.limit, looked < CacheEntriesReport.looksMax { return true }
                done(
                    .json([
                        "entries": .array(rows), "next_cursor": page.next.map { .string(String($0)) } ?? .null, "scanned": .number(looked),
                    ]))
                return false
            }
        } catch {
            done(.error(error))
        }
    }

    private static func unavailable(_ why: String) -> GatewayError {
        GatewayError(status: 503, code: "cache_unavailable", message: "The cache store can't be used now: \(why).", source: .store)
    }

    private static func describe(_ entry: CacheListingEntry) -> JSONValue {
        .object(pairs: [
            ("cache_key", .string(entry.digest.hex)), ("tenant", .string(entry.tenantID)), ("model", .string(entry.target.model)),
            ("provider", .string(entry.target.provider)), ("operation", .string(entry.operation.name)),
            ("namespace", .string(entry.namespace)), ("created_at", .string(TimeText.milliseconds(entry.created))),
            ("expires_at", .string(TimeText.milliseconds(entry.expires))), ("bytes", .number(entry.bytes)), ("hits", .number(entry.uses)),
        ])
    }
}

/// The query fields of `GET /cache/entries`.
struct CacheEntriesFields {
    var query = CacheListingQuery()
    var limit = 50
    var cursor: UInt64?

    /// Throws 400 `invalid_query` for unknown, repeated and malformed fields.
    init(_ fields: [QueryField]) throws(GatewayError) {
        var seen: Set<String> = []
        for field in fields {
            let name = String(field.name.prefix(64))
            guard seen.insert(field.name).inserted else { throw LogFields.invalid(name, "\(name) is given twice") }
            guard field.value.utf8.count <= 256 else { throw LogFields.invalid(name, "\(name) has more than 256 bytes") }
            switch field.name {
            case "limit":
                guard let number = Int(field.value), (1...CacheEntriesReport.limitMax).contains(number) else {
                    throw LogFields.invalid(name, "limit is a number from 1 to \(CacheEntriesReport.limitMax)")
                }
                limit = number
            case "cursor":
                guard let number = UInt64(field.value) else { throw LogFields.invalid(name, "cursor is not one that this list gave out") }
                cursor = number
            case "tenant": query.tenantID = field.value
            case "model": query.model = field.value
            case "search": query.search = field.value
            default: throw LogFields.invalid(name, "there is no field \"\(name)\" here")
            }
        }
    }
}
