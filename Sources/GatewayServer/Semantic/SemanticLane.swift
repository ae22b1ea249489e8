import Embedding
import GatewayConfiguration
import GatewayModel
import SemanticCache

/// A loop's access to the semantic cache: a reader and scratch memory of its own. Confined to the loop.
final class SemanticLane {
    let service: SemanticService
    let reader: SemanticReader
    /// Asks the endpoint; `nil` where a model in the process makes the vectors.
    let remote: RemoteEmbedder?
    private var scratch = EmbeddingScratch()

    init(_ service: SemanticService) {
        self.service = service
        reader = service.cache.makeReader()
        remote = service.source.endpoint.map { RemoteEmbedder($0, memo: service.memo) }
    }

    /// The gate's vector of a text: some microseconds. `nil` where there is no gate.
    func gateVector(of text: [UInt8]) -> [Float]? {
        guard let gate = service.gate else { return nil }
        var vector: [Float] = []
        _ = gate.embed(text.span, into: &vector, scratch: &scratch)
        return vector
    }

    /// Tokens of a text, up to one above the limit. An endpoint's tokenizer is not known: four bytes count as one.
    func tokens(of text: [UInt8]) -> Int {
        guard let model = service.source.model else { return min((text.count + 3) / 4, service.tokensMax + 1) }
        return model.tokenCount(text.span, limit: service.tokensMax, scratch: &scratch)
    }

    /// Why a request need not be looked up, as far as the gate knows, or, without one, the partition; `nil` if it must.
    func reasonToPass(_ request: SimilarRequest) -> SemanticReason? {
        guard let gate = request.gate else { return reader.reasonToPass(request.partition) }
        switch reader.gate(gate.span, in: request.partition) {
        case .failure(let reason): return reason
        case .success: return nil
        }
    }
}

@available(*, unavailable)
extension SemanticLane: Sendable {}

extension SemanticPolicy {
    /// The configured policy, as far as the cache's decision goes.
    init(_ settings: SemanticPolicySettings, minimumCosine: Float) {
        switch settings.rule {
        case .maxError(let bound): self.init(rule: .maxError(bound))
        case .threshold(let cosine): self.init(rule: .threshold(Float(cosine)))
        }
        cold = settings.cold == .prior ? .prior : .aliasesOnly
        isShadow = settings.isShadow
        auditRate = settings.auditRate
        auditRateLow = settings.auditRateLow
        auditsForLowRate = settings.auditsForLowRate
        self.minimumCosine = minimumCosine
    }
}

extension GuardRules {
    /// The rules of these names; the configuration knows no others.
    init(names: Set<String>) {
        var rules: GuardRules = []
        for rule in GuardRule.allCases where names.contains(rule.rawValue) { rules.insert(GuardRules(rule)) }
        if names.contains("one-word-apart") { rules.insert(.oneWordApart) }
        self = rules
    }
}

extension SemanticSettings.Precision {
    /// The model's, `nil` for whichever is installed.
    var model: ModelPrecision? {
        switch self {
        case .auto: nil
        case .fp32: .float
        case .int8: .int8
        }
    }
}
