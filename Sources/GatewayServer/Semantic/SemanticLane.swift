import Embedding
import GatewayConfiguration
import GatewayModel
import SemanticCache

/// A loop's access to the semantic cache: a reader and scratch memory of its own. Confined to the loop.
final class SemanticLane {
    let service: SemanticService
    let reader: SemanticReader
    private var scratch = EmbeddingScratch()

    init(_ service: SemanticService) {
        self.service = service
        reader = service.cache.makeReader()
    }

    /// The gate's vector of a text: some microseconds.
    func gateVector(of text: [UInt8]) -> [Float] {
        var vector: [Float] = []
        _ = service.gate.embed(text.span, into: &vector, scratch: &scratch)
        return vector
    }

    /// Tokens of a text, up to one above the limit.
    func tokens(of text: [UInt8]) -> Int {
        service.pool.model.tokenCount(text.span, limit: service.tokensMax, scratch: &scratch)
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
