import Hashing
import SemanticCache
import Tenants

// How the sections of the semantic cache are read: of the process, with the table's defaults, and of a route, where all may be left out.

extension SemanticPolicySettings {
    /// What `threshold` may be: below a half, texts have nothing in common.
    private static let thresholdBounds = 0.5...1.0

    /// The defaults of all requests.
    init(_ section: Section) {
        isEnabled = section.flag("enabled")
        rule = SemanticPolicySettings.rule(section) ?? .maxError(0.01)
        cold = section.choice("cold", Cold.self) ?? .aliases
        isShadow = section.flag("shadow")
        auditRate = section.optionalShare("audit_rate") ?? 0.1
        auditRateLow = section.optionalShare("audit_rate_low") ?? 0.02
        auditsForLowRate = section.integer("audits_for_low_rate")
        guardRules = SemanticPolicySettings.guardRules(section) ?? Set(SemanticGuardNames.rules)
        maxTemperature = section.optionalNumber("max_temperature") ?? 1
        contentWordsMin = section.integer("content_words_min")
        timeDependentTTLSecondsMax = section.integer("time_dependent_ttl_max")
        learnBy = section.choice("learn_by", LearnBy.self) ?? .tenant
        SemanticPolicySettings.checkAuditRates(section, auditRate, low: auditRateLow)
    }

    /// The policy with what a route says laid over it.
    func merging(_ route: RouteDefinition.Semantic) -> SemanticPolicySettings {
        var policy = self
        policy.isEnabled = route.isEnabled ?? isEnabled
        policy.rule = route.rule ?? rule
        policy.cold = route.cold ?? cold
        policy.isShadow = route.isShadow ?? isShadow
        policy.auditRate = route.auditRate ?? auditRate
        policy.auditRateLow = route.auditRateLow ?? auditRateLow
        policy.auditsForLowRate = route.auditsForLowRate ?? auditsForLowRate
        policy.guardRules = route.guardRules ?? guardRules
        policy.maxTemperature = route.maxTemperature ?? maxTemperature
        policy.contentWordsMin = route.contentWordsMin ?? contentWordsMin
        policy.timeDependentTTLSecondsMax = route.timeDependentTTLSecondsMax ?? timeDependentTTLSecondsMax
        policy.learnBy = route.learnBy ?? learnBy
        return policy
    }

    /// The rule that a section sets, or the table's; `nil` where there is neither.
    static func rule(_ section: Section) -> Rule? {
        if section.has("threshold") {
            if section.has("max_error") { section.report("threshold", "max_error is given as well; only one of them can decide") }
            guard let threshold = section.optionalNumber("threshold") else { return nil }
            guard thresholdBounds.contains(threshold) else {
                section.report("threshold", "\(threshold) is not between 0.5 and 1")
                return nil
            }
            return .threshold(threshold)
        }
        guard let maxError = section.optionalShare("max_error") else { return nil }
        guard maxError > 0 else {
            section.report("max_error", "must be above 0%; enabled: false is for serving no similar answers at all")
            return nil
        }
        return .maxError(maxError)
    }

    /// The guard's rules that a section sets, or `nil`.
    static func guardRules(_ section: Section) -> Set<String>? {
        guard section.has("guard") else { return nil }
        let words = section.texts("guard")
        if words.isEmpty { section.report("guard", "is an empty list; intent is for no rule at all") }
        if words == [SemanticGuardNames.all] { return Set(SemanticGuardNames.rules) }
        if words == [SemanticGuardNames.intent] { return [] }
        for word in words where !SemanticGuardNames.rules.contains(word) {
            if [SemanticGuardNames.all, SemanticGuardNames.intent].contains(word) {
                section.report("guard", "\(word) stands alone, not beside rules")
                continue
            }
            let known = [SemanticGuardNames.all, SemanticGuardNames.intent] + SemanticGuardNames.rules
            let hint = NearestName.of(word, among: known).map { "; did you mean \($0)?" } ?? ""
            section.report("guard", "\"\(section.shown(word))\" is not one of \(known.joined(separator: ", "))" + hint)
        }
        if words.contains(SemanticGuardNames.oneWordApart), !words.contains(GuardRule.containment.rawValue) {
            section.report("guard", "\(SemanticGuardNames.oneWordApart) is a part of containment, which is not listed")
        }
        return Set(words)
    }

    /// Reports a low rate that is the higher one, where the section sets either.
    static func checkAuditRates(_ section: Section, _ rate: Double, low: Double) {
        guard low > rate else { return }
        if section.has("audit_rate_low") {
            section.report("audit_rate_low", "\(Quantity.percent(low)) is above audit_rate (\(Quantity.percent(rate)))")
        } else if section.has("audit_rate") {
            section.report("audit_rate", "\(Quantity.percent(rate)) is below audit_rate_low (\(Quantity.percent(low)))")
        }
    }
}

extension RouteDefinition.Semantic {
    /// Reads a route's section; `standard` is what holds where it says nothing.
    init(_ section: Section, standard: SemanticPolicySettings) {
        let rates = (section.optionalShare("audit_rate"), section.optionalShare("audit_rate_low"))
        self.init(
            isEnabled: section.optionalFlag("enabled"), rule: SemanticPolicySettings.rule(section),
            cold: section.choice("cold", SemanticPolicySettings.Cold.self), isShadow: section.optionalFlag("shadow"), auditRate: rates.0,
            auditRateLow: rates.1, auditsForLowRate: section.optionalInteger("audits_for_low_rate"),
            guardRules: SemanticPolicySettings.guardRules(section), maxTemperature: section.optionalNumber("max_temperature"),
            contentWordsMin: section.optionalInteger("content_words_min"),
            timeDependentTTLSecondsMax: section.optionalInteger("time_dependent_ttl_max"),
            learnBy: section.choice("learn_by", SemanticPolicySettings.LearnBy.self))
        SemanticPolicySettings.checkAuditRates(section, rates.0 ?? standard.auditRate, low: rates.1 ?? standard.auditRateLow)
    }
}

extension SemanticSettings {
    /// Reads the section and the word lists it names, whose relative paths start from `folder`.
    init(_ section: Section, folder: String, egress: EgressSettings, secrets: SecretReader, readFile: ConfigurationLoader.FileReader) {
        let usesEnglishWords = section.flag("words_english")
        self.init(
            standard: SemanticPolicySettings(section), modelsDirectory: section.optionalText("models_directory"),
            precision: section.choice("precision", Precision.self) ?? .auto,
            endpoint: Endpoint(section, egress: egress, secrets: secrets), threads: section.integer("threads"),
            budgetMilliseconds: section.integer("budget"), queueMax: section.integer("queue_max"),
            tokensMax: section.integer("tokens_max"), entriesMax: section.integer("entries_max"),
            entriesPerPartitionMax: section.integer("entries_per_partition_max"), partitionsMax: section.integer("partitions_max"),
            keySharePercent: SemanticSettings.wholePercent("key_share", section),
            keyInsertsPerMinute: section.integer("key_inserts_per_minute"), memoEntries: section.integer("memo_entries"),
            pendingMax: section.integer("pending_max"),
            words: WordList.all(section, usesEnglishWords: usesEnglishWords, folder: folder, readFile: readFile),
            usesEnglishWords: usesEnglishWords, judge: Judge(section, secrets))
    }

    /// A share that is kept in whole percent.
    private static func wholePercent(_ name: String, _ section: Section) -> Int {
        let percent = (section.optionalShare(name) ?? 0.5) * 100
        let whole = percent.rounded()
        if abs(percent - whole) > 1e-9 { section.report(name, "\(Quantity.percent(percent / 100)) is not a whole percentage") }
        return Int(whole)
    }
}

extension SemanticSettings.WordList {
    /// The largest file.
    static let bytesMax = 1 << 20
    /// How much of a complaint about a file's content is told.
    private static let complaintLengthMax = 200

    /// The list as a reload tells of it: a changed content shows as well as a changed name.
    var summary: String { "\(name) (SHA-256 \(SHA256.digest(of: bytes.span).hex.prefix(8)))" }

    /// Reads every list, each checked in addition to those before it, as the guard will read them.
    fileprivate static func all(
        _ section: Section, usesEnglishWords: Bool, folder: String, readFile: ConfigurationLoader.FileReader
    ) -> [Self] {
        let names = section.texts("words")
        if names.isEmpty, !usesEnglishWords {
            section.report("words_english", "false leaves the guard without any words; words must name at least one list")
        }
        guard !names.isEmpty else { return [] }
        var lists: [Self] = []
        var words = usesEnglishWords ? GuardWords.english : GuardWords.empty
        for name in names {
            guard let list = list(name, section, folder: folder, readFile: readFile) else { continue }
            do throws(WordListError) {
                words = try words.extended(by: list.bytes.span, named: section.shown(name))
            } catch {
                section.report("words", String(error.description.prefix(complaintLengthMax)))
                continue
            }
            lists.append(list)
        }
        return lists
    }

    private static func list(
        _ name: String, _ section: Section, folder: String, readFile: ConfigurationLoader.FileReader
    ) -> Self? {
        let shown = section.shown(name)
        guard !name.isEmpty else {
            section.report("words", "an entry is empty where a path is needed")
            return nil
        }
        do throws(ConfigurationLoader.FileProblem) {
            let bytes = try readFile(ConfigurationLoader.path(name, below: folder))
            guard bytes.count <= bytesMax else { throw ConfigurationLoader.FileProblem(reason: "is larger than \(bytesMax) bytes") }
            return Self(name: name, bytes: bytes)
        } catch {
            section.report("words", "\(shown) can't be read: \(error.reason)")
            return nil
        }
    }
}

extension SemanticSettings.Judge {
    /// Reads the fields of the judge; `nil` where there is none, or no key to ask with, which is reported.
    fileprivate init?(_ section: Section, _ secrets: SecretReader) {
        let key = section.secret("judge_key", secrets)
        // Read in any case, so that a slip is told before somebody names a model.
        let (timeout, perMinute) = (section.integer("judge_timeout"), section.integer("judge_per_minute_max"))
        let model = section.text("judge_model")
        guard !model.isEmpty else { return nil }
        guard let key else {
            if !section.has("judge_key") { section.report("judge_model", "needs judge_key, a virtual key to ask with") }
            return nil
        }
        self.init(model: model, key: key, timeoutMilliseconds: timeout, perMinuteMax: perMinute)
    }
}
