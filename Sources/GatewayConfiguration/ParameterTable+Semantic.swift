// The semantic cache: what holds for a request, which a route may set for itself, and what holds for the process.

extension ParameterTable {
    static let semantic: [Parameter] =
        [Parameter("semantic", .section, "The semantic cache: answers of questions that mean the same. Off until switched on.")]
        + semanticPolicy + semanticProcess + semanticJudge

    private static let semanticPolicy: [Parameter] = [
        Parameter(
            "semantic.enabled", .flag, .flag(false), "Whether similar questions may be answered alike. Needs models: weir model install."),
        Parameter(
            "semantic.max_error", .share, .number(0.01), 0...50,
            "The bound on wrong answers served, of all requests, learned from audits and held with 95 % confidence. More than 0."),
        Parameter(
            "semantic.threshold", .number, .none, 0...1,
            "Instead of max_error: the cosine from which on a match is served, 0.5 to 1. Marked unverified, since nothing checks it."),
        Parameter(
            "semantic.cold", .choice(["aliases", "prior"]), .text("aliases"),
            "What is served before enough is known for the bound: texts whose answers were found equal, or also what a strict prior takes."),
        Parameter(
            "semantic.shadow", .flag, .flag(false), "Whether nothing is served and only what would have been is counted and learned from."),
        Parameter(
            "semantic.audit_rate", .share, .number(0.1), 0...100,
            "The share of matches that get a fresh answer to compare with, until audits_for_low_rate are judged."),
        Parameter("semantic.audit_rate_low", .share, .number(0.02), 0...100, "The share from then on; at most audit_rate."),
        Parameter(
            "semantic.audits_for_low_rate", .count(unit: "audits"), .integer(1000), 1...10_000_000,
            "Judged audits after which the share is the low one."),
        Parameter(
            "semantic.guard", .texts(countMax: SemanticGuardNames.rules.count), .texts([SemanticGuardNames.all]),
            "Which differences of two texts keep them apart: all, intent (none of them), or a list of "
                + SemanticGuardNames.rules.joined(separator: ", ") + "."),
        Parameter("semantic.max_temperature", .number, .number(1), 0...2, "Requests with a higher temperature take no part."),
        Parameter(
            "semantic.content_words_min", .count(unit: "words"), .integer(2), 0...128,
            "Questions with fewer words of meaning take no part: they lean on what went before."),
        Parameter(
            "semantic.time_dependent_ttl_max", .seconds, .integer(300), 0...2_592_000,
            "Questions that depend on when they are asked take part only where answers live no longer than this."),
        Parameter(
            "semantic.learn_by", .choice(["tenant", "route"]), .text("tenant"),
            "Whose learning is pooled: that of all requests of a tenant, or of a route."),
    ]

    private static let semanticProcess: [Parameter] = [
        Parameter(
            "semantic.models_directory", .text, .none, 1...1024, restart: true,
            "Where models are kept, relative to the folder the gateway is started in. Left out: models in data_directory."),
        Parameter(
            "semantic.precision", .choice(["auto", "fp32", "int8"]), .text("auto"), restart: true,
            "Which sentence model is used: the exact one, or the one of a quarter of its size. auto takes what is installed."),
        Parameter(
            "semantic.endpoint_url", .text, .none, 1...2048, restart: true,
            "An OpenAI-style endpoint that turns texts into vectors, such as https://api.openai.com/v1/embeddings. Left out: the installed model."
        ),
        Parameter(
            "semantic.endpoint_model", .text, .none, 1...256, restart: true,
            "The model that is asked for there. Another URL, model or number of dimensions drops the stored vectors."),
        Parameter(
            "semantic.endpoint_dimensions", .count(unit: "dimensions"), .none, 64...4096, restart: true,
            "Dimensions of that model's vectors, a multiple of 64. Other vectors are refused."),
        Parameter("semantic.endpoint_key", .secret, .none, restart: true, "Sent to endpoint_url as Authorization: Bearer."),
        Parameter(
            "semantic.threads", .count(unit: "threads"), .integer(1), 1...64, restart: true,
            "Threads that turn texts into vectors, beside the event loops."),
        Parameter(
            "semantic.budget", .milliseconds, .integer(100), 1...60_000, restart: true,
            "How long a request waits for its vector; then it goes upstream as if there were no semantic cache. An endpoint needs more than a model here."
        ),
        Parameter(
            "semantic.queue_max", .count(unit: "texts"), .integer(256), 1...100_000, restart: true,
            "Texts that may wait for a thread, or with endpoint_url be under way on one event loop; further requests go upstream."),
        Parameter(
            "semantic.tokens_max", .count(unit: "tokens"), .integer(128), 8...256, restart: true,
            "Longer questions take no part. Time for a vector grows with it. With endpoint_url, four bytes count as a token."),
        Parameter(
            "semantic.entries_max", .count(unit: "entries"), .integer(200_000), 1...10_000_000, restart: true,
            "Entries in memory and on disk, about 0.6 KB each; those long unused make room."),
        Parameter(
            "semantic.entries_per_partition_max", .count(unit: "entries"), .integer(100_000), 1...10_000_000, restart: true,
            "Entries of one partition, which is what is searched for one request: same tenant, target, parameters and context."),
        Parameter(
            "semantic.partitions_max", .count(unit: "partitions"), .integer(50_000), 1...10_000_000, restart: true,
            "Partitions at once; entries that would need a further one are refused and counted."),
        Parameter(
            "semantic.key_share", .share, .number(0.5), 1...100, restart: true,
            "The share of entries_max that one virtual key may hold, in whole percent; past it, those of its own make room."),
        Parameter(
            "semantic.key_inserts_per_minute", .count(unit: "entries"), .integer(600), 1...10_000_000, restart: true,
            "Entries that one virtual key may add in a minute; further ones are refused and counted."),
        Parameter(
            "semantic.memo_entries", .count(unit: "vectors"), .integer(1024), 0...1_000_000, restart: true,
            "Vectors of recent texts kept in memory; 0: none."),
        Parameter(
            "semantic.pending_max", .count(unit: "answers"), .integer(1024), 1...1_000_000, restart: true,
            "Answers that may wait to be judged; further ones are dropped and counted."),
        Parameter(
            "semantic.words", .texts(countMax: 16), .none, restart: true,
            "Word lists that extend the English ones, as paths beside this file, of at most 1 MiB each: semantic/german.words is shipped; semantic/english.words describes the format."
        ),
        Parameter(
            "semantic.words_english", .flag, .flag(true), restart: true,
            "Whether the English lists are there too. false needs words, which then bring every list."),
    ]

    private static let semanticJudge: [Parameter] = [
        Parameter(
            "semantic.judge_model", .text, .text(""), 0...512,
            "A route or provider/model that is asked whether two answers say the same where nothing else can tell. Empty: nobody is asked."),
        Parameter(
            "semantic.judge_key", .secret,
            "A virtual key of this gateway that those questions are asked with. Its limits are the judge's budget: past them, answers stay unsure."
        ),
        Parameter(
            "semantic.judge_timeout", .milliseconds, .integer(20_000), 100...600_000,
            "How long an answer to such a question is waited for. No request waits with it."),
        Parameter(
            "semantic.judge_per_minute_max", .count(unit: "questions"), .integer(60), 1...10_000,
            "Questions to the judge in any minute; past it, answers stay unsure, which counts as wrong."),
    ]

    /// The fields of the policy as a route may set them: without defaults.
    static let routeSemantic: [Parameter] =
        [
            Parameter(
                "routes.*.semantic", .section,
                "The semantic cache for the route; what is left out is as the tenant or the semantic section says.")
        ]
        + semanticPolicy.map { Parameter("routes.*." + $0.path, $0.kind, .none, $0.range, "As \($0.path).") }
}
