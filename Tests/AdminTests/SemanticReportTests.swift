import GatewayModel
import JSON
import Testing

@testable import Admin
@testable import GatewayServer
@testable import SemanticCache

@Suite struct SemanticReportTests {
    private func scope(_ change: (inout SemanticScopeReport) -> Void = { _ in }) -> SemanticScopeReport {
        var scope = SemanticScopeReport(
            scope: "acme", requests: 100, served: 40, audits: 5, auditsJudged: 4, auditsWrong: 1, explored: 20, labels: 24,
            wouldHaveServed: 45, alarms: 0, isAlarmed: false, auditedError: nil, auditedErrorInterval: nil, thresholds: [:],
            errorBounds: [:])
        change(&scope)
        return scope
    }

    private var ready: SemanticStatus {
        var status = SemanticStatus(state: "ready")
        status.gateModel = "gate int8 128"
        status.sentenceModel = "sentence fp32 384"
        status.costSavedNanoUSD = 1_500_000_001
        status.riskiest = [
            SemanticStatus.ServedPair(
                scope: "acme", entry: .max, cosine: 0.97312345678, probability: nil, text: "asked", matchedText: "stored",
                requestID: "id", servedAt: WallTime(milliseconds: 1_774_998_000_123))
        ]
        return status
    }

    @Test func `a cache that is off has its reason and every figure all the same`() {
        var status = SemanticStatus(state: "off")
        status.problem = "no model"
        let report = SemanticReport.describe(status, hasTexts: true)
        #expect(report["state"]?.stringValue == "off" && report["problem"]?.stringValue == "no model")
        #expect(report["models"] == ["gate": .null, "sentence": .null])
        for name in ["entries", "lookups", "served", "tokens_saved", "cost_saved_usd"] { #expect(report[name]?.doubleValue == 0) }
        #expect(report["scopes"] == .array([]) && report["riskiest"] == .array([]) && report["refused"]?.objectValue?.count == 0)
    }

    @Test func `what became of calls of the endpoint and the judge's model can be read nowhere`() {
        var status = ready
        status.endpointFailures = ["endpoint-timeout": 3]
        (status.judgeAsked, status.judgeSaidSame, status.judgeSaidDifferent, status.judgeUnclear) = (10, 1, 2, 3)
        (status.judgeRefused, status.judgeFailed, status.judgeLimited) = (4, 5, 6)
        let report = SemanticReport.describe(status, hasTexts: false)
        #expect(report["endpoint_failures"] == ["endpoint-timeout": .number(3)])
        #expect(
            report["judge_model"] == [
                "asked": .number(10), "same": .number(1), "different": .number(2), "unclear": .number(3), "refused": .number(4),
                "failed": .number(5), "limited": .number(6),
            ])
    }

    @Test func `a reader sees what was asked`() throws {
        let texts = try [true, false].map { try #require(SemanticReport.describe(ready, hasTexts: $0)["riskiest"]?.arrayValue?.first) }
        #expect(texts[0]["text"]?.stringValue == "asked" && texts[0]["matched_text"]?.stringValue == "stored")
        #expect(texts[1]["text"] == .null && texts[1]["matched_text"] == .null && texts[1]["entry"] == texts[0]["entry"])
    }

    @Test func `a number loses digits or gains noise`() throws {
        let report = SemanticReport.describe(ready, hasTexts: true)
        let pair = try #require(report["riskiest"]?.arrayValue?.first)
        #expect(pair["entry"] == .number("18446744073709551615") && pair["cosine"] == .number("0.973123") && pair["p"] == .null)
        #expect(pair["served_at"]?.stringValue == "2026-03-31T23:00:00.123Z")
        #expect(report["cost_saved_usd"] == .number("1.500000001") && report["problem"] == nil)
    }

    @Test func `a scope's bounds are told under other names than those asked for`() throws {
        var status = ready
        status.scopes = [
            scope(),
            scope {
                $0.thresholds = [0.05: 0.5, 0.005: 0.9912345678]
                $0.errorBounds = [0.005: 0.0049]
                $0.auditedError = 0.01
                $0.auditedErrorInterval = 0.004...0.02
                $0.isAlarmed = true
            },
        ]
        let scopes = try #require(SemanticReport.describe(status, hasTexts: false)["scopes"]?.arrayValue)
        #expect(scopes[0]["audited_error"] == .null && scopes[0]["audited_error_interval"] == .null && scopes[0]["alarmed"] == false)
        #expect(scopes[0]["audits_judged"]?.intValue == 4 && scopes[0]["would_have_served"]?.intValue == 45)
        #expect(scopes[1]["thresholds"] == .object(pairs: [("0.005", .number("0.991235")), ("0.05", .number("0.5"))]))
        #expect(scopes[1]["error_bounds"] == ["0.005": .number("0.0049")])
        #expect(scopes[1]["audited_error_interval"] == [.number("0.004"), .number("0.02")] && scopes[1]["alarmed"] == true)
    }
}
