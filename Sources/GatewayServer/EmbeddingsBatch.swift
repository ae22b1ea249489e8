// Unified embeddings are cached by item: a batch with one new input asks the upstream for that input only. Each item's key is that of the
// request without its `input`, joined with the item's own canonical digest, so an item is the same entry alone and in any batch.

import ExactCache
import GatewayModel
import Hashing
import Providers
import RequestScan

/// The items of one embeddings request and what is known of them. Loop-confined.
final class EmbeddingsBatch {
    /// Items in one request at most; larger batches are passed on whole and not kept.
    static let itemsMax = 4096

    private let digests: [Digest256]
    private let lengths: [Int]
    private var found: [EmbeddingItem?]
    private var model = ""
    /// The smallest remaining ttl and the greatest age among the items found, in seconds.
    private(set) var ttlSeconds = Int64.max
    private(set) var ageSeconds: Int64 = 0

    /// `nil` when the input is not a list of items that can be told apart.
    init?(scan: RequestScan, leavesHints: Bool, body: [UInt8], scanner: inout RequestScanner, keyOf: (Digest256) -> Digest256) {
        guard let rest = leavesHints ? scan.restDigestWithoutHints ?? scan.restDigest : scan.restDigest, scan.embeddingInput != .whole,
            (1...Self.itemsMax).contains(scan.embeddingItems.count)
        else {
            return nil
        }
        var digests: [Digest256] = []
        digests.reserveCapacity(scan.embeddingItems.count)
        for range in scan.embeddingItems {
            guard let item = try? scanner.itemDigest(range, in: body.span) else { return nil }
            var joined: [UInt8] = Array("embedding item".utf8)
            rest.append(to: &joined)
            item.append(to: &joined)
            digests.append(keyOf(SHA256.digest(of: joined.span)))
        }
        self.digests = digests
        lengths = scan.embeddingItems.map(\.count)
        found = Array(repeating: nil, count: digests.count)
    }

    /// Items in the request.
    var count: Int { digests.count }
    /// Indexes of the items that must be asked for.
    var missing: [Int] { found.indices.filter { found[$0] == nil } }
    /// Items that came out of the store.
    var cachedCount: Int { found.count - missing.count }

    /// Reads what the store has of the items, none older than `maxAge` seconds.
    func lookUp(_ reader: CacheReader, now: WallTime, maxAge: Int64?) {
        for index in digests.indices {
            let result = reader.look(up: digests[index], now: now) { view, bytes -> EmbeddingItem? in
                if let maxAge, view.ageSeconds(now: now) > maxAge { return nil }
                let body = bytes.extracting(view.bodyRange)
                guard let answer = EmbeddingsAnswer(parsing: body, inputLengths: [1]), let item = answer.items.first else { return nil }
                model = answer.model
                ttlSeconds = min(ttlSeconds, view.secondsLeft(now: now))
                ageSeconds = max(ageSeconds, view.ageSeconds(now: now))
                return item
            }
            if case .fresh(let item?) = result { found[index] = item }
        }
    }

    /// The whole answer, when every item is known.
    func answer() -> [UInt8]? {
        let items = found.compactMap { $0 }
        guard items.count == found.count else { return nil }
        var body: [UInt8] = []
        EmbeddingsAnswer(items: items, model: model).append(to: &body)
        return body
    }

    /// Tokens of the items that came out of the store.
    var cachedTokens: Int64 { found.reduce(0) { $0 &+ ($1?.tokens ?? 0) } }

    /// Joins the upstream's answer for the missing items with the rest. `nil` when it is no answer to them.
    func merged(with upstream: Span<UInt8>) -> [UInt8]? {
        let missing = self.missing
        guard let answer = parse(upstream, missing) else { return nil }
        var items = found
        for (position, index) in missing.enumerated() { items[index] = answer.items[position] }
        var body: [UInt8] = []
        EmbeddingsAnswer(items: items.compactMap { $0 }, model: answer.model).append(to: &body)
        return body
    }

    private func parse(_ upstream: Span<UInt8>, _ missing: [Int]) -> EmbeddingsAnswer? {
        guard let answer = EmbeddingsAnswer(parsing: upstream, inputLengths: missing.map { lengths[$0] }),
            answer.items.count == missing.count
        else { return nil }
        return answer
    }

    /// One record per missing item of the upstream's answer, under its own digest; `nil` when it is no answer to them.
    func records(from upstream: Span<UInt8>, _ make: (_ body: [UInt8], _ usage: Usage) -> CacheRecord) -> [(Digest256, CacheRecord)]? {
        let missing = self.missing
        guard let answer = parse(upstream, missing) else { return nil }
        return zip(missing, answer.items).map { index, item in
            var body: [UInt8] = []
            EmbeddingsAnswer(items: [item], model: answer.model).append(to: &body)
            return (digests[index], make(body, Usage(inputTokens: item.tokens)))
        }
    }
}
