import Foundation
import Testing

@testable import GatewayConfiguration

/// `config/bad` holds one file per defect; each is refused with exactly one line, which is part of the user interface.
@Suite struct BadExampleTests {
    /// What follows the file's name, by the file's name without its ending.
    private static let lines: [String: String] = [
        "above_maximum": #":4: cache.ttl: 99999999 is above the maximum 2592000 (seconds)"#,
        "admin_beyond_loopback": #":3: listen.admin: listening beyond loopback needs admin.secret (at least 32 bytes)"#,
        "admin_on_the_data_port": #":4: listen.admin: is the same as listen.data; the admin port is never the data port"#,
        "bad_address_block": #":8: keys.app.allow_ip: "10.0.0.1/8" is not an address or block such as 10.0.0.0/8 or 2001:db8::/32"#,
        "bad_duration": #":3: timeouts.idle: "5 minutes" is not a duration such as 500ms, 30s, 5m, 1h or 30d"#,
        "bad_expiry": #":8: keys.app.expires: "2027-02-29" is not a date such as 2027-01-01 or a time such as 2027-01-01T12:00:00Z"#,
        "bad_listen_address":
            #":3: listen.data: "gateway.example.com:8787" is not an address and port such as 127.0.0.1:8787 or [::1]:8787"#,
        "bad_size": #":3: cache.bytes_max: "8 gigs" is not a size such as 64KiB, 32MiB or 8GiB"#,
        "below_minimum": #":3: timeouts.connect: 0s is below the minimum 1 (milliseconds)"#,
        "breaker_cooldown_reversed": #":3: breaker.cooldown_min: 120000 is above breaker.cooldown_max (60000)"#,
        "budget_alerts_out_of_order":
            #":6: tenants.acme.limits.budgets[0].alert_at[1]: must be whole percentages from 1 to 100, each larger than the one before"#,
        "budget_finer_than_nano_usd": #":6: tenants.acme.limits.budgets[0].cost: 0.0000000001 has more than 9 decimals"#,
        "control_byte": #":3: control byte 7 is not allowed"#,
        "duplicate_field": #":3: field "ttl" is given twice"#,
        "empty_model_list":
            #":4: tenants.acme.models: is an empty list; leave the field out to allow all, or use disabled: true to allow none"#,
        "fraction_of_a_second": #":3: cache.ttl: 1500ms is not a whole number of seconds"#,
        "health_probe_without_path":
            #":4: providers.openai.health.path: is missing; a path on the provider's host such as /v1/models"#,
        "key_of_unknown_tenant": #":5: keys.app.tenant: "acmee" is not one of tenants; did you mean acme?"#,
        "limit_by_metadata_alone":
            #":7: tenants.acme.limits.metadata.user.tokens: needs a limit of tokens for all values together beside metadata, since clients choose the values"#,
        "limit_by_metadata_on_a_route": #":6: routes.fast.limits.metadata: is for limits of keys and tenants only, not of routes"#,
        "limit_faster_than_countable":
            #":5: tenants.acme.limits.requests: is more than one in 100 nanoseconds, which can't be counted exactly"#,
        "limit_misspelt": #":5: tenants.acme.limits.request: is not a known field; did you mean requests?"#,
        "limit_of_a_calendar_month":
            #":5: tenants.acme.limits.cost: a bucket has a period such as 1h or 30d; for UTC's month write budgets: [{cost: …, per: month}]"#,
        "limit_of_zero":
            #":5: tenants.acme.limits.requests: 0 would refuse everything; to switch a key or tenant off, set disabled: true"#,
        "limit_policy_without_window": #":7: tenants.acme.limits.policies[1]: w=, the window in seconds, is missing"#,
        "limit_without_period": #":5: tenants.acme.limits.tokens: "20000" is not an amount per period, such as 100/1m"#,
        "malformed_key_hash": #":5: keys.app.key: must have 64 hexadecimal digits after the colon"#,
        "mapping_expected": #":2: cache: must be a mapping of fields, not a single value"#,
        "metadata_service":
            #":3: providers.mine.url: [::ffff:169.254.169.254] (169.254.169.254) is a private or loopback host; list it in egress.allow_private or set allow_private: true"#,
        "missing_environment_variable": #":3: provider_credentials.openai: environment variable WEIR_EXAMPLE_UNSET is not set"#,
        "nested_too_deeply": #":2: is nested deeper than 32 levels"#,
        "newer_version": #":2: version: 2 is above the maximum 1"#,
        "not_utf8": #":3: is not valid UTF-8 here"#,
        "other_scheme": #":3: providers.mine.url: must begin with https://; file:// is not a scheme the gateway speaks"#,
        "password_in_url": #":3: providers.mine.url: must not have a user or password; use provider_credentials"#,
        "plain_http":
            #":3: providers.mine.url: plain http sends keys in the clear; use https, or list llm.example.com in egress.allow_http"#,
        "price_too_high": #":5: routes.fast.price_per_request: 1000000.01 is above the maximum 1000000 (USD)"#,
        "private_address":
            #":3: providers.mine.url: 0x7f000001 (127.0.0.1) is a private or loopback host; list it in egress.allow_private or set allow_private: true"#,
        "provider_name_taken": #":3: providers.mine.aliases: the name gemini already means google-ai-studio"#,
        "provider_without_url": #":3: providers.mine: is no shipped provider, so it needs a url, or bases"#,
        "reserved_account_name": #":2: accounts: the name chat is reserved"#,
        "reserved_provider_name": #":3: providers.v1.name: the name 'v1' is reserved"#,
        "reserved_route_name": #":3: routes.v1: the name v1 is reserved"#,
        "route_condition_misspelt":
            #":6: routes.smart.targets[0].when.tennant: is not a field of a request; did you mean tenant?"#,
        "route_condition_never_true":
            #":5: routes.smart.targets[0].when.stream: "sometimes" is not one of true, false"#,
        "route_dialect_not_offered": #":5: routes.chat.dialects: anthropic is not offered by mistral (openai), and nothing is translated"#,
        "route_loop": #":3: routes.chat: routes form a loop: chat -> careful -> cheap -> chat"#,
        "route_percent_over_100": #":5: routes.canary.targets: the percentages sum up to 110, more than 100"#,
        "route_strategy_misspelt":
            #":4: routes.smart.strategy: "lowest-latency" is not one of fallback, weighted, lowest_latency, cheapest, percentage, conditional; did you mean lowest_latency?"#,
        "route_to_nowhere": #":4: routes.chat: "fsat" is neither provider/model nor another route; did you mean fast?"#,
        "route_weight_without_strategy": #":5: routes.smart.targets[0].weight: is for the strategy weighted only"#,
        "route_without_common_dialect":
            #":9: routes.chat: no dialect is spoken by all targets, and none is translated: openai (openai), claude-only (anthropic)"#,
        "same_key_twice": #":6: keys.web.key: is the same key as keys.app.key"#,
        "secret_in_file":
            #":3: provider_credentials.openai: must be env:NAME, file:PATH or credential:NAME; a secret itself does not belong in this file"#,
        "single_value_expected": #":3: cache.ttl: must be a duration such as 500ms, 30s, 5m, 1h or 30d, not a list"#,
        "size_out_of_range": #":3: limits.body_bytes_max: 99999999TiB is above the maximum 268435456 (bytes)"#,
        "tab_indentation": #":3: a tab is not allowed as indentation; use spaces"#,
        "tenant_in_two_shares": #":5: cache.shares.chat: tenant acme is in share docs already"#,
        "too_many_attempts": #":3: retry.attempts: 6 is above the maximum 5 (attempts)"#,
        "too_many_models": #":5: tenants.acme.models: 201 entries where at most 200 are allowed"#,
        "ttl_outside_its_bounds": #":3: cache.ttl: 3600 is not between cache.ttl_min (1) and cache.ttl_max (600)"#,
        "two_documents": #":2: only one YAML document per file is allowed (--- stands between two)"#,
        "unclosed_quote": #":4: YAML: found unexpected end of stream"#,
        "unknown_field": #":3: cache.tll: is not a known field; did you mean ttl?"#,
        "unknown_log_level": #":3: log.level: "warn" is not one of trace, debug, info, notice, warning, error; did you mean warning?"#,
        "unknown_operation":
            #":7: providers.mine.bases[0].operations.chat_completion: is not an operation; did you mean chat_completions?"#,
        "unknown_provider": #":3: routes.fast: "opnai" is not a provider; did you mean openai?"#,
        "unknown_section": #":2: caching: is not a known field"#,
        "unquoted_star": #":3: a value that begins with * must be put in quotes"#,
        "unreadable_secret_file": #":3: provider_credentials.openai: file no-such-file can't be read: No such file or directory"#,
        "webhook_over_plain_http":
            #":3: metering.alert_webhook: plain http is for loopback only; use https"#,
        "wrong_type": #":3: limits.header_fields_max: "many" is not a whole number"#,
        "yaml_alias": #":4: YAML anchors and aliases (&name, *name) are not supported; write the value out"#,
        "yes_is_not_true": #":3: cache.enabled: "yes" is neither true nor false"#,
    ]

    @Test(arguments: lines.keys.sorted())
    func `a broken file is refused with its one line`(_ name: String) throws {
        let path = "config/bad/\(name).yaml"
        let error = #expect(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.load(path: path, environment: [:]) { (path) throws(ConfigurationLoader.FileProblem) in
                try ConfigurationLoader.readFromDisk(repository + "/" + path)
            }
        }
        #expect(error?.description == path + (BadExampleTests.lines[name] ?? ""))
    }

    @Test func `every broken file has its line here`() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: repository + "/config/bad")
        #expect(files.sorted() == BadExampleTests.lines.keys.map { $0 + ".yaml" }.sorted())
    }
}
