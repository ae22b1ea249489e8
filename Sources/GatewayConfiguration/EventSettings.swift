import EventLog

/// What is kept of every request; the table has what each means.
public struct EventSettings: Sendable, Equatable {
    /// Whose rows a cap is for.
    public enum Scope: String, Sendable, CaseIterable { case global, tenant }
    /// What makes room at the cap, by Cloudflare's names.
    public enum Strategy: String, Sendable, CaseIterable {
        case deleteOldest = "DELETE_OLDEST"
        case stopInserting = "STOP_INSERTING"
    }
    /// The period of a quota, in UTC.
    public enum Period: String, Sendable, CaseIterable { case hour, day, month }

    /// `events.collect`.
    public let collects: Bool
    /// `events.payloads`.
    public let collectsPayloads: Bool
    /// `events.rows_max`.
    public let rowsMax: Int
    /// `events.bytes_max`.
    public let bytesMax: Int
    /// `events.age_max`, in seconds; 0 for none.
    public let ageSecondsMax: Int
    /// `events.scope`.
    public let scope: Scope
    /// `events.strategy`.
    public let strategy: Strategy
    /// `events.quota`; 0 for none.
    public let quota: Int
    /// `events.quota_per`.
    public let quotaPeriod: Period
    /// `events.payload_bytes_max`.
    public let payloadBytesMax: Int
    /// `events.payload_store_bytes_max`.
    public let payloadStoreBytesMax: Int
    /// `events.pending_bytes_max`.
    public let pendingBytesMax: Int
    /// `events.redact`.
    public let redacts: Bool
    /// `events.redact_patterns`, each checked to be a regular expression.
    public let redactPatterns: [String]
    /// `events.metric_labels`: `model`, `tenant`.
    public let metricLabels: [String]
    /// `events.otlp_endpoint`: an http or https URL, checked; `nil`: none.
    public let otlpEndpoint: String?
    /// `events.otlp_headers`.
    public let otlpHeaders: Secret?
    /// `events.otlp_sample`, 0 to 1.
    public let otlpSample: Double

    init(_ section: Section, egress: EgressSettings, secrets: SecretReader) {
        collects = section.flag("collect")
        collectsPayloads = section.flag("payloads")
        rowsMax = section.integer("rows_max")
        bytesMax = section.integer("bytes_max")
        ageSecondsMax = section.integer("age_max")
        scope = section.choice("scope", Scope.self) ?? .global
        strategy = section.choice("strategy", Strategy.self) ?? .deleteOldest
        quota = section.integer("quota")
        quotaPeriod = section.choice("quota_per", Period.self) ?? .month
        payloadBytesMax = section.integer("payload_bytes_max")
        payloadStoreBytesMax = section.integer("payload_store_bytes_max")
        pendingBytesMax = section.integer("pending_bytes_max")
        redacts = section.flag("redact")
        redactPatterns = section.texts("redact_patterns")
        otlpHeaders = section.secret("otlp_headers", secrets)
        otlpSample = section.optionalNumber("otlp_sample") ?? 1
        otlpEndpoint = section.calledURL("otlp_endpoint", egress)
        metricLabels = section.texts("metric_labels")
        for label in metricLabels where !["model", "tenant"].contains(label) {
            section.report("metric_labels", "\"\(section.shown(label))\" is no label: model or tenant")
        }
        do throws(RedactionError) {
            _ = try Redactor(patterns: redactPatterns)
        } catch {
            section.report("redact_patterns", error.description)
        }
    }
}

/// What the event log keeps of one request, once route, tenant and defaults are put together.
public struct EventPolicy: Sendable, Equatable {
    /// Whether it has a row.
    public var collects: Bool
    /// Whether its bodies are kept.
    public var collectsPayloads: Bool
    /// Whether the request itself may ask for its bodies to be kept.
    public let mayCollectPayloads: Bool
}
