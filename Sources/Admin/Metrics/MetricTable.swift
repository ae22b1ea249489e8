// All that `/metrics` tells, in one table: the counters and histograms of the loops, whose names stand with them, and gauges. Labels have few and
// known values, but for models and tenants, which are told apart only where the configuration says so, and then the first 200 of them.

import EventLog
import ExactCache
import GatewayModel
import GatewayServer
import Storage

/// The families, in the order in which they are told.
enum MetricTable {
    static let families: [MetricFamily] = counters + byName + histograms + gauges + cache + semantic + log + process

    private static let counters: [MetricFamily] =
        Counter.allCases.map { counter in
            MetricFamily(counter.name, .counter, counter.help) { reading in
                let value = reading.control.value(of: counter)
                return [MetricSample("", counter.isNano ? .billionths(value) : .whole(value))]
            }
        } + [
            MetricFamily("weir_cache_reason_total", .counter, "Why an answer was not read from, or not kept in, the cache.") { reading in
                CacheReason.allCases.map { MetricSample("reason=\"\($0.rawValue)\"", .whole(reading.control.value(of: $0))) }
            },
            MetricFamily("weir_request_errors_total", .counter, "Finished requests that went wrong, by kind.") { reading in
                GatewayEvent.ErrorKind.allCases.filter { $0 != .none }.map {
                    MetricSample("error_kind=\"\($0.name)\"", .whole(reading.control.value(of: $0)))
                }
            },
        ]

    /// Families by provider, model and tenant.
    private static let byName: [MetricFamily] = ControlPlane.LabelledSet.allCases.flatMap { set in
        LabelledCounter.allCases.map { counter in
            MetricFamily("weir_\(set)_\(counter.suffix)", .counter, counter.help("\(set)")) { reading in
                reading.control.counts(by: set).map { name, counts in
                    let count = counts[counter.rawValue]
                    return MetricSample(
                        "\(set)=\"\(MetricText.escaped(name))\"", counter == .costNanoUSD ? .billionths(count) : .whole(count))
                }
            }
        }
    }

    private static let histograms: [MetricFamily] = Histogram.allCases.map { histogram in
        MetricFamily(histogram.name, .histogram, histogram.help) { reading in
            (0..<histogram.variants).compactMap { variant in
                let counts = reading.control.counts(of: histogram, variant)
                guard counts.count > 0 else { return nil }
                return MetricSample(
                    histogram.labels(of: variant),
                    .histogram(
                        bounds: histogram.bounds, buckets: counts.buckets, sum: counts.sum, isMillionths: histogram.unit == .seconds))
            }
        }
    }

    private static let gauges: [MetricFamily] = [
        gauge("weir_ready", "1 while traffic may come, 0 while starting or draining.") { $0.control.lifecycle.isReady ? 1 : 0 },
        gauge("weir_requests_in_flight", "Requests that occupy an upstream slot.") { UInt64(clamping: $0.control.inFlight) },
        gauge("weir_connections_open", "Client connections open on the data port.") { UInt64(clamping: $0.control.connections) },
        gauge("weir_breakers_open", "Targets that are not asked because every key's breaker is open.") {
            UInt64(clamping: $0.control.openBreakers)
        },
        gauge("weir_flights_open", "Upstream answers that other requests may follow.") { UInt64(clamping: $0.control.flights) },
    ]

    private static let cache: [MetricFamily] = [
        gauge("weir_cache_up", "1 while the store of answers is open and written, 0 while requests are served uncached.") { reading in
            reading.cache.map { $0.writer.isDisabled ? 0 : 1 } ?? 0
        },
        cacheGauge("weir_cache_entries", "Answers in the exact cache.") { UInt64(clamping: $0.entries) },
        cacheGauge("weir_cache_size_bytes", "Bytes that entries of the exact cache cost on disk.") { UInt64(clamping: $0.bytes) },
        cacheGauge("weir_cache_limit_bytes", "Bytes that entries of the exact cache may cost on disk.") { UInt64(clamping: $0.byteCap) },
        cacheGauge("weir_cache_pending_entries", "Answers accepted and not yet written.") { UInt64(clamping: $0.pendingEntries) },
        cacheCounter("weir_cache_evictions_total", "Entries evicted to make room.") { $0.evicted },
        cacheCounter("weir_cache_bad_records_total", "Records met by readers whose checksum or form was wrong; each was a miss.") {
            $0.badReads
        },
        cacheCounter("weir_cache_write_failures_total", "Transactions of the cache's writer that failed.") { statistics in
            statistics.writer.failures.values.reduce(0, &+)
        },
    ]

    private static let semantic: [MetricFamily] = [
        gauge("weir_semantic_up", "1 while the semantic cache takes part in requests, 0 while it is off or reads what it had stored.") {
            $0.semantic.state == "ready" ? 1 : 0
        },
        gauge("weir_semantic_entries", "Questions in the semantic cache.") { UInt64(clamping: $0.semantic.statistics?.entries ?? 0) },
        semanticCounter("weir_semantic_lookups_total", "Requests whose question was compared with stored ones.") {
            $0.statistics?.lookups ?? 0
        },
        semanticCounter("weir_semantic_audits_total", "Semantic hits that got a fresh answer instead, and were judged by it.") { status in
            status.scopes.reduce(0) { $0 &+ $1.auditsJudged }
        },
        semanticCounter(
            "weir_semantic_wrong_audits_total", "Of these, those whose stored answer was wrong. Risky ones are audited more often."
        ) {
            status in status.scopes.reduce(0) { $0 &+ $1.auditsWrong }
        },
        semanticCounter("weir_semantic_judge_dropped_total", "Answers that nothing was learnt from because too many waited to be judged.") {
            $0.judgeDropped
        },
        gauge("weir_semantic_alarmed_scopes", "Tenants or routes whose audits broke the bound: the semantic cache only learns there now.") {
            UInt64(clamping: $0.semantic.scopes.count { $0.isAlarmed })
        },
    ]

    private static let log: [MetricFamily] = [
        gauge("weir_log_up", "1 while the event log is written, 0 while rows are counted and not kept.") {
            $0.log?.isWriting == true ? 1 : 0
        },
        ofLog("weir_log_rows", .gauge, "Rows in the event log.") { UInt64(clamping: $0.rows) },
        ofLog("weir_log_limit_rows", .gauge, "Rows the event log keeps at most: in all, or for each tenant.") {
            UInt64(clamping: $0.rowsMax)
        },
        ofLog("weir_log_size_bytes", .gauge, "Bytes that rows take in the event log, without payloads.") { UInt64(clamping: $0.bytes) },
        ofLog("weir_log_limit_bytes", .gauge, "Bytes that rows may take in the event log.") { UInt64(clamping: $0.bytesMax) },
        ofLog("weir_log_payload_bytes", .gauge, "Bytes that payloads take in the event log.") { UInt64(clamping: $0.payloadsBytes) },
        ofLog("weir_log_queued_bytes", .gauge, "Bytes of events that wait for the writer.") { UInt64(clamping: $0.queuedBytes) },
        ofLog("weir_log_written_total", .counter, "Rows written.") { $0.written },
        MetricFamily("weir_log_dropped_total", .counter, "Rows lost because the writer was behind or the store failed.") { reading in
            guard let status = reading.log else { return [] }
            return DropClass.allCases.map { MetricSample("class=\"\($0.name)\"", .whole(status.droppedByClass[$0] ?? 0)) }
        },
        ofLog("weir_log_dropped_payloads_total", .counter, "Payloads lost because the writer was behind; their rows were kept.") {
            $0.droppedPayloads
        },
        ofLog("weir_log_withheld_payloads_total", .counter, "Payloads not kept because redaction ran out of its time.") {
            $0.withheldPayloads
        },
        ofLog("weir_log_stopped_total", .counter, "Rows not kept because the cap was reached (STOP_INSERTING).") { $0.stopped },
        ofLog("weir_log_over_quota_total", .counter, "Rows not kept because the quota was used up.") { $0.overQuota },
        ofLog("weir_log_bad_blocks_total", .counter, "Blocks of the event log that could not be read and were passed over.") {
            $0.badBlocks
        },
    ]

    private static let process: [MetricFamily] = [
        MetricFamily("weir_build_info", .gauge, "1, with the version and the commit as labels.") { reading in
            let version = MetricText.escaped(reading.version.number)
            return [MetricSample("version=\"\(version)\",commit=\"\(MetricText.escaped(reading.version.commit))\"", .whole(1))]
        },
        MetricFamily("process_start_time_seconds", .gauge, "When the process started, in seconds since 1970.") {
            [MetricSample("", .millionths(UInt64(clamping: $0.started.milliseconds) &* 1000))]
        },
        MetricFamily("process_cpu_seconds_total", .counter, "User and system CPU time.") {
            [MetricSample("", .millionths($0.process.cpuMicroseconds))]
        },
        gauge("process_resident_memory_bytes", "Resident memory.") { $0.process.residentBytes },
    ]

    private static func gauge(_ name: String, _ help: String, _ value: @escaping @Sendable (MetricReading) -> UInt64) -> MetricFamily {
        MetricFamily(name, .gauge, help) { [MetricSample("", .whole(value($0)))] }
    }

    private static func cacheGauge(_ name: String, _ help: String, _ value: @escaping @Sendable (CacheStatistics) -> UInt64) -> MetricFamily
    {
        ofCache(name, .gauge, help, value)
    }

    private static func cacheCounter(_ name: String, _ help: String, _ value: @escaping @Sendable (CacheStatistics) -> UInt64)
        -> MetricFamily
    {
        ofCache(name, .counter, help, value)
    }

    private static func semanticCounter(
        _ name: String, _ help: String, _ value: @escaping @Sendable (SemanticStatus) -> UInt64
    ) -> MetricFamily {
        MetricFamily(name, .counter, help) { [MetricSample("", .whole(value($0.semantic)))] }
    }

    private static func ofLog(
        _ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: @escaping @Sendable (LogStatus) -> UInt64
    ) -> MetricFamily {
        MetricFamily(name, kind, help) { reading in reading.log.map { [MetricSample("", .whole(value($0)))] } ?? [] }
    }

    private static func ofCache(
        _ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: @escaping @Sendable (CacheStatistics) -> UInt64
    ) -> MetricFamily {
        MetricFamily(name, kind, help) { reading in
            reading.cache.map { [MetricSample("", .whole(value($0)))] } ?? []
        }
    }
}
