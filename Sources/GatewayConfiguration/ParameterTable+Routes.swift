import Routing

// Route aliases: a model name of the operator's own that stands for one or more targets.

extension ParameterTable {
    static let routes: [Parameter] = [
        Parameter("routes", .sections(countMax: 10_000), "Aliases that clients use as model. NAME: provider/model is the short form."),
        Parameter(
            "routes.*.strategy", .choice(RouteStrategy.allCases.map(\.rawValue)), .text("fallback"),
            "Which target is asked first; the others follow where it fails. See targets of a route below."),
        Parameter(
            "routes.*.targets", .targets(countMax: RoutePlan.targetsMax),
            "provider/model, another route, or a mapping with either and more. Together at most \(RoutePlan.targetsMax), other routes put in."
        ),
        Parameter(
            "routes.*.key", .text, .none, 1...128,
            "For percentage: the field by which a client always gets the same target, such as tenant or metadata.user. Left out: key."),
        Parameter(
            "routes.*.on_context_length", .targets(countMax: RoutePlan.targetsMax),
            "What is asked instead when an upstream says that the prompt does not fit. Left out: its answer is passed on."),
        Parameter(
            "routes.*.on_content_filter", .targets(countMax: RoutePlan.targetsMax),
            "What is asked instead when an upstream's content filter refuses. Left out: its answer is passed on."),
        Parameter(
            "routes.*.hints", .flag, .flag(true),
            "Whether OpenRouter's models and provider in a request's body narrow and reorder the route's own targets."),
        Parameter(
            "routes.*.store_fallback_under_route", .flag, .flag(false),
            "Whether the answer of a fallback is also stored for those who would be sent to the first target."),
        Parameter(
            "routes.*.dialects", .texts(countMax: 3),
            "Dialects the route must be callable in (openai, anthropic, gemini). Left out: those all targets speak."),
        Parameter(
            "routes.*.cache_by", .choice(["target", "route"]),
            "Whether answers are kept under the target that gave them or under the route as a whole. Left out: target for the strategies fallback and conditional, route for the others."
        ),
        Parameter("routes.*.limits", .limits, "What all requests of the route together may use; not by metadata. Left out: no limits."),
        Parameter("routes.*.events", .section, "Rows of the route in the event log."),
        Parameter("routes.*.events.collect", .flag, "Whether its requests have rows. Left out: as the tenant or the events section says."),
        Parameter(
            "routes.*.events.payloads", .flag, "Whether bodies are kept with them. Left out: as the tenant or the events section says."),
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
        Parameter("routes.*.hedge", .section, "Asks the next target beside the first when that one is unusually slow. Left out: never."),
        Parameter(
            "routes.*.hedge.quantile", .number, .number(0.95), 0...1,
            "The share of answers that come sooner, 0.5 to 0.999: at 0.95 one request in twenty is asked twice."),
        Parameter("routes.*.hedge.delay_min", .milliseconds, .integer(50), 1...600_000, "The shortest wait before the second is asked."),
        Parameter("routes.*.hedge.delay_max", .milliseconds, .integer(10_000), 1...600_000, "The longest wait before the second is asked."),
    ]

    /// The entries of `targets`, and of the lists for refusals, which are of the same form.
    static let targets: [Parameter] = [
        Parameter("routes.*.targets[].target", .text, .none, 1...512, "provider/model or another route."),
        Parameter(
            "routes.*.targets[].strategy", .choice(RouteStrategy.allCases.map(\.rawValue)), .text("fallback"),
            "For an entry with targets of its own: how one of them is chosen."),
        Parameter("routes.*.targets[].targets", .targets(countMax: RoutePlan.targetsMax), "Targets of its own, instead of target."),
        Parameter("routes.*.targets[].key", .text, .none, 1...128, "As routes.*.key, for an entry with targets of its own."),
        Parameter(
            "routes.*.targets[].weight", .count(unit: ""), .integer(1), 0...1_000_000,
            "For weighted: its share, relative to its neighbours'. 0 is asked only when nothing else is left."),
        Parameter(
            "routes.*.targets[].percent", .number, .none, 0...100,
            "For percentage: its share, with up to 2 decimals. The last target may leave it out and takes the rest."),
        Parameter(
            "routes.*.targets[].when", .condition,
            "For which requests the target is there. For conditional: the first whose condition holds is taken, the last may have none."),
        Parameter("routes.*.targets[].timeouts", .section, "Timeouts of this target; what is left out is as the route says."),
        Parameter("routes.*.targets[].timeouts.connect", .milliseconds, .none, 1...60_000, "As timeouts.connect."),
        Parameter(
            "routes.*.targets[].timeouts.first_byte", .milliseconds, .none, 1...3_600_000,
            "Until the first byte of an answer, stream or not."),
        Parameter("routes.*.targets[].timeouts.idle", .milliseconds, .none, 1...3_600_000, "As timeouts.idle."),
        Parameter("routes.*.targets[].ttl", .seconds, .none, 0...2_592_000, "As cache.ttl, for this target's answers."),
        Parameter(
            "routes.*.targets[].context", .count(unit: "tokens"), .none, 1...100_000_000,
            "Its context window. A request that does not fit by estimate skips it. Left out: anything fits."),
        Parameter("routes.*.targets[].tools", .flag, "Whether it takes tools. Left out: yes. A request with tools skips it if not."),
        Parameter("routes.*.targets[].images", .flag, "Whether it takes images. Left out: yes."),
        Parameter("routes.*.targets[].json", .flag, "Whether its answer can be held to JSON. Left out: yes."),
    ]
}
