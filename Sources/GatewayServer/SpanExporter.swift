// Spans on their way to a collector: loops lay finished requests down, the control loop takes them once a second and posts them. A collector
// that is gone or slow costs requests nothing: what does not fit is dropped and counted.

import EventLog
import EventLoop
import GatewayConfiguration
import GatewayModel
import Logging
import Telemetry

/// Where loops leave what is to be exported. Thread-safe, bounded.
final class SpanCollector: Sendable {
    private struct State {
        var waiting: [SpanSource] = []
        var dropped: UInt64 = 0
    }
    private let state = Locked(State())

    /// Requests that may wait for the next export; one more is dropped.
    static let waitingMax = 8192

    /// Adds a finished request.
    func add(_ source: SpanSource) {
        state.withLock { state in
            if state.waiting.count < Self.waitingMax { state.waiting.append(source) } else { state.dropped &+= 1 }
        }
    }

    /// Takes what waits, and how many were dropped since the last call.
    func take() -> (sources: [SpanSource], dropped: UInt64) {
        state.withLock { state in
            defer { state = State() }
            return (state.waiting, state.dropped)
        }
    }
}

/// Posts spans as OTLP. Confined to the control loop; `close()` before the loop ends.
final class SpanExporter {
    private let loop: EventLoop
    private let collector: SpanCollector
    private let counters: CounterBlock
    private let export: TraceExport
    private let sender: AlertSender
    private var timer: LoopTimer?
    private var endpoint: (url: String, fields: [AlertField])?

    /// Requests in one export.
    static let sourcesMax = 256
    private static let periodMilliseconds: UInt64 = 1000

    init(loop: EventLoop, collector: SpanCollector, counters: CounterBlock, version: String, sender: AlertSender) {
        self.loop = loop
        self.collector = collector
        self.counters = counters
        self.sender = sender
        export = TraceExport(version: version)
    }

    /// Uses another collector, or none, from the next export on.
    func adopt(_ settings: EventSettings) {
        endpoint = settings.otlpEndpoint.map { ($0, AlertField.parse(settings.otlpHeaders?.reveal() ?? "")) }
        guard endpoint != nil, timer == nil else { return }
        timer = try? loop.makeTimer { [unowned self] in
            flush()
            timer?.start(afterMilliseconds: Self.periodMilliseconds)
        }
        timer?.start(afterMilliseconds: Self.periodMilliseconds)
    }

    /// Posts what waits.
    func flush() {
        var (sources, dropped) = collector.take()
        if dropped > 0 { counters.add(.spansDropped, dropped) }
        guard let endpoint else { return }
        while !sources.isEmpty {
            let batch = sources.prefix(Self.sourcesMax)
            sources.removeFirst(batch.count)
            let spans = batch.flatMap(\.spans)
            if !spans.isEmpty { sender.send(Alert(body: export.body(of: spans), url: endpoint.url, bearer: nil, fields: endpoint.fields)) }
        }
    }

    /// Stops. What is under way is lost.
    func close() {
        timer?.close()
        timer = nil
        sender.close()
    }
}

@available(*, unavailable)
extension SpanExporter: Sendable {}
