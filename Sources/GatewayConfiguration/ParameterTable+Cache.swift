// The exact cache: defaults, bounds that no request can leave, and sharing.

extension ParameterTable {
    static let cache: [Parameter] = [
        Parameter("cache", .section, "The exact cache."),
        Parameter("cache.enabled", .flag, .flag(true), "Whether answers of generate and embed operations are cached."),
        Parameter(
            "cache.ttl", .seconds, .integer(3600), 0...2_592_000, "How long an answer is served when nothing else says. 0 is no caching."),
        Parameter(
            "cache.ttl_min", .seconds, .integer(1), 1...2_592_000, "The shortest time to live a request can ask for; 0 always means none."),
        Parameter("cache.ttl_max", .seconds, .integer(2_592_000), 1...2_592_000, "The longest time to live a request can ask for."),
        Parameter(
            "cache.bytes_max", .bytes, .integer(8 << 30), 16 << 20...(256 << 30), restart: true,
            "The size of the store on disk, which evicts before it is full. A quarter of the free disk is used where that is less."),
        Parameter("cache.entry_bytes_max", .bytes, .integer(256 << 10), 1 << 10...(4 << 20), "The largest answer kept."),
        Parameter(
            "cache.body_bytes_max", .bytes, .integer(1 << 20), 1 << 10...(32 << 20), "The largest request body whose answer is kept."),
        Parameter(
            "cache.store_tool_calls", .flag, .flag(false),
            "Whether answers with tool calls are kept. Replaying one repeats its side effects."),
        Parameter("cache.max_temperature", .number, .number(2), 0...2, "Requests with a higher temperature are not cached."),
        Parameter(
            "cache.stale_if_error", .seconds, .integer(0), 0...2_592_000,
            "How long past its end an answer may be served when every upstream fails."),
        Parameter(
            "cache.stale_while_revalidate", .seconds, .integer(0), 0...86_400,
            "How long past its end an answer may be served while a fresh one is fetched."),
        Parameter(
            "cache.pending_entries_max", .count(unit: "answers"), .integer(8192), 1...1_000_000, restart: true,
            "Answers waiting to be written; further ones are dropped and counted."),
        Parameter(
            "cache.pending_bytes_max", .bytes, .integer(32 << 20), 1 << 20...(4 << 30), restart: true,
            "Bytes waiting to be written; further ones are dropped and counted."),
        Parameter(
            "cache.shares", .values, "Named groups of tenants that read each other's answers: NAME: [tenant, tenant]. At most 200 groups."),
    ]
}
