import Hashing

extension SemanticSettings {
    /// An OpenAI-style embeddings endpoint that takes the sentence model's place.
    public struct Endpoint: Sendable, Equatable {
        /// `semantic.endpoint_url`: an http or https URL, checked. It may hold a secret, so it is not for logs.
        public let url: String
        /// `semantic.endpoint_model`.
        public let model: String
        /// `semantic.endpoint_dimensions`: a multiple of 64, 64 to 4096.
        public let dimensions: Int
        /// `semantic.endpoint_key`.
        public let key: Secret?

        /// Puts an endpoint together; nothing is checked.
        public init(url: String, model: String, dimensions: Int, key: Secret?) {
            self.url = url
            self.model = model
            self.dimensions = dimensions
            self.key = key
        }
    }
}

extension SemanticSettings.Endpoint {
    /// A vector is kept in words of so many sign bits.
    private static let dimensionsStep = 64

    /// Reads the fields of the semantic section; `nil` without a URL.
    init?(_ section: Section, egress: EgressSettings, secrets: SecretReader) {
        let url = section.calledURL("endpoint_url", egress)
        let model = section.optionalText("endpoint_model")
        let dimensions = section.optionalInteger("endpoint_dimensions")
        let key = section.secret("endpoint_key", secrets)
        if let dimensions, dimensions % Self.dimensionsStep != 0 {
            section.report("endpoint_dimensions", "\(dimensions) is not a multiple of \(Self.dimensionsStep)")
        }
        guard section.has("endpoint_url") else {
            for name in ["endpoint_model", "endpoint_dimensions", "endpoint_key"] where section.has(name) {
                section.report(name, "is of no use without endpoint_url")
            }
            return nil
        }
        for name in ["endpoint_model", "endpoint_dimensions"] where !section.has(name) {
            section.report("endpoint_url", "needs \(name) as well")
        }
        guard let url, let model, let dimensions else { return nil }
        self.init(url: url, model: model, dimensions: dimensions, key: key)
    }
}

extension SemanticSettings {
    /// The endpoint's URL and key as a reload tells of them: a change shows, the text does not.
    var endpointURLSummary: String { Self.summary(endpoint?.url) }
    var endpointKeySummary: String { Self.summary(endpoint?.key?.reveal()) }

    private static func summary(_ text: String?) -> String {
        text.map { "(SHA-256 \(SHA256.digest(of: Array($0.utf8).span).hex.prefix(8)))" } ?? "none"
    }
}
