import GatewayModel
import TestSupport
import Testing

@testable import ExactCache

@Suite struct CacheListerTests {
    private let folder = TemporaryFolder()

    private func filled(_ count: UInt64 = 4) throws -> ExactCache {
        let cache = try ExactCache(cacheOptions(folder.path))
        for number in 1...count {
            cache.put(
                record(
                    "body \(number)", tenant: number % 2 == 0 ? "even" : "odd", model: "m\(number)", namespace: number == 3 ? "Nest" : ""),
                digest(number))
            cache.flush()
        }
        return cache
    }

    private func numbers(_ page: CacheListingPage?) throws -> [UInt64] {
        try #require(page).entries.compactMap { entry in (1...20 as ClosedRange<UInt64>).first { digest($0) == entry.digest } }
    }

    @Test func `the newest comes first and pages neither repeat nor leave out`() throws {
        let cache = try filled(7)
        let lister = cache.makeLister()
        var seen: [UInt64] = []
        var cursor: UInt64?
        repeat {
            let page = try #require(lister.list(CacheListingQuery(), from: cursor, limit: 3))
            #expect(page.entries.count <= 3)
            seen += try numbers(page)
            cursor = page.next
        } while cursor != nil
        #expect(seen == [7, 6, 5, 4, 3, 2, 1])
        cache.close()
    }

    @Test func `a page that is full to the last entry has no next one`() throws {
        let cache = try filled(4)
        let lister = cache.makeLister()
        #expect(try #require(lister.list(CacheListingQuery(), limit: 4)).next == nil)
        #expect(try #require(lister.list(CacheListingQuery(), limit: 3)).next != nil)
        cache.close()
    }

    @Test func `looks are bounded and a page without finds goes on where it stopped`() throws {
        let cache = try filled(7)
        let lister = cache.makeLister()
        let first = try #require(lister.list(CacheListingQuery(search: "m1"), limit: 5, looksMax: 3))
        #expect(first.entries.isEmpty && first.looked == 3)
        let second = try #require(lister.list(CacheListingQuery(search: "m1"), from: first.next, limit: 5, looksMax: 3))
        #expect(second.entries.isEmpty && second.looked == 3)
        let last = lister.list(CacheListingQuery(search: "m1"), from: second.next, limit: 5, looksMax: 3)
        #expect(try numbers(last) == [1] && last?.next == nil)
        cache.close()
    }

    @Test(
        arguments: [
            (CacheListingQuery(tenantID: "even"), [4, 2]), (CacheListingQuery(tenantID: "EVEN"), []), (CacheListingQuery(model: "m3"), [3]),
            (CacheListingQuery(model: "openai/m3"), [3]), (CacheListingQuery(model: "azure/m3"), []),
            (CacheListingQuery(search: "nEST"), [3]),
            (CacheListingQuery(search: digest(2).hex), [2]), (CacheListingQuery(search: "OPENAI/M"), [4, 3, 2, 1]),
            (CacheListingQuery(tenantID: "odd", search: "m1"), [1]), (CacheListingQuery(search: ""), [4, 3, 2, 1]),
        ] as [(CacheListingQuery, [UInt64])])
    func `a listing shows what is asked for and nothing else`(query: CacheListingQuery, expected: [UInt64]) throws {
        let cache = try filled()
        #expect(try numbers(cache.makeLister().list(query, limit: 10)) == expected)
        cache.close()
    }

    @Test func `an entry that was replaced is listed once and one that was purged not at all`() throws {
        let cache = try filled()
        cache.put(record("new", model: "m1"), digest(1))
        cache.flush()
        cache.purgeNow(.key(digest(2)))
        let page = cache.makeLister().list(CacheListingQuery(), limit: 10)
        #expect(try numbers(page) == [1, 4, 3])
        cache.close()
    }

    @Test func `an entry tells its time, size and uses and listing is no use`() throws {
        let cache = try filled(1)
        let reader = cache.makeReader()
        #expect(reader.body(digest(1)) != nil)
        let lister = cache.makeLister()
        for _ in 0..<5 { _ = lister.list(CacheListingQuery(), limit: 1) }
        let entry = try #require(lister.list(CacheListingQuery(), limit: 1)?.entries.first)
        #expect(entry.created == noon && entry.expires == noon.adding(seconds: 3600) && entry.operation == .chatCompletions)
        #expect(entry.uses == 1 && entry.bytes > 192 && entry.tenantID == "odd")
        cache.close()
    }

    @Test func `a closed cache lists nothing`() throws {
        let cache = try filled(1)
        let lister = cache.makeLister()
        cache.close()
        #expect(lister.list(CacheListingQuery(), limit: 1) == nil)
    }
}
