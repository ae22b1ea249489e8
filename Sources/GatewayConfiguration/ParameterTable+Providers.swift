// Providers: the same schema as the shipped providers.yaml. A shipped name changes only the fields that are given.

extension ParameterTable {
    static let providers: [Parameter] = [
        Parameter(
            "providers_file", .text, .text("providers.yaml"), 1...1024, "The shipped providers, relative to this file's folder."),
        Parameter(
            "provider_credentials", .values,
            "The operator's keys by provider, one or a list of env:NAME, file:PATH or credential:NAME. Left out: the provider's key_env, where set."
        ),
        Parameter(
            "providers", .sections(countMax: 500), "Providers of your own, or changes to shipped ones: only the fields given are changed."),
        Parameter(
            "providers.*.url", .text, .none, 1...2048,
            "For a provider of your own: an OpenAI-style base such as https://llm.example.com/v1. For a shipped one: replaces scheme, host and port."
        ),
        Parameter("providers.*.aliases", .texts(countMax: 20), "Further names of the provider."),
        Parameter("providers.*.key_env", .text, .none, 1...128, "The environment variable that holds the operator's key."),
        Parameter(
            "providers.*.auth", .values,
            "How the key is sent: bearer, x-api-key, api-key, x-goog-api-key, or {header: NAME, prefix: \"TEXT \"}."),
        Parameter("providers.*.client_auth", .texts(countMax: 4), "Headers in which a client's own key is accepted."),
        Parameter(
            "providers.*.allowed", .texts(countMax: 6),
            "Kinds of operation forwarded under the operator's key: generate, embed, models, count, moderate, other."),
        Parameter("providers.*.key_query", .texts(countMax: 50), "Query fields that change the answer and so are part of the cache key."),
        Parameter(
            "providers.*.key_headers", .texts(countMax: 50), "Header fields that change the answer and so are part of the cache key."),
        Parameter(
            "providers.*.drop_headers", .texts(countMax: 50), "Header fields that choose an account, dropped under the operator's key."),
        Parameter("providers.*.drop_query", .texts(countMax: 50), "Query fields that carry a key, dropped under the operator's key."),
        Parameter("providers.*.required", .texts(countMax: 20), "Parameters without which the provider can't be used."),
        Parameter(
            "providers.*.parameters", .values,
            "Values of parameters such as Azure's resource or Bedrock's region: NAME: value or a list; env:NAME is read."),
        Parameter(
            "providers.*.allow_private", .flag, "Whether connections to loopback and private addresses, and plain http, are allowed."),
        Parameter("providers.*.local", .flag, "Runs on your own machines and needs no key."),
        Parameter(
            "providers.*.bases", .items(countMax: 10), "The ways in, for the unified surface; the first that offers an operation serves it."
        ),
        Parameter("providers.*.bases[].dialect", .choice(["openai", "anthropic", "gemini"]), "Whose wire format is spoken there."),
        Parameter("providers.*.bases[].url", .text, .none, 1...2048, "Everything before the operation's path, version included."),
        Parameter("providers.*.bases[].operations", .values, "operation: path, or operation: {path: /p, cache: false}."),
        Parameter("providers.*.bases[].auth", .values, "How this base takes the key, where it differs."),
        Parameter("providers.*.bases[].headers", .values, "Header fields sent where the client brought none of that name."),
        Parameter("providers.*.bases[].include_usage", .flag, .flag(false), "Whether stream_options.include_usage is understood."),
        Parameter(
            "providers.*.bases[].done_marker", .flag, .flag(true), "Whether chat and completion streams end with data: [DONE]."),
        Parameter("providers.*.native", .items(countMax: 20), "Where /NAME/{rest} leads; the first entry that fits is taken."),
        Parameter("providers.*.native[].path", .text, .text(""), 0...256, "Leading segments of {rest}."),
        Parameter("providers.*.native[].url", .text, .none, 1...2048, "What replaces /NAME/{path}."),
        Parameter(
            "providers.*.native[].versions", .texts(countMax: 10),
            "Version segments that may follow; the first is added where there is none."),
        Parameter("providers.*.native[].operations", .values, "Operations under this url that no base names."),
        Parameter("providers.*.health", .section, "A request that is sent now and then to see whether the provider works. Left out: none."),
        Parameter(
            "providers.*.health.path", .text, .none, 1...1024,
            "A path on the provider's host, asked with GET and without a key. Any answer below 500 is a sign of life."),
        Parameter("providers.*.health.interval", .milliseconds, .integer(10_000), 1000...3_600_000, "How often it is sent."),
        Parameter(
            "providers.*.health.timeout", .milliseconds, .integer(2000), 100...60_000,
            "How long it may take. A provider that fails it is asked only when no other target is left."),
        Parameter("egress", .section, "Where the gateway may connect to."),
        Parameter(
            "egress.allow_private", .texts(countMax: 200),
            "Hosts, addresses or blocks that a provider may have although they are private or loopback."),
        Parameter("egress.allow_http", .texts(countMax: 200), "Hosts that a provider may have with plain http."),
    ]
}
