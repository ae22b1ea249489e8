import EventLog
import GatewayModel
import Glibc
import JSON
import TestSupport

/// Whether the long suite runs.
let isLongRollupRun = getenv("WEIR_LONG") != nil

/// 2027-03-10T12:00:00Z, a Wednesday.
let noon: Int64 = 1_804_680_000

/// A store of records in memory.
final class RecordedRollups {
    private(set) var records: [[UInt8]: [UInt8]] = [:]
    private var sorted: [[UInt8]]?
    /// Makes every read fail.
    var isReadable = true
    /// Called before each record that a scan hands out.
    var beforeVisit: () -> Void = {}

    struct ReadFailure: Error {}

    func read(_ key: [UInt8]) throws(ReadFailure) -> [UInt8]? {
        guard isReadable else { throw ReadFailure() }
        return records[key]
    }

    func apply(_ changes: RollupChanges) {
        sorted = nil
        for range in changes.removals {
            for key in records.keys where !key.lexicographicallyPrecedes(range.lower) && key.lexicographicallyPrecedes(range.upper) {
                records[key] = nil
            }
        }
        for put in changes.puts { records[put.key] = put.value }
    }

    func set(_ value: [UInt8]?, for key: [UInt8]) {
        sorted = nil
        records[key] = value
    }

    var keys: [[UInt8]] {
        let keys = sorted ?? records.keys.sorted { $0.lexicographicallyPrecedes($1) }
        sorted = keys
        return keys
    }

    func scan(_ start: [UInt8], _ visit: (Span<UInt8>, Span<UInt8>) -> Bool) -> Bool {
        guard isReadable else { return false }
        let keys = keys
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle].lexicographicallyPrecedes(start) { low = middle + 1 } else { high = middle }
        }
        for key in keys[low...] {
            beforeVisit()
            guard let value = records[key] else { continue }
            guard visit(key.span, value.span) else { break }
        }
        return true
    }

    /// A table as it would be after a restart.
    func restarted(_ limits: RollupLimits = RollupLimits()) -> RollupTable {
        let table = RollupTable(limits: limits)
        _ = scan(RollupKey.restoreStart) { key, value in
            guard let parsed = RollupKey(bytes: key), !parsed.isInterval else { return false }
            table.restore(key: key, value: value)
            return true
        }
        return table
    }
}

extension RollupTable {
    /// Takes changes and commits them. Returns `false` if the store could not be read, which only a checkpoint needs.
    @discardableResult
    func commit(to store: RecordedRollups, at second: Int64) -> Bool {
        do throws(RecordedRollups.ReadFailure) {
            store.apply(try takeChanges(now: WallTime(milliseconds: second * 1000), read: store.read))
            didCommit()
            return true
        } catch {
            didFail()
            return false
        }
    }

    /// Commits, and sees to it that a checkpoint is part of it.
    func checkpoint(to store: RecordedRollups, at second: Int64) {
        commit(to: store, at: second - limits.checkpointSeconds)
        commit(to: store, at: second)
    }

    func answer(_ fields: [(String, String)], _ store: RecordedRollups, now second: Int64) throws -> StatsResult {
        let fields = fields.map { (name: $0.0, value: $0.1) }
        let query = try StatsQuery(fields: fields, now: WallTime(milliseconds: second * 1000), limits: limits)
        guard let result = evaluate(query, scan: store.scan) else { throw RecordedRollups.ReadFailure() }
        return result
    }
}

/// An event with little in it.
func event(
    at second: Int64, tenant: String = "acme", provider: String = "openai", model: String = "gpt", route: String = "",
    layer: GatewayEvent.CacheLayer = .miss
) -> GatewayEvent {
    var event = GatewayEvent(
        id: RequestID(at: WallTime(milliseconds: second * 1000), random: (1, 2)), createdAt: WallTime(milliseconds: second * 1000))
    event.tenant = tenant
    event.provider = provider
    event.model = model
    event.route = route
    event.status = 200
    event.cacheLayer = layer
    return event
}

/// An event with everything in it, drawn at random.
func randomEvent(at milliseconds: Int64, _ random: inout SplitMix64) -> GatewayEvent {
    let time = WallTime(milliseconds: milliseconds)
    var event = GatewayEvent(id: RequestID(at: time, random: (random.next(), random.next())), createdAt: time)
    // The smaller of two draws, so that some labels are common and some rare.
    func draw(_ bound: UInt64) -> UInt64 { min(random.next() % bound, random.next() % bound) }
    let tenant = Int(draw(6))
    event.tenant = ["", "acme", "bär", "x-\u{1F600}", "other-one", "zed"][tenant]
    event.route = ["", "chat", "cheap"][tenant % 3]
    event.model = "model-\(draw(7))"
    event.provider = event.model == "model-0" ? "" : event.model < "model-3" ? "openai" : "anthropic"
    event.cacheLayer = GatewayEvent.CacheLayer.allCases[Int(draw(8))]
    event.errorKind = random.next() % 10 == 0 ? GatewayEvent.ErrorKind.allCases[Int(random.next() % 9)] : .none
    event.status = event.errorKind == .none ? [200, 200, 200, 304, 404][Int(random.next() % 5)] : 503
    event.durationMicroseconds = random.next() >> (random.next() % 10 == 0 ? random.next() % 40 + 24 : random.next() % 5 + 40)
    event.overheadMicroseconds = random.next() % 200
    event.firstByteMicroseconds = random.next() % 3 == 0 ? 0 : random.next() % (event.durationMicroseconds | 1)
    event.tokensIn = random.next() % 5000
    event.tokensOut = random.next() % 2 == 0 ? 0 : random.next() % 900
    event.tokensCached = random.next() % 100
    event.tokensSaved = random.next() % 1000
    event.costNanoUSD = random.next() % 10_000_000
    event.costSavedNanoUSD = random.next() % 10_000_000
    event.requestBytes = random.next() % 100_000
    event.responseBytes = random.next() % 100_000
    if random.next() % 2 == 0 { event.flags.insert(.stream) }
    event.attemptCount = Int(draw(7))
    event.attempts = (0..<event.attemptCount).map { index in
        let isRepeat = index > 0 && random.next() % 2 == 0
        return .init(provider: event.provider, model: event.model, status: 500, failure: "", microseconds: 1, isRepeat: isRepeat)
    }
    return event
}
