// What is kept of every request, and where it goes.

extension ParameterTable {
    static let events: [Parameter] = [
        Parameter("events", .section, "The event log: a ring of the newest requests, and exact sums of all of them."),
        Parameter(
            "events.collect", .flag, .flag(true),
            "Whether requests have rows. The sums count every request all the same. cf-aig-collect-log decides for one."),
        Parameter(
            "events.payloads", .flag, .flag(false),
            "Whether bodies are kept with the rows. cf-aig-collect-log-payload: false leaves them out for one request."),
        Parameter("events.rows_max", .count(unit: "rows"), .integer(100_000), 1...10_000_000, "The newest rows that are kept."),
        Parameter(
            "events.bytes_max", .bytes, .integer(256 << 20), (16 << 20)...(64 << 30), restart: true, "Bytes of rows and bodies on disk."),
        Parameter("events.age_max", .seconds, .integer(0), 0...63_072_000, "Rows older than this are dropped; 0: no limit."),
        Parameter(
            "events.scope", .choice(["global", "tenant"]), .text("global"),
            "Whether rows_max and the quota are for all rows together or for each tenant's."),
        Parameter(
            "events.strategy", .choice(["DELETE_OLDEST", "STOP_INSERTING"]), .text("DELETE_OLDEST"),
            "What makes room when the cap is reached."),
        Parameter("events.quota", .count(unit: "rows"), .integer(0), 0...1_000_000_000, "Rows of one calendar period; 0: no quota."),
        Parameter("events.quota_per", .choice(["hour", "day", "month"]), .text("month"), "The period of the quota, in UTC."),
        Parameter(
            "events.payload_bytes_max", .bytes, .integer(64 << 10), 0...(1 << 20),
            "Bytes kept of one body; the rest is cut off, and the row says so."),
        Parameter("events.payload_store_bytes_max", .bytes, .integer(128 << 20), (1 << 20)...(64 << 30), "Bytes of all bodies kept."),
        Parameter(
            "events.pending_bytes_max", .bytes, .integer(8 << 20), (64 << 10)...(1 << 30),
            "Bytes of rows that may wait to be written; more are dropped and counted."),
        Parameter(
            "events.redact", .flag, .flag(true),
            "Whether API keys, e-mail addresses, phone, card and IBAN numbers in bodies are replaced before anything is written."),
        Parameter(
            "events.redact_patterns", .texts(countMax: 32),
            "Extended regular expressions (POSIX, with \\d \\w \\s \\b and a leading (?i)) whose matches in bodies are replaced as well."),
        Parameter(
            "events.metric_labels", .texts(countMax: 2),
            "Further labels of /metrics: model, tenant. Left out: none, since each value is a series; at most 200 values are told apart."),
        Parameter(
            "events.otlp_endpoint", .text, .none, 1...2048,
            "An OTLP/HTTP collector's URL for traces, such as http://127.0.0.1:4318/v1/traces. Left out: no spans are exported."),
        Parameter("events.otlp_headers", .secret, "Fields for the collector: name=value, separated by commas."),
        Parameter(
            "events.otlp_sample", .number, .number(1), 0...1,
            "The share of requests whose span is exported where the caller did not decide."),
    ]
}
