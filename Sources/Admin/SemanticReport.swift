import GatewayModel
import GatewayServer
import JSON
import SemanticCache

/// What the semantic cache does and knows, as `GET /semantic` tells.
enum SemanticReport {
    /// - Parameter hasTexts: whether the riskiest pairs come with what was asked: for admins, as bodies do.
    static func describe(_ status: SemanticStatus, hasTexts: Bool) -> JSONValue {
        var object = JSONObject()
        object["state"] = .string(status.state)
        if let problem = status.problem { object["problem"] = .string(problem) }
        object["models"] = [
            "gate": status.gateModel.isEmpty ? .null : .string(status.gateModel),
            "sentence": status.sentenceModel.isEmpty ? .null : .string(status.sentenceModel),
        ]
        addIndex(status, to: &object)
        object["ineligible"] = counts(status.ineligible)
        object["misses"] = counts(status.misses)
        object["embedder"] = embedder(status)
        object["endpoint_failures"] = counts(status.endpointFailures)
        object["judge"] = [
            "waiting": .number(status.judgeWaiting), "judged": number(status.judged), "dropped": number(status.judgeDropped),
            "equal": number(status.judgedEqual), "different": number(status.judgedDifferent), "unsure": number(status.judgedUnsure),
        ]
        object["judge_model"] = [
            "asked": number(status.judgeAsked), "same": number(status.judgeSaidSame), "different": number(status.judgeSaidDifferent),
            "unclear": number(status.judgeUnclear), "refused": number(status.judgeRefused), "failed": number(status.judgeFailed),
            "limited": number(status.judgeLimited),
        ]
        object["served"] = number(status.served)
        object["tokens_saved"] = number(status.tokensSaved)
        object["cost_saved_usd"] = .number(LogRowField.dollars(status.costSavedNanoUSD))
        object["scopes"] = .array(status.scopes.map(describe))
        object["riskiest"] = .array(status.riskiest.map { describe($0, hasTexts: hasTexts) })
        return .object(object)
    }

    private static func addIndex(_ status: SemanticStatus, to object: inout JSONObject) {
        let statistics = status.statistics
        object["entries"] = .number(statistics?.entries ?? 0)
        object["partitions"] = .number(statistics?.partitions ?? 0)
        object["entry_bytes"] = .number(statistics?.entryBytes ?? 0)
        object["memo_entries"] = .number(status.memoEntries)
        object["lookups"] = number(statistics?.lookups ?? 0)
        object["inserts"] = number(statistics?.inserts ?? 0)
        object["evicted"] = number(statistics?.evicted ?? 0)
        object["dropped"] = number(statistics?.dropped ?? 0)
        object["missing"] = number(statistics?.missing ?? 0)
        let refused = (statistics?.refused ?? [:]).filter { $0.value > 0 }.map { ($0.key.rawValue, $0.value) }
        object["refused"] = counts(Dictionary(refused) { $0 &+ $1 })
    }

    private static func embedder(_ status: SemanticStatus) -> JSONValue {
        let embedder = status.embedder
        return [
            "submitted": number(embedder.submitted), "refused": number(embedder.refused), "embedded": number(embedder.embedded),
            "late": number(embedder.late), "embedded_late": number(embedder.embeddedLate), "dropped": number(embedder.dropped),
            "waiting": .number(embedder.waiting), "tokens": number(embedder.tokens),
            "busy_seconds": .number((Double(embedder.busyNanoseconds) / 1e6).rounded() / 1000),
        ]
    }

    private static func describe(_ scope: SemanticScopeReport) -> JSONValue {
        var object = JSONObject()
        object["scope"] = .string(scope.scope)
        for (name, value) in [
            ("requests", scope.requests), ("served", scope.served), ("audits", scope.audits), ("audits_judged", scope.auditsJudged),
            ("audits_wrong", scope.auditsWrong), ("explored", scope.explored), ("labels", scope.labels),
            ("would_have_served", scope.wouldHaveServed), ("alarms", scope.alarms),
        ] {
            object[name] = number(value)
        }
        object["alarmed"] = .bool(scope.isAlarmed)
        object["audited_error"] = scope.auditedError.map(share) ?? .null
        object["audited_error_interval"] = scope.auditedErrorInterval.map { [share($0.lowerBound), share($0.upperBound)] } ?? .null
        object["thresholds"] = byBound(scope.thresholds)
        object["error_bounds"] = byBound(scope.errorBounds)
        return .object(object)
    }

    private static func describe(_ pair: SemanticStatus.ServedPair, hasTexts: Bool) -> JSONValue {
        [
            "scope": .string(pair.scope), "entry": number(pair.entry), "cosine": share(pair.cosine),
            "p": pair.probability.map(share) ?? .null, "text": hasTexts ? .string(pair.text) : .null,
            "matched_text": hasTexts ? .string(pair.matchedText) : .null, "request_id": .string(pair.requestID),
            "served_at": .string(TimeText.milliseconds(pair.servedAt)),
        ]
    }

    /// `{"0.01": 0.93}`: by the bound asked for.
    private static func byBound(_ values: [Double: Double]) -> JSONValue {
        .object(pairs: values.sorted { $0.key < $1.key }.map { ($0.key.description, share($0.value)) })
    }

    private static func counts(_ counts: [String: UInt64]) -> JSONValue {
        .object(pairs: counts.sorted { $0.key < $1.key }.map { ($0.key, number($0.value)) })
    }

    /// Six decimals are more than anybody knows.
    private static func share(_ value: Double) -> JSONValue { .number((value * 1e6).rounded() / 1e6) }

    private static func number(_ value: UInt64) -> JSONValue { .number(String(value)) }
}
