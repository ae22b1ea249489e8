import SemanticCache
import Tenants
import Testing

@testable import GatewayConfiguration

@Suite struct SemanticTests {
    private let rules: Set<String> = [
        "numbers", "negation", "quoted", "entities", "antonyms", "order", "constraints", "containment", "one-word-apart",
    ]

    private func semantic(_ fields: String) throws -> SemanticSettings { try load("semantic: {\(fields)}").semantic }

    /// What is wrong with the fields of the section, with their path and without the file.
    private func complaints(_ fields: String, files: [String: String] = [:]) -> [String] {
        refusals("semantic: {\(fields)}", files: files).map { $0.replacing("weir.yaml:1: semantic.", with: "") }
    }

    // MARK: Values

    @Test func `the semantic cache is off until switched on, with the documented defaults`() throws {
        let snapshot = try load("")
        let (settings, policy) = (snapshot.semantic, snapshot.semantic.standard)
        #expect(!policy.isEnabled && !snapshot.usesSemanticCache)
        #expect(policy.rule == .maxError(0.01) && policy.cold == .aliases && !policy.isShadow && policy.learnBy == .tenant)
        #expect(policy.auditRate == 0.1 && policy.auditRateLow == 0.02 && policy.auditsForLowRate == 1000)
        #expect(policy.guardRules == rules)
        #expect(policy.maxTemperature == 1 && policy.contentWordsMin == 2 && policy.timeDependentTTLSecondsMax == 300)
        #expect(settings.modelsDirectory == nil && settings.precision == .auto && settings.endpoint == nil && settings.threads == 1)
        #expect(settings.budgetMilliseconds == 100 && settings.queueMax == 256 && settings.tokensMax == 128)
        #expect(settings.entriesMax == 200_000 && settings.entriesPerPartitionMax == 100_000 && settings.partitionsMax == 50_000)
        #expect(settings.keySharePercent == 50 && settings.keyInsertsPerMinute == 600)
        #expect(settings.memoEntries == 1024 && settings.pendingMax == 1024)
        #expect(settings.words.isEmpty && settings.usesEnglishWords)
    }

    @Test func `every field arrives where it belongs`() throws {
        let settings = try load(
            """
            semantic:
              enabled: true
              threshold: 0.9
              cold: prior
              shadow: true
              audit_rate: 20%
              audit_rate_low: 0.05
              audits_for_low_rate: 7
              guard: [numbers, negation]
              max_temperature: 0.5
              content_words_min: 4
              time_dependent_ttl_max: 1m
              learn_by: route
              models_directory: /models
              precision: int8
              threads: 2
              budget: 1s
              queue_max: 11
              tokens_max: 64
              entries_max: 12
              entries_per_partition_max: 13
              partitions_max: 14
              key_share: 15%
              key_inserts_per_minute: 16
              memo_entries: 17
              pending_max: 18
              words: own.words
              words_english: false
              judge_model: openai/small
              judge_key: env:JUDGE_KEY
              judge_timeout: 3s
              judge_per_minute_max: 19
            """, environment: ["JUDGE_KEY": "wk_secret"], files: ["own.words": "[stop]\nder die das\n"]
        ).semantic
        #expect(
            settings.standard
                == SemanticPolicySettings(
                    isEnabled: true, rule: .threshold(0.9), cold: .prior, isShadow: true, auditRate: 0.2, auditRateLow: 0.05,
                    auditsForLowRate: 7, guardRules: ["numbers", "negation"], maxTemperature: 0.5, contentWordsMin: 4,
                    timeDependentTTLSecondsMax: 60, learnBy: .route))
        #expect(
            settings
                == SemanticSettings(
                    standard: settings.standard, modelsDirectory: "/models", precision: .int8, endpoint: nil, threads: 2,
                    budgetMilliseconds: 1000,
                    queueMax: 11, tokensMax: 64, entriesMax: 12, entriesPerPartitionMax: 13, partitionsMax: 14, keySharePercent: 15,
                    keyInsertsPerMinute: 16, memoEntries: 17, pendingMax: 18,
                    words: [SemanticSettings.WordList(name: "own.words", bytes: Array("[stop]\nder die das\n".utf8))],
                    usesEnglishWords: false,
                    judge: SemanticSettings.Judge(
                        model: "openai/small", key: Secret("wk_secret"), timeoutMilliseconds: 3000, perMinuteMax: 19)))
    }

    // MARK: The judge's model

    @Test func `no model judges until one is named, and then with the documented limits`() throws {
        #expect(try load("").semantic.judge == nil)
        #expect(try semantic("judge_model: '', judge_timeout: 1s").judge == nil)
        let judge = try load("semantic: {judge_model: fast, judge_key: 'env:K'}", environment: ["K": "wk_1"]).semantic.judge
        #expect(
            judge == SemanticSettings.Judge(model: "fast", key: Secret("wk_1"), timeoutMilliseconds: 20_000, perMinuteMax: 60))
    }

    @Test func `a model without a key to ask with is refused`() {
        #expect(complaints("judge_model: fast") == ["judge_model: needs judge_key, a virtual key to ask with"])
        #expect(complaints("judge_model: fast, judge_key: 'env:NONE'") == ["judge_key: environment variable NONE is not set"])
        #expect(
            complaints("judge_key: wk_secret").first?.contains("must be env:NAME") == true
                && !complaints("judge_key: wk_secret").joined().contains("wk_secret"))
    }

    @Test(arguments: [
        ("judge_timeout: 100ms", true), ("judge_timeout: 99ms", false), ("judge_timeout: 600s", true), ("judge_timeout: 601s", false),
        ("judge_per_minute_max: 1", true), ("judge_per_minute_max: 0", false), ("judge_per_minute_max: 10000", true),
        ("judge_per_minute_max: 10001", false),
    ])
    func `the judge's limits have bounds`(_ field: String, _ isTaken: Bool) { #expect(complaints(field).isEmpty == isTaken) }

    @Test func `a reload changes the judge's model without a restart`() throws {
        let old = try load("semantic: {judge_model: fast, judge_key: 'env:K'}", environment: ["K": "wk_1"])
        let new = try load("semantic: {judge_model: fast, judge_key: 'env:K'}", environment: ["K": "wk_2"])
        let difference = ConfigurationDifference(running: old, loaded: new)
        #expect(difference.pending.isEmpty && difference.changes == ["semantic: changed"] && !difference.description.contains("wk_"))
    }

    @Test(arguments: [
        ("1%", 0.01), ("0.01", 0.01), ("0.7%", 0.007), ("0.007", 0.007), ("50%", 0.5), ("0.5", 0.5), ("0.0001%", 0.000_001),
        ("2.5 %", 0.025),
        ("'29%'", 0.29),
    ])
    func `a share in percent is the same number as its decimal`(_ text: String, _ share: Double) throws {
        #expect(try semantic("max_error: \(text)").standard.rule == .maxError(share))
    }

    @Test func `a share is printed in percent`() {
        #expect([0.01, 0.5, 1, 0, 0.025, 0.29, 0.000_001].map(Quantity.percent) == ["1%", "50%", "100%", "0%", "2.5%", "29%", "0.0001%"])
    }

    @Test(arguments: ["%", "1%%", "1 percent", "one", "-%", "1e-2", "nan", "0x1", "1%1"])
    func `what is no share is refused`(_ text: String) {
        #expect(complaints("max_error: '\(text)'") == ["max_error: \"\(text)\" is not a share such as 1% or 0.01"])
    }

    // MARK: The rule

    @Test func `a bound and a threshold can't both decide`() {
        let message = "threshold: max_error is given as well; only one of them can decide"
        #expect(complaints("max_error: 1%, threshold: 0.95") == [message])
        let route = refusals("routes: {r: {targets: demo/demo-chat, semantic: {threshold: 0.95, max_error: 1%}}}")
        #expect(route == ["weir.yaml:1: routes.r.semantic." + message])
    }

    @Test(arguments: ["50%", "0.5", "0.0001%"])
    func `a bound within its limits is taken`(_ text: String) { #expect(complaints("max_error: \(text)").isEmpty) }

    @Test(arguments: [
        ("0", "must be above 0%; enabled: false is for serving no similar answers at all"),
        ("0%", "must be above 0%; enabled: false is for serving no similar answers at all"),
        ("50.01%", "50.01% is not between 0% and 50%"), ("0.5001", "0.5001 is not between 0% and 50%"),
        ("1", "1 is not between 0% and 50%"),
        ("-1%", "-1% is not between 0% and 50%"),
    ])
    func `a bound of nothing or of more than a half is refused`(_ text: String, _ message: String) {
        #expect(complaints("max_error: \(text)") == ["max_error: " + message])
    }

    @Test func `a threshold is a cosine between a half and 1`() throws {
        #expect(try semantic("threshold: 0.5").standard.rule == .threshold(0.5))
        #expect(try semantic("threshold: 1").standard.rule == .threshold(1))
        #expect(complaints("threshold: 0.4999") == ["threshold: 0.4999 is not between 0.5 and 1"])
        #expect(complaints("threshold: 1.0001") == ["threshold: 1.0001 is not between 0 and 1"])
        #expect(complaints("threshold: high") == ["threshold: \"high\" is not a number"])
    }

    // MARK: The guard

    @Test func `the guard's rules are all, none or those listed`() throws {
        #expect(try semantic("guard: all").standard.guardRules == rules)
        #expect(try semantic("guard: intent").standard.guardRules.isEmpty)
        #expect(try semantic("guard: order").standard.guardRules == ["order"])
        #expect(try semantic("guard: [containment, one-word-apart]").standard.guardRules == ["containment", "one-word-apart"])
        #expect(try semantic("guard: [\(rules.sorted().joined(separator: ", "))]").standard.guardRules == rules)
    }

    @Test func `the guard is configured by the names its rules have`() {
        #expect(Set(SemanticGuardNames.rules) == rules)
        #expect(SemanticGuardNames.rules.count == GuardRule.allCases.count + 1)
    }

    @Test func `an unknown rule of the guard is refused with those that exist`() {
        let known = "all, intent, numbers, negation, quoted, entities, antonyms, order, constraints, containment, one-word-apart"
        #expect(complaints("guard: [order, nubmers]") == ["guard: \"nubmers\" is not one of \(known); did you mean numbers?"])
        #expect(complaints("guard: zzz") == ["guard: \"zzz\" is not one of \(known)"])
    }

    @Test func `a list of rules that says two things is refused`() {
        #expect(complaints("guard: [all, order]") == ["guard: all stands alone, not beside rules"])
        #expect(complaints("guard: [order, intent]") == ["guard: intent stands alone, not beside rules"])
        #expect(complaints("guard: []") == ["guard: is an empty list; intent is for no rule at all"])
        #expect(complaints("guard: [order, order]") == ["guard: \"order\" is listed twice"])
        #expect(complaints("guard: one-word-apart") == ["guard: one-word-apart is a part of containment, which is not listed"])
    }

    // MARK: Audits

    @Test func `the low audit rate is not above the other`() throws {
        #expect(complaints("audit_rate: 5%, audit_rate_low: 5%").isEmpty)
        #expect(complaints("audit_rate: 5%, audit_rate_low: 5.01%") == ["audit_rate_low: 5.01% is above audit_rate (5%)"])
        #expect(complaints("audit_rate: 2%").isEmpty)
        #expect(complaints("audit_rate: 1.99%") == ["audit_rate: 1.99% is below audit_rate_low (2%)"])
        #expect(complaints("audit_rate_low: 10.01%") == ["audit_rate_low: 10.01% is above audit_rate (10%)"])
        #expect(complaints("audit_rate: 100%, audit_rate_low: 0").isEmpty)
        #expect(complaints("audit_rate: 100.01%") == ["audit_rate: 100.01% is not between 0% and 100%"])
    }

    @Test func `a route's audit rate is compared with the one it takes over`() {
        func route(_ fields: String) -> [String] {
            refusals("semantic: {audit_rate: 8%}\nroutes: {r: {targets: demo/demo-chat, semantic: {\(fields)}}}")
        }
        #expect(route("audit_rate_low: 8%").isEmpty)
        #expect(route("audit_rate_low: 9%") == ["weir.yaml:2: routes.r.semantic.audit_rate_low: 9% is above audit_rate (8%)"])
        #expect(route("audit_rate: 1%") == ["weir.yaml:2: routes.r.semantic.audit_rate: 1% is below audit_rate_low (2%)"])
    }

    // MARK: The process

    @Test func `the share of a key is a whole percentage from 1 to 100`() throws {
        #expect(try semantic("key_share: 1%").keySharePercent == 1)
        #expect(try semantic("key_share: 1").keySharePercent == 100)
        #expect(try semantic("key_share: 29%").keySharePercent == 29)
        #expect(try semantic("key_share: 0.57").keySharePercent == 57)
        #expect(complaints("key_share: 0%") == ["key_share: 0% is not between 1% and 100%"])
        #expect(complaints("key_share: 101%") == ["key_share: 101% is not between 1% and 100%"])
        #expect(complaints("key_share: 12.5%") == ["key_share: 12.5% is not a whole percentage"])
    }

    @Test func `a misspelt field and a wrong word are refused`() {
        #expect(complaints("max_eror: 1%") == ["max_eror: is not a known field; did you mean max_error?"])
        #expect(complaints("cold: hot") == ["cold: \"hot\" is not one of aliases, prior"])
        #expect(complaints("learn_by: key") == ["learn_by: \"key\" is not one of tenant, route"])
        #expect(complaints("precision: int4") == ["precision: \"int4\" is not one of auto, fp32, int8; did you mean int8?"])
        let process = refusals("routes: {r: {targets: demo/demo-chat, semantic: {entries_max: 5}}}")
        #expect(process == ["weir.yaml:1: routes.r.semantic.entries_max: is not a known field"])
        #expect(refusals("tenants: {t: {semantic: {max_error: 1%}}}").count == 1)
    }

    // MARK: Route, tenant, defaults

    @Test func `a route's policy goes before the defaults, field by field`() throws {
        let snapshot = try load(
            """
            semantic: {threshold: 0.9, guard: [order], audits_for_low_rate: 5, content_words_min: 6}
            routes:
              bound: {targets: demo/demo-chat, semantic: {max_error: 2%, guard: intent, learn_by: route}}
              rest:
                targets: demo/demo-chat
                semantic: {enabled: true, cold: prior, shadow: true, audit_rate: 30%, audit_rate_low: 3%, audits_for_low_rate: 9, \
            max_temperature: 0, content_words_min: 0, time_dependent_ttl_max: 0}
              plain: demo/demo-chat
            """)
        let tenant = Tenant(id: "t")
        func policy(_ route: String) -> SemanticPolicySettings {
            snapshot.semanticPolicy(route: snapshot.route(named: route), tenant: tenant)
        }
        var expected = snapshot.semantic.standard
        #expect(expected.rule == .threshold(0.9))
        #expect(snapshot.semanticPolicy(route: nil, tenant: tenant) == expected)
        #expect(policy("plain") == expected)
        (expected.rule, expected.guardRules, expected.learnBy) = (.maxError(0.02), [], .route)
        #expect(policy("bound") == expected)
        #expect(
            policy("rest")
                == SemanticPolicySettings(
                    isEnabled: true, rule: .threshold(0.9), cold: .prior, isShadow: true, auditRate: 0.3, auditRateLow: 0.03,
                    auditsForLowRate: 9, guardRules: ["order"], maxTemperature: 0, contentWordsMin: 0, timeDependentTTLSecondsMax: 0,
                    learnBy: .tenant))
    }

    @Test(
        arguments: [
            // default, tenant, route, enabled
            (false, nil, nil, false), (true, nil, nil, true), (false, true, nil, true), (true, false, nil, false), (false, nil, true, true),
            (true, nil, false, false), (true, true, false, false), (false, false, true, false), (true, false, true, false),
            (false, true, true, true),
        ] as [(Bool, Bool?, Bool?, Bool)])
    func `a tenant that switched it off is served no similar answer by any route`(
        _ standard: Bool, _ tenant: Bool?, _ route: Bool?, _ enabled: Bool
    ) throws {
        let section = route.map { ", semantic: {enabled: \($0)}" } ?? ""
        let snapshot = try load("semantic: {enabled: \(standard)}\nroutes: {r: {targets: demo/demo-chat\(section)}}")
        let policy = snapshot.semanticPolicy(route: snapshot.route(named: "r"), tenant: Tenant(id: "t", isSemanticEnabled: tenant))
        #expect(policy.isEnabled == enabled)
    }

    @Test func `the semantic cache is in use as soon as anything switches it on`() throws {
        #expect(try !load("tenants: {t: {semantic: {enabled: false}}}\nroutes: {r: demo/demo-chat}").usesSemanticCache)
        #expect(try load("semantic: {enabled: true}").usesSemanticCache)
        #expect(try load("tenants: {t: {semantic: {enabled: true}}}").usesSemanticCache)
        #expect(try load("routes: {r: {targets: demo/demo-chat, semantic: {enabled: true}}}").usesSemanticCache)
        let tenant = try load("tenants: {t: {semantic: {enabled: false}}, u: {}}").tenancy.tenants
        #expect(tenant.map(\.isSemanticEnabled) == [false, nil])
    }

    @Test func `a route's semantic settings leave its cached answers valid`() throws {
        let revisions = try ["", ", semantic: {max_error: 2%}"].map {
            try load("routes: {r: {targets: demo/demo-chat\($0)}}").route(named: "r")?.revision
        }
        #expect(revisions[0] == revisions[1])
    }
}
