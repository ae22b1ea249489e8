import Embedding
import GatewayConfiguration

/// Where the vectors come from that answers are matched by. Any thread.
enum VectorSource: Sendable {
    /// Threads of this process.
    case threads(EmbedderPool)
    /// An embeddings endpoint, which each loop asks for itself.
    case endpoint(EmbeddingEndpoint)

    /// The model in the process, if that is where they come from.
    var model: SentenceModel? { if case .threads(let pool) = self { pool.model } else { nil } }

    /// The endpoint, if that is where they come from.
    var endpoint: EmbeddingEndpoint? { if case .endpoint(let endpoint) = self { endpoint } else { nil } }

    /// What they did.
    var statistics: EmbedderStatistics {
        switch self {
        case .threads(let pool): pool.statistics
        case .endpoint(let endpoint): endpoint.statistics
        }
    }
}

extension SemanticService {
    /// The models, opened, before anything runs with them.
    struct Encoder {
        /// `nil` only beside an endpoint.
        let gate: GateModel?
        private let sentence: Sentence

        private enum Sentence {
            case model(SentenceModel)
            case endpoint(EmbeddingEndpoint)
        }

        /// Opens what the settings ask for. An endpoint needs no model here; a gate that is installed spares it most questions.
        init(_ settings: SemanticSettings, _ store: ModelStore, folder: String) throws(SemanticProblem) {
            if let endpoint = settings.endpoint {
                sentence = .endpoint(try EmbeddingEndpoint(endpoint, of: settings, folder: folder))
            } else {
                sentence = .model(
                    try Self.opened(store) { (store) throws(EmbeddingModelError) in
                        try store.openSentence(precision: settings.precision.model)
                    })
            }
            gate = try Self.opened(store) { (store) throws(EmbeddingModelError) in
                do throws(EmbeddingModelError) { return try store.openGate() } catch {
                    if case .notFound = error, settings.endpoint != nil { return nil }
                    throw error
                }
            }
        }

        private static func opened<Model>(
            _ store: ModelStore, _ open: (ModelStore) throws(EmbeddingModelError) -> Model
        ) throws(SemanticProblem) -> Model {
            do throws(EmbeddingModelError) { return try open(store) } catch {
                if case .notFound = error { throw SemanticProblem("No model is installed in \(store.folder): run weir model install.") }
                throw SemanticProblem("\(error.description). Run weir model verify.")
            }
        }

        /// Names the vectors, for the store.
        var vectorsID: String {
            switch sentence {
            case .model(let model): model.info.identity
            case .endpoint(let endpoint): endpoint.vectorsID
            }
        }

        /// Elements of a vector.
        var dimensions: Int {
            switch sentence {
            case .model(let model): model.dimensions
            case .endpoint(let endpoint): endpoint.settings.dimensions
            }
        }

        /// Starts the threads, where there are any.
        func start(_ settings: SemanticSettings) throws(SemanticProblem) -> VectorSource {
            switch sentence {
            case .endpoint(let endpoint): return .endpoint(endpoint)
            case .model(let model):
                let limits = EmbedderLimits(
                    threads: settings.threads, queueTextsMax: settings.queueMax, tokensMax: SemanticService.embeddedTokensMax,
                    budgetMilliseconds: UInt64(settings.budgetMilliseconds))
                guard let pool = EmbedderPool(model: model, limits: limits) else {
                    throw SemanticProblem("The system gives no threads for it.")
                }
                return .threads(pool)
            }
        }
    }
}
