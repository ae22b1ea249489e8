/// How the semantic cache treats one request, once route, tenant and defaults are put together; the table has what each means.
public struct SemanticPolicySettings: Sendable, Equatable {
    /// What decides that a match is good enough.
    public enum Rule: Sendable, Equatable {
        /// A bound on wrong answers served, of all requests: above 0, at most 0.5.
        case maxError(Double)
        /// A cosine from which on a match is served, 0.5 to 1. Nothing verifies it.
        case threshold(Double)
    }
    /// What is served before enough is known for a bound.
    public enum Cold: String, Sendable, CaseIterable { case aliases, prior }
    /// Whose learning is pooled.
    public enum LearnBy: String, Sendable, CaseIterable { case tenant, route }

    /// `semantic.enabled`.
    public var isEnabled: Bool
    /// `semantic.max_error` or `semantic.threshold`.
    public var rule: Rule
    /// `semantic.cold`.
    public var cold: Cold
    /// `semantic.shadow`.
    public var isShadow: Bool
    /// `semantic.audit_rate`, 0 to 1.
    public var auditRate: Double
    /// `semantic.audit_rate_low`, 0 to 1, at most `auditRate`.
    public var auditRateLow: Double
    /// `semantic.audits_for_low_rate`.
    public var auditsForLowRate: Int
    /// `semantic.guard` as names of `SemanticGuardNames.rules`; empty: `intent`, none of them.
    public var guardRules: Set<String>
    /// `semantic.max_temperature`, 0 to 2.
    public var maxTemperature: Double
    /// `semantic.content_words_min`.
    public var contentWordsMin: Int
    /// `semantic.time_dependent_ttl_max`, in seconds.
    public var timeDependentTTLSecondsMax: Int
    /// `semantic.learn_by`.
    public var learnBy: LearnBy
}

/// The semantic cache's defaults, sizes and word lists; the table has what each means.
public struct SemanticSettings: Sendable, Equatable {
    /// The arithmetic of the sentence model.
    public enum Precision: String, Sendable, CaseIterable { case auto, fp32, int8 }

    /// A file of words for the guard, read and checked when the configuration is loaded.
    public struct WordList: Sendable, Equatable {
        /// The path as it is written in the configuration.
        public let name: String
        /// The content, which `GuardWords.extended(by:named:)` takes.
        public let bytes: [UInt8]
    }

    /// The model that is asked where nothing else can tell whether two answers say the same.
    public struct Judge: Sendable, Equatable {
        /// `semantic.judge_model`: a route or provider/model; not empty.
        public var model: String
        /// `semantic.judge_key`: a virtual key of this gateway.
        public var key: Secret
        /// `semantic.judge_timeout`.
        public var timeoutMilliseconds: Int
        /// `semantic.judge_per_minute_max`.
        public var perMinuteMax: Int

        /// Makes settings; the ranges are the table's.
        public init(model: String, key: Secret, timeoutMilliseconds: Int, perMinuteMax: Int) {
            self.model = model
            self.key = key
            self.timeoutMilliseconds = timeoutMilliseconds
            self.perMinuteMax = perMinuteMax
        }
    }

    /// What holds where neither route nor tenant says otherwise.
    public let standard: SemanticPolicySettings
    /// `semantic.models_directory`; `nil`: `models` in the data directory.
    public let modelsDirectory: String?
    /// `semantic.precision`.
    public let precision: Precision
    /// `semantic.endpoint_url` and its companions; `nil`: the sentence model is installed here.
    public let endpoint: Endpoint?
    /// `semantic.threads`.
    public let threads: Int
    /// `semantic.budget`.
    public let budgetMilliseconds: Int
    /// `semantic.queue_max`.
    public let queueMax: Int
    /// `semantic.tokens_max`.
    public let tokensMax: Int
    /// `semantic.entries_max`.
    public let entriesMax: Int
    /// `semantic.entries_per_partition_max`.
    public let entriesPerPartitionMax: Int
    /// `semantic.partitions_max`.
    public let partitionsMax: Int
    /// `semantic.key_share`, 1 to 100.
    public let keySharePercent: Int
    /// `semantic.key_inserts_per_minute`.
    public let keyInsertsPerMinute: Int
    /// `semantic.memo_entries`.
    public let memoEntries: Int
    /// `semantic.pending_max`.
    public let pendingMax: Int
    /// `semantic.words`, in the order of the file.
    public let words: [WordList]
    /// `semantic.words_english`.
    public let usesEnglishWords: Bool
    /// The model that is asked last; `nil`: none.
    public let judge: Judge?
}
