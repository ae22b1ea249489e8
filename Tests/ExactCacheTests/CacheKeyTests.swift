import GatewayModel
import TestSupport
import Testing

@testable import ExactCache

@Suite struct CacheKeyTests {
    /// Everything a key is made of.
    struct Parts: Hashable {
        var kind = CacheScopeName.Kind.tenant.rawValue
        var scope = "acme"
        var salt: UInt64 = 1
        var credential: UInt64?
        var provider: String? = "openai"
        var name = "gpt"
        var revision: UInt64 = 7
        var operation = Operation.chatCompletions.rawValue
        var query: [[String]] = []
        var fields: [[String]] = []
        var namespace = ""
        var custom: String?
        var body: UInt64 = 9
    }

    func key(_ parts: Parts, _ builder: inout CacheKeyBuilder) -> Digest256 {
        let scopeName = CacheScopeName(kind: CacheScopeName.Kind(rawValue: parts.kind) ?? .tenant, id: parts.scope)
        builder.begin(
            scope: CacheScope(name: scopeName, salt: Digest256(words: (parts.salt, 0, 0, 0))),
            credential: parts.credential.map { .client(Digest256(words: ($0, 0, 0, 0))) } ?? .configured,
            subject: parts.provider.map { .target(Target(provider: $0, model: parts.name)) } ?? .route(parts.name),
            routeRevision: parts.revision, operation: Operation(rawValue: parts.operation) ?? .other)
        for pair in parts.query { builder.addQuery(name: Array(pair[0].utf8).span, value: Array(pair[1].utf8).span) }
        for pair in parts.fields {
            let name = pair[0] == "v" ? FieldName.anthropicVersion : .anthropicBeta
            builder.addField(name, value: Array(pair[1].utf8).span)
        }
        let namespace = Array(parts.namespace.utf8)
        guard let custom = parts.custom else {
            return builder.finish(namespace: namespace.span, body: Digest256(words: (parts.body, 0, 0, 0)))
        }
        return builder.finish(namespace: namespace.span, customKey: Array(custom.utf8).span)
    }

    func key(_ change: (inout Parts) -> Void = { _ in }) -> Digest256 {
        var parts = Parts()
        change(&parts)
        var builder = CacheKeyBuilder()
        return key(parts, &builder)
    }

    @Test func `each part changes the key`() {
        let changes: [(inout Parts) -> Void] = [
            { _ in }, { $0.kind = 2 }, { $0.scope = "acme2" }, { $0.salt = 2 }, { $0.credential = 1 }, { $0.credential = 2 },
            { $0.provider = "azure" }, { $0.provider = nil }, { $0.name = "gpt2" }, { $0.revision = 8 },
            { $0.operation = Operation.completions.rawValue }, { $0.query = [["a", "b"]] }, { $0.query = [["a", ""]] },
            { $0.query = [["a", "b"], ["a", "b"]] }, { $0.fields = [["v", "b"]] }, { $0.fields = [["x", "b"]] }, { $0.namespace = "n" },
            { $0.custom = "" }, { $0.custom = "c" }, { $0.body = 10 },
        ]
        #expect(Set(changes.map { key($0) }).count == changes.count)
        #expect(key() == key())
        #expect(key { $0.custom = "c" } == key { ($0.custom, $0.body) = ("c", 77) }, "a custom key stands in place of the body")
    }

    @Test func `bytes moved from one part to the next give another key`() {
        #expect(key { ($0.provider, $0.name) = ("ab", "c") } != key { ($0.provider, $0.name) = ("a", "bc") })
        #expect(key { $0.query = [["ab", "c"]] } != key { $0.query = [["a", "bc"]] })
        #expect(key { $0.query = [["a", "b"], ["c", "d"]] } != key { $0.query = [["a", "bcd"]] })
        #expect(key { ($0.namespace, $0.custom) = ("ab", "c") } != key { ($0.namespace, $0.custom) = ("a", "bc") })
    }

    @Test func `no two lists of parts collide`() {
        var random = SplitMix64(seed: 2)
        var builder = CacheKeyBuilder()
        // A tiny alphabet, with the tags and lengths of the format in it, so that ambiguous joins would be met all the time.
        let alphabet = ["", "a", "b", "ab", "\u{0}", "\u{1}", "\u{0}\u{0}\u{0}\u{1}", "\u{10}\u{0}", "a\u{0}"]
        func word() -> String { alphabet.randomElement(using: &random) ?? "" }
        func pairs(_ names: () -> String) -> [[String]] { (0..<Int.random(in: 0...2, using: &random)).map { _ in [names(), word()] } }
        var seen: [Digest256: Parts] = [:]
        let rounds = isLong ? 1_000_000 : 100_000
        var collisions = 0
        for _ in 0..<rounds {
            var parts = Parts()
            parts.scope = word()
            parts.provider = Bool.random(using: &random) ? word() : nil
            parts.name = word()
            parts.query = pairs(word)
            parts.fields = pairs { "v" }
            parts.namespace = word()
            parts.custom = Bool.random(using: &random) ? word() : nil
            let digest = key(parts, &builder)
            if let other = seen.updateValue(parts, forKey: digest), other != parts { collisions += 1 }
        }
        #expect(collisions == 0)
        #expect(seen.count > rounds / 2)
    }
}
