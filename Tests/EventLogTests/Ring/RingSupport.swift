import GatewayModel
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import EventLog

/// Events with a story: the n-th is always the same.
enum Sample {
    static let start: Int64 = 1_770_000_000_000

    static func id(_ number: Int, at milliseconds: Int64? = nil) -> RequestID {
        RequestID(
            at: WallTime(milliseconds: milliseconds ?? start + Int64(number)),
            random: (UInt64(truncatingIfNeeded: number), UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15))
    }

    static func event(_ number: Int, at milliseconds: Int64? = nil, tenant: String? = nil) -> GatewayEvent {
        let time = milliseconds ?? start + Int64(number)
        var event = GatewayEvent(id: id(number, at: time), createdAt: WallTime(milliseconds: time))
        event.tenant = tenant ?? "tenant-\(number % 7)"
        event.keyID = "key-\(number % 13)"
        event.provider = number % 2 == 0 ? "openai" : "anthropic"
        event.model = "gpt-4o-mini-2024-07-\(10 + number % 20)"
        event.route = "route-\(number % 3)"
        event.operation = "chat_completions"
        event.path = "/v1/chat/completions"
        event.eventID = "event-\(number)"
        event.status = number % 10 == 0 ? 500 : 200
        event.errorCode = number % 10 == 0 ? "upstream_failed" : ""
        event.errorKind = number % 10 == 0 ? .upstream : .none
        event.cacheLayer = GatewayEvent.CacheLayer.allCases[number % 8]
        event.cacheStatus = "weir; hit; ttl=376"
        event.cacheReason = number % 5 == 0 ? CacheReason.allCases[number / 5 % CacheReason.allCases.count] : nil
        event.durationMicroseconds = UInt64(number) * 1003
        event.overheadMicroseconds = UInt64(number % 100)
        event.firstByteMicroseconds = number % 10 == 0 ? 0 : UInt64(number) * 501
        event.tokensIn = UInt64(number) * 3
        event.tokensOut = UInt64(number) * 2
        event.tokensCached = UInt64(number)
        event.tokensSaved = UInt64(number % 50)
        event.costNanoUSD = UInt64(number) * 1_234_567
        event.costSavedNanoUSD = UInt64(number) * 7
        event.requestBytes = UInt64(number) * 11
        event.responseBytes = UInt64(number) * 13
        event.step = number % 4
        event.attemptCount = 1 + number % 3
        for place in 0..<event.attemptCount {
            let isFirst = place == 0
            event.attempts.append(
                GatewayEvent.Attempt(
                    provider: "openai", model: "gpt-4o-mini-2024-07-18", status: isFirst ? 503 : 200,
                    failure: isFirst ? "first_byte_timeout" : "", microseconds: UInt64(place) * 1000, isRepeat: !isFirst))
        }
        event.finishReason = "stop"
        event.metadata = "{\"user\":\"u\(number)\",\"team\":\(number % 5),\"quoted\":\"a\\\"b\"}"
        event.similarity = number % 8 == 3 ? 0.973 : 0
        event.flags = GatewayEvent.Flags(rawValue: UInt16(number % 32))
        if number % 3 == 0 {
            event.trace = .init(
                traceHigh: UInt64(number), traceLow: UInt64(number) << 32, parentSpan: 5, span: UInt64(number) + 1,
                isSampled: number % 2 == 0)
        }
        return event
    }

    static func batch(_ numbers: Range<Int>, _ change: (inout GatewayEvent) -> Void = { _ in }) -> EventBatch {
        var batch = EventBatch()
        for number in numbers {
            var event = event(number)
            change(&event)
            batch.append(event)
        }
        return batch
    }
}

/// A clock that a test sets.
final class TestClock: Sendable {
    private let milliseconds: Atomic<Int64>

    init(_ start: Int64 = Sample.start) { milliseconds = Atomic(start) }

    var now: WallTime {
        get { WallTime(milliseconds: milliseconds.load(ordering: .relaxed)) }
        set { milliseconds.store(newValue.milliseconds, ordering: .relaxed) }
    }
}

extension RollupTable {
    /// Events counted in this run.
    var total: UInt64 { counts.recorded }
}

extension EventLog {
    /// Requests by tenant, of all runs.
    func requestsByTenant() throws -> [String: UInt64] {
        let now = WallTime(milliseconds: Sample.start + 100_000)
        let fields = [("window", "24h"), ("group_by", "tenant")]
        let result = try #require(evaluate(try StatsQuery(fields: fields, now: now)))
        return Dictionary(uniqueKeysWithValues: result.groups.map { ($0.labels[0].1, $0.measures[.requests]) })
    }
}

/// Waits for what comes on another thread.
final class Waiter<Value: Sendable>: @unchecked Sendable {
    // @unchecked: guarded by `lock`.
    private let lock = Lock()
    private var value: Value?

    func set(_ value: Value) {
        lock.withLock {
            self.value = value
            lock.broadcast()
        }
    }

    func get() -> Value {
        lock.withLock {
            while true {
                if let value { return value }
                lock.wait()
            }
        }
    }
}

extension EventLog {
    func patchAndWait(_ id: RequestID, _ change: LogChange) -> Result<LogRow, LogChangeError> {
        let waiter = Waiter<Result<LogRow, LogChangeError>>()
        patch(id: id, change) { waiter.set($0) }
        return waiter.get()
    }

    func deleteAndWait(_ filter: LogFilter) -> Result<Int, LogChangeError> {
        let waiter = Waiter<Result<Int, LogChangeError>>()
        delete(filter) { waiter.set($0) }
        return waiter.get()
    }

    /// All rows that can be read, oldest first.
    func allRows(_ filter: LogFilter = LogFilter()) -> [LogRow] {
        var query = LogQuery()
        query.order = .oldest
        query.filter = filter
        var scan = scan(query)
        var rows: [LogRow] = []
        while !scan.isDone { rows += scan.next(maxRows: 1000).rows }
        return rows
    }

    /// The numbers of all rows that can be read, oldest first, from their event ids.
    func numbers(_ filter: LogFilter = LogFilter()) -> [Int] {
        allRows(filter).compactMap { $0.event.flatMap { Int($0.eventID.dropFirst(6)) } }
    }
}
