// Route aliases: a model name of the operator's own that stands for one or more targets.

extension ParameterTable {
    static let routes: [Parameter] = [
        Parameter("routes", .sections(countMax: 10_000), "Aliases that clients use as model. NAME: provider/model is the short form."),
        Parameter(
            "routes.*.targets", .texts(countMax: 20),
            "provider/model, or another route, in order of preference. The first is asked."),
        Parameter(
            "routes.*.dialects", .texts(countMax: 3),
            "Dialects the route must be callable in (openai, anthropic, gemini). Left out: those all targets speak."),
        Parameter(
            "routes.*.cache_by", .choice(["target", "route"]), .text("target"),
            "Whether answers are kept under the target that gave them or under the route as a whole."),
        Parameter("routes.*.limits", .limits, "What all requests of the route together may use; not by metadata. Left out: no limits."),
        Parameter(
            "routes.*.price_per_request", .usd, .none, 0...1_000_000,
            "What a request costs where no price is known. Left out: such a request is refused under a limit of cost."),
        Parameter("routes.*.cache", .section, "Cache policy of the route; what is left out is as in the cache section."),
        Parameter("routes.*.cache.enabled", .flag, "Whether answers are cached."),
        Parameter("routes.*.cache.ttl", .seconds, .none, 0...2_592_000, "Time to live. 0 is no caching."),
        Parameter("routes.*.cache.store_tool_calls", .flag, "Whether answers with tool calls are kept."),
        Parameter("routes.*.cache.max_temperature", .number, .none, 0...2, "Requests with a higher temperature are not cached."),
        Parameter("routes.*.cache.stale_if_error", .seconds, .none, 0...2_592_000, "As in the cache section."),
        Parameter("routes.*.cache.stale_while_revalidate", .seconds, .none, 0...86_400, "As in the cache section."),
        Parameter("routes.*.timeouts", .section, "Timeouts of the route; what is left out is as in the timeouts section."),
        Parameter("routes.*.timeouts.connect", .milliseconds, .none, 1...60_000, "As timeouts.connect."),
        Parameter("routes.*.timeouts.first_byte_stream", .milliseconds, .none, 1...3_600_000, "As timeouts.first_byte_stream."),
        Parameter("routes.*.timeouts.first_byte", .milliseconds, .none, 1...3_600_000, "As timeouts.first_byte."),
        Parameter("routes.*.timeouts.idle", .milliseconds, .none, 1...3_600_000, "As timeouts.idle."),
        Parameter("routes.*.timeouts.deadline", .milliseconds, .none, 1...3_600_000, "As timeouts.deadline."),
        Parameter("routes.*.timeouts.stream_total", .milliseconds, .none, 1...86_400_000, "As timeouts.stream_total."),
    ]
}
