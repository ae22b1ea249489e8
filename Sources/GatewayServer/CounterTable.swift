// The one table of counters: name, labels, unit and prose stand here once; `/metrics`, the CLI and the documentation read it.
//
// Each loop owns a `CounterBlock` and is its only writer, so counting is a relaxed load and store: no lock, no contended cache line. The
// control thread sums the blocks when somebody asks.

import GatewayModel
import Synchronization

/// One countable thing.
public enum Counter: Int, CaseIterable, Sendable {
    case requests, hits, semanticHits, staleHits, misses, bypasses, collapsed, refused, shed, clientErrors, upstreamErrors
    case attempts, upstreamFailures, clientsLeft
    case stored, storeRejected
    case connectionsAccepted, connectionsRefused, requestsUnparsable, timeouts
    case bytesReceived, bytesSent
    case tokensIn, tokensOut, tokensSaved
    case logLinesDropped
    case reloads, reloadsFailed
    case authenticationFailures
    case alertsSent, alertsFailed
    case limited, limitedInShadow, usageEstimated, usageUnderestimated, usageSuspect, unpriced, costNanoUSD
    case budgetAlerts, spendingWriteFailures
    case spanExportsSent, spanExportsFailed, spansDropped
    case eventsDropped
    case retries, fallbacks, hedges, breakerRefusals
    case healthProbesFailed

    /// The Prometheus name, unit suffix included.
    public var name: String {
        switch self {
        case .requests: "weir_requests_total"
        case .hits: "weir_cache_hits_total"
        case .semanticHits: "weir_cache_semantic_hits_total"
        case .staleHits: "weir_cache_stale_hits_total"
        case .misses: "weir_cache_misses_total"
        case .bypasses: "weir_cache_bypasses_total"
        case .collapsed: "weir_requests_collapsed_total"
        case .refused: "weir_requests_refused_total"
        case .shed: "weir_requests_shed_total"
        case .clientErrors: "weir_responses_client_error_total"
        case .upstreamErrors: "weir_responses_upstream_error_total"
        case .attempts: "weir_upstream_attempts_total"
        case .upstreamFailures: "weir_upstream_failures_total"
        case .clientsLeft: "weir_clients_left_total"
        case .stored: "weir_cache_stores_total"
        case .storeRejected: "weir_cache_not_stored_total"
        case .connectionsAccepted: "weir_connections_accepted_total"
        case .connectionsRefused: "weir_connections_refused_total"
        case .requestsUnparsable: "weir_requests_unparsable_total"
        case .timeouts: "weir_client_timeouts_total"
        case .bytesReceived: "weir_client_received_bytes_total"
        case .bytesSent: "weir_client_sent_bytes_total"
        case .tokensIn: "weir_tokens_input_total"
        case .tokensOut: "weir_tokens_output_total"
        case .tokensSaved: "weir_tokens_saved_total"
        case .logLinesDropped: "weir_log_lines_dropped_total"
        case .reloads: "weir_config_reloads_total"
        case .reloadsFailed: "weir_config_reload_failures_total"
        case .authenticationFailures: "weir_authentication_failures_total"
        case .alertsSent: "weir_alerts_sent_total"
        case .alertsFailed: "weir_alerts_failed_total"
        case .spanExportsSent: "weir_span_exports_sent_total"
        case .spanExportsFailed: "weir_span_exports_failed_total"
        case .spansDropped: "weir_spans_dropped_total"
        case .eventsDropped: "weir_event_rows_dropped_total"
        case .limited: "weir_requests_limited_total"
        case .limitedInShadow: "weir_limits_shadow_refusals_total"
        case .usageEstimated: "weir_usage_estimated_total"
        case .usageUnderestimated: "weir_usage_underestimated_total"
        case .usageSuspect: "weir_usage_suspect_total"
        case .unpriced: "weir_requests_unpriced_total"
        case .costNanoUSD: "weir_cost_usd_total"
        case .budgetAlerts: "weir_budget_alerts_total"
        case .retries: "weir_upstream_retries_total"
        case .fallbacks: "weir_upstream_fallbacks_total"
        case .hedges: "weir_upstream_hedges_total"
        case .breakerRefusals: "weir_upstream_breaker_refusals_total"
        case .healthProbesFailed: "weir_health_probes_failed_total"
        case .spendingWriteFailures: "weir_spending_write_failures_total"
        }
    }

    /// Whether it counts thousand-millionths of what its name says.
    public var isNano: Bool { self == .costNanoUSD }

    /// One sentence for `# HELP` and the documentation.
    public var help: String {
        switch self {
        case .requests: "Finished data-port API requests, refused ones included, health checks not."
        case .hits: "Requests answered from the exact cache while fresh."
        case .semanticHits: "Requests answered with the stored answer to another question that means the same."
        case .staleHits: "Requests answered from the exact cache past the ttl, as the route allows."
        case .misses: "Requests that looked in the cache and went upstream."
        case .bypasses: "Requests for which the cache was switched off or not applicable."
        case .collapsed: "Requests answered by following another request's flight."
        case .refused: "Requests refused before any upstream was asked (4xx of the gateway's own)."
        case .shed: "Requests refused with 503 because the gateway was full or draining."
        case .clientErrors: "Answers with a 4xx status, upstream's included."
        case .upstreamErrors: "Answers with a 5xx status because the upstream failed or said so."
        case .attempts: "Transfers started towards providers."
        case .upstreamFailures: "Transfers that failed, or ended with 408, 409, 425, 429 or 5xx."
        case .clientsLeft: "Requests whose client went away before the answer was complete."
        case .stored: "Answers handed to the store."
        case .storeRejected: "Answers of cacheable requests that were not stored; by reason in weir_cache_reason_total."
        case .connectionsAccepted: "Client connections accepted on the data port."
        case .connectionsRefused: "Client connections closed at once because a connection limit was reached."
        case .requestsUnparsable: "Requests refused as malformed or ambiguous HTTP."
        case .timeouts: "Connections cut because the client was too slow."
        case .bytesReceived: "Bytes read from clients."
        case .bytesSent: "Bytes handed to the kernel for clients."
        case .tokensIn: "Input tokens that providers reported, estimated where they reported none."
        case .tokensOut: "Output tokens that providers reported, estimated where they reported none."
        case .tokensSaved: "Tokens of answers that came from the cache or a followed flight."
        case .logLinesDropped: "Log lines dropped because the sink was behind."
        case .reloads: "Configuration reloads applied."
        case .reloadsFailed: "Configuration reloads refused; the previous configuration kept serving."
        case .authenticationFailures: "Requests with no, an unknown or a no longer valid virtual key."
        case .alertsSent: "Budget alerts that a webhook took (2xx)."
        case .alertsFailed: "Budget alerts given up after the last try, refused by the webhook, or dropped because too many waited."
        case .spanExportsSent: "Exports of spans that the OTLP collector took."
        case .spanExportsFailed:
            "Exports of spans given up after the last try, refused by the collector, or dropped because too many waited."
        case .spansDropped: "Requests whose spans were dropped because the exporter was behind."
        case .eventsDropped: "Rows of the event log that were dropped because its writer was behind, or could not be written."
        case .limited: "Requests refused because a limit was reached or could never hold them."
        case .limitedInShadow: "Refusals that limits in shadow mode would have made."
        case .usageEstimated: "Answers charged by estimate because the provider reported no usage, or not all of it."
        case .usageUnderestimated: "Answers that used more than was set aside for them; the difference became debt."
        case .usageSuspect: "Usage reports with a negative, fractional, textual or absurd count."
        case .unpriced: "Answers whose model has no price: counted in tokens only."
        case .costNanoUSD: "What providers' answers cost in USD, by the configured prices."
        case .budgetAlerts: "Budgets that crossed a threshold of alert_at."
        case .retries: "Attempts repeated on the same target."
        case .fallbacks: "Requests that moved on to another target."
        case .hedges: "Second targets asked because the first took longer than it mostly does."
        case .breakerRefusals: "Attempts that a target's breaker, or its benched keys, did not admit."
        case .healthProbesFailed: "Health probes of providers without an answer in time, or with one of 5xx."
        case .spendingWriteFailures: "Batches of spending that could not be recorded; they are tried again."
        }
    }
}

/// One loop's counters. Written by that loop alone, read by anyone.
///
/// A plain pointer to the cells, because arrays of atomics cannot be stored otherwise.
public final class CounterBlock: @unchecked Sendable {  // @unchecked: the cells are atomics; their address never changes
    /// What is measured of finished requests.
    public let requests = RequestMetrics()
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>
    private static let reasonBase = Counter.allCases.count
    private static let count = reasonBase + CacheReason.allCases.count

    /// Makes a block of zeros.
    public init() {
        cells = .allocate(capacity: Self.count)
        for index in 0..<Self.count { (cells + index).initialize(to: Atomic(0)) }
    }

    deinit {
        cells.deinitialize(count: Self.count)
        cells.deallocate()
    }

    /// Adds to a counter. Owner loop only; wraps after 2^64.
    @inline(__always) public func add(_ counter: Counter, _ amount: UInt64 = 1) { bump(counter.rawValue, amount) }

    /// Counts a reason for not caching. Owner loop only.
    @inline(__always) public func add(_ reason: CacheReason) { bump(Self.reasonBase + reason.index, 1) }

    /// The present value. Any thread.
    public func value(of counter: Counter) -> UInt64 { cells[counter.rawValue].load(ordering: .relaxed) }

    /// The present count of a reason. Any thread.
    public func value(of reason: CacheReason) -> UInt64 { cells[Self.reasonBase + reason.index].load(ordering: .relaxed) }

    @inline(__always) private func bump(_ index: Int, _ amount: UInt64) {
        cells[index].store(cells[index].load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}
