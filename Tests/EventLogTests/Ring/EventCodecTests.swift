import GatewayModel
import TestSupport
import Testing

@testable import EventLog

@Suite struct EventCodecTests {
    @Test func `an event comes back from its bytes as it was`() {
        for number in 0..<200 {
            let event = Sample.event(number)
            var batch = EventBatch()
            batch.append(event)
            #expect(batch.events == [event])
        }
    }

    @Test func `payloads come back with their full length`() {
        var event = Sample.event(1)
        event.request = .init(bytes: Array("{\"a\":1}".utf8), fullLength: 7)
        event.response = .init(bytes: [0, 255, 10], fullLength: 99)
        var batch = EventBatch()
        batch.append(Sample.event(0))
        batch.append(event)
        batch.append(Sample.event(2))
        #expect(batch.count == 3 && batch.hasPayloads)
        #expect(batch.events == [Sample.event(0), event, Sample.event(2)])
        var only = Sample.event(3)
        only.response = .init(bytes: [], fullLength: 0)
        var other = EventBatch()
        other.append(only)
        #expect(other.events == [only])
    }

    @Test func `every reason not to cache keeps its number`() {
        for reason in CacheReason.allCases { #expect(CacheReason(storedCode: reason.storedCode) == reason) }
        #expect(CacheReason.off.storedCode == 1 && CacheReason.queueFull.storedCode == 29)
        #expect(CacheReason(storedCode: 0) == nil && CacheReason(storedCode: 255) == nil)
        #expect(Set(CacheReason.allCases.map(\.storedCode)).count == CacheReason.allCases.count)
    }

    @Test func `a text of its maximum is kept and one byte more is cut at a whole character`() {
        for text in EventLayout.Text.allCases where text != .metadata {
            var event = GatewayEvent(id: Sample.id(1), createdAt: WallTime(milliseconds: 1))
            let fitting = String(repeating: "x", count: text.bytesMax - 2) + "é"
            set(text, fitting, in: &event)
            #expect(decoded(event).map { get(text, $0) } == fitting)
            set(text, String(repeating: "x", count: text.bytesMax - 1) + "é", in: &event)
            #expect(decoded(event).map { get(text, $0) } == String(repeating: "x", count: text.bytesMax - 1))
        }
    }

    @Test func `metadata over its maximum goes as a whole`() {
        var event = GatewayEvent(id: Sample.id(1), createdAt: WallTime(milliseconds: 1))
        event.metadata = "{\"a\":\"" + String(repeating: "x", count: 2048 - 8) + "\"}"
        #expect(decoded(event)?.metadata == event.metadata)
        event.metadata = "{\"a\":\"" + String(repeating: "x", count: 2048 - 7) + "\"}"
        #expect(decoded(event)?.metadata == "")
    }

    @Test func `an event of a megabyte makes a row of at most 8 KiB`() {
        var event = Sample.event(1)
        let huge = String(repeating: "<script>\u{0}é", count: 100_000)
        for text in EventLayout.Text.allCases { set(text, huge, in: &event) }
        event.attempts = (0..<100).map { _ in
            .init(provider: huge, model: huge, status: 1_000_000, failure: huge, microseconds: .max, isRepeat: true)
        }
        event.attemptCount = .max
        event.status = -1
        event.step = .max
        var batch = EventBatch()
        batch.append(event)
        var rowBytes = 0
        batch.forEach { rowBytes = $0.row.bytes.count }
        #expect(rowBytes > 4096 && rowBytes <= EventLayout.rowBytesMax)
        let back = decoded(event)
        #expect(back?.attempts.count ?? 0 >= 1 && back?.attemptCount == Int(UInt32.max) && back?.status == 0)
    }

    @Test func `sixteen attempts are described and the seventeenth is not`() {
        var event = Sample.event(1)
        let attempt = GatewayEvent.Attempt(provider: "a", model: "b", status: 1, failure: "", microseconds: 2, isRepeat: false)
        event.attempts = Array(repeating: attempt, count: 16)
        #expect(decoded(event)?.attempts.count == 16)
        event.attempts = Array(repeating: attempt, count: 17)
        #expect(decoded(event)?.attempts.count == 16)
    }

    @Test func `damaged bytes never trap a decoder`() {
        var random = SplitMix64(seed: 20)
        var read = 0
        for _ in 0..<20_000 { read += EventLogTrial.damagedBatch(&random) }
        #expect(read > 1000)
    }

    @Test func `damaged blocks never trap a reader`() {
        var random = SplitMix64(seed: 21)
        var read = 0
        for _ in 0..<5000 { read += EventLogTrial.damagedBlock(&random) }
        #expect(read > 1000)
    }

    @Test func `bytes that a fuzzer would try never trap`() {
        var random = SplitMix64(seed: 22)
        var read = 0
        for _ in 0..<2000 {
            var bytes: [UInt8] = []
            Sample.event(Int(random.next() % 50)).append(to: &bytes)
            for _ in 0..<(random.next() % 3) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            read += EventChecks.run(bytes)
        }
        #expect(read > 500)
    }

    private func decoded(_ event: GatewayEvent) -> GatewayEvent? {
        var batch = EventBatch()
        batch.append(event)
        return batch.events.first
    }

    private func set(_ text: EventLayout.Text, _ value: String, in event: inout GatewayEvent) { event[keyPath: path(text)] = value }
    private func get(_ text: EventLayout.Text, _ event: GatewayEvent) -> String { event[keyPath: path(text)] }

    private func path(_ text: EventLayout.Text) -> WritableKeyPath<GatewayEvent, String> {
        switch text {
        case .tenant: \.tenant
        case .keyID: \.keyID
        case .provider: \.provider
        case .model: \.model
        case .route: \.route
        case .operation: \.operation
        case .path: \.path
        case .eventID: \.eventID
        case .errorCode: \.errorCode
        case .cacheStatus: \.cacheStatus
        case .finishReason: \.finishReason
        case .metadata: \.metadata
        }
    }
}
