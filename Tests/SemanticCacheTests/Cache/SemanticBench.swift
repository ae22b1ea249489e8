import GatewayModel
import Glibc
import Storage
import TestSupport

@testable import SemanticCache

/// A semantic cache with a reader. Questions are named by numbers: a direction each, far from all others.
final class SemanticBench {
    let folder: TemporaryFolder?
    private(set) var cache: SemanticCache
    private(set) var reader: SemanticReader
    private let change: (inout SemanticCacheOptions) -> Void
    static let plain = SemanticPolicy(rule: .threshold(0.9))
    static let now = WallTime(milliseconds: 1_800_000_000_000)

    init(onDisk: Bool = false, _ change: @escaping (inout SemanticCacheOptions) -> Void = { _ in }) throws {
        folder = onDisk ? TemporaryFolder() : nil
        self.change = change
        cache = try Self.open(folder, change)
        reader = cache.makeReader()
        waitUntilWarm()
    }

    deinit { cache.close() }

    private static func open(_ folder: TemporaryFolder?, _ change: (inout SemanticCacheOptions) -> Void) throws -> SemanticCache {
        var options = SemanticCacheOptions(path: folder?.path, modelID: "models")
        options.dimensions = 64
        options.gateDimensions = 64
        change(&options)
        return try SemanticCache(options)
    }

    /// Closes and opens again, with something done to the closed store or to the options.
    func reopen(
        isWarm: Bool = true, whileClosed: () throws -> Void = {}, with other: ((inout SemanticCacheOptions) -> Void)? = nil
    ) throws {
        cache.close()
        try whileClosed()
        cache = try Self.open(folder, other ?? change)
        reader = cache.makeReader()
        if isWarm { waitUntilWarm() }
    }

    func waitUntilWarm() { while cache.isWarming { sched_yield() } }

    /// Writes to the closed store, past everything that guards it.
    func write(_ database: String, _ values: [(key: [UInt8], value: [UInt8])]) throws {
        guard let folder else { return }
        let environment = try StoreEnvironment.open(
            path: folder.path,
            options: StoreOptions(
                schema: SemanticCacheOptions.schema, databases: ["entries", "learning"], mapSize: StoreOptions.rounded(mapSize: 64 << 20),
                durability: .noMetaSync, isDisposable: true))
        let opened = environment.database(database)
        try environment.write { transaction throws(StoreError) in
            for (key, value) in values { try transaction.put(value.span, for: key.span, in: opened) }
        }
        environment.close()
    }

    static func vector(_ question: UInt64, cosine: Float = 1, variant: UInt64 = 0) -> [Float] {
        var random = SplitMix64(seed: question &* 77)
        let center = random.direction(64)
        guard cosine < 1 else { return center }
        var other = SplitMix64(seed: variant &+ 1000)
        return other.direction(near: center, cosine: cosine)
    }

    static func insertion(
        _ question: UInt64, answer: UInt64? = nil, partition: UInt64 = 1, tenant: String = "t", key: String = "k", model: String = "m",
        isAlias: Bool = false, text: String? = nil, cosine: Float = 1
    ) -> SemanticInsertion {
        SemanticInsertion(
            partition: named(partition), tenant: tenant, keyID: key, model: model, answer: named(answer ?? question), isAlias: isAlias,
            text: Array((text ?? "question \(question)").utf8), gate: vector(question), vector: vector(question, cosine: cosine))
    }

    @discardableResult
    func insert(_ insertion: SemanticInsertion, begun: UInt64? = nil) -> SemanticReason? {
        cache.insert(insertion, begun: begun ?? cache.purgeEpoch, now: Self.now)
    }

    func look(
        _ question: UInt64, partition: UInt64 = 1, text: String? = nil, vector: [Float]? = nil, scope: String = "t",
        policy: SemanticPolicy = plain, random: UInt64 = .max, guarding: (Span<UInt8>) -> GuardVerdict = { _ in .pass }
    ) -> SemanticDecision {
        let text = Array((text ?? "question \(question)").utf8)
        let gate = Self.vector(question)
        let large = vector ?? gate
        return reader.lookUp(
            scope: scope, partition: named(partition), text: text.span, gate: gate.span, vector: large.span, policy: policy,
            random: random, guarding: guarding)
    }
}
