// What happens when an upstream fails: how often a request is tried, and when a target is left alone.

extension ParameterTable {
    static let retry: [Parameter] = [
        Parameter("retry", .section, "How failed requests are tried again, with or without a route. A route can set its own."),
        Parameter(
            "retry.attempts", .count(unit: "attempts"), .integer(2), 1...5,
            "Attempts on one target, the first included. Repeats are also bounded by the retry budget: 20 % of a target's requests."),
        Parameter(
            "retry.delay", .milliseconds, .integer(200), 0...5000,
            "The longest wait before the first repeat. The real one is drawn below it."),
        Parameter("retry.backoff", .choice(["constant", "linear", "exponential"]), .text("exponential"), "How later waits grow."),
        Parameter("retry.steps", .count(unit: "targets"), .integer(5), 1...64, "How many targets one request tries."),
        Parameter(
            "retry.retry_after_max", .milliseconds, .integer(10_000), 0...600_000,
            "The longest Retry-After of an upstream that is waited for. A longer one is passed on to the client."),
        Parameter(
            "retry.patience", .milliseconds, .integer(1000), 0...600_000,
            "The longest Retry-After that is waited for while another target remains."),
        Parameter(
            "retry.on_timeout", .flag, .flag(false),
            "Whether a request that is no stream, was sent in full and timed out may be repeated on the same target: it may be paid for twice."
        ),
        Parameter(
            "retry.on_stored", .flag, .flag(false),
            "Whether a request with store: true is repeated like any other: the provider may keep it twice."),
        Parameter("breaker", .section, "When a target that fails is left alone, by provider, model and key."),
        Parameter(
            "breaker.consecutive_failures", .count(unit: "failures"), .integer(5), 1...1000,
            "Failures in a row after which a target is not asked at all until its time out is over."),
        Parameter(
            "breaker.failing_percent", .count(unit: "percent"), .integer(50), 1...100,
            "The share of failures in the last 10 seconds from which on a target is asked only when no other is left."),
        Parameter(
            "breaker.samples_min", .count(unit: "answers"), .integer(20), 1...100_000,
            "How many answers and failures in the last 10 seconds that share needs."),
        Parameter(
            "breaker.cooldown_min", .milliseconds, .integer(5000), 10...3_600_000,
            "The first time out. It doubles each time; then one request probes the target."),
        Parameter(
            "breaker.cooldown_max", .milliseconds, .integer(60_000), 10...3_600_000,
            "The longest time out, and the longest Retry-After of an upstream that is believed."),
        Parameter(
            "breaker.jitter_percent", .count(unit: "percent"), .integer(20), 0...100,
            "How far a time out may differ from its length, so that several gateways do not probe at once."),
        Parameter(
            "breaker.ramp_step", .milliseconds, .integer(1000), 10...600_000,
            "After a probe that succeeded the target takes a tenth more of its traffic in each such span."),
        Parameter(
            "breaker.calm", .milliseconds, .integer(60_000), 0...86_400_000,
            "After so long without trouble the next time out is the first again."),
        Parameter(
            "breaker.limited", .milliseconds, .integer(1000), 0...600_000,
            "How long a key is left alone after a 429 that says nothing of Retry-After."),
    ]

    /// The fields of `retry` as a route may set them: without defaults.
    static let routeRetry: [Parameter] =
        [Parameter("routes.*.retry", .section, "How the route's requests are tried again; what is left out is as in the retry section.")]
        + retry.filter { $0.path.hasPrefix("retry.") }.map {
            Parameter("routes.*." + $0.path, $0.kind, .none, $0.range, "As \($0.path).")
        }
}
