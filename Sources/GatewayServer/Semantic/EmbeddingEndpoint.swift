import Embedding
import GatewayConfiguration
import GatewayModel
import JSON
import Logging
import Synchronization
import Tenants

/// The configured embeddings endpoint: what is asked there, of which model its vectors are, and what came of it. One for the process; any
/// thread.
final class EmbeddingEndpoint: Sendable {
    let settings: SemanticSettings.Endpoint
    /// How long a request waits for its vector.
    let budgetMilliseconds: UInt64
    /// Requests under way on one loop.
    let underWayMax: Int
    let model: EndpointModel
    let failures = ReasonCounts<EndpointFailure>()
    let submitted = Atomic<UInt64>(0)
    let refused = Atomic<UInt64>(0)
    let embedded = Atomic<UInt64>(0)
    let late = Atomic<UInt64>(0)
    let underWay = Atomic<Int>(0)
    private let noted = Locked<[EndpointFailure: MonotonicTime]>([:])

    /// How long a vector that nobody waits for may take. It is for the index alone.
    static let insertMilliseconds: UInt64 = 10_000
    /// A failure of a kind is logged once in so long.
    private static let notedMilliseconds: UInt64 = 60_000

    /// Opens the file beside the store that says of which model its vectors are.
    init(_ settings: SemanticSettings.Endpoint, of semantic: SemanticSettings, folder: String) throws(SemanticProblem) {
        self.settings = settings
        budgetMilliseconds = UInt64(semantic.budgetMilliseconds)
        underWayMax = semantic.queueMax
        let identity = "\(settings.url)\n\(settings.model)\n\(settings.dimensions)"
        do throws(PrivateFileError) {
            model = try EndpointModel(path: folder + "/semantic-endpoint", identity: identity)
        } catch {
            throw SemanticProblem(error.description + ".")
        }
    }

    /// Names the vectors, for the store.
    var vectorsID: String { "endpoint \(settings.url) \(settings.model) \(settings.dimensions) \(model.generation)" }

    /// What is sent for a text.
    func body(for text: [UInt8]) -> [UInt8] {
        var body: [UInt8] = []
        let request: JSONValue = ["model": .string(settings.model), "input": .string(String(decoding: text, as: UTF8.self))]
        request.write(to: &body)
        return body
    }

    /// Counts a failure, and tells of it now and then.
    func failed(_ failure: EndpointFailure, detail: String, now: MonotonicTime, logger: Logger) {
        failures.add(failure)
        switch failure {
        case .busy: refused.add(1, ordering: .relaxed)
        case .timeout: late.add(1, ordering: .relaxed)
        default: break
        }
        let isNew = noted.withLock { noted in
            if let last = noted[failure], now.nanoseconds(since: last) / 1_000_000 < Self.notedMilliseconds { return false }
            noted[failure] = now
            return true
        }
        guard isNew else { return }
        var metadata: Logger.Metadata = ["reason": "\(failure.rawValue)"]
        if !detail.isEmpty { metadata["cause"] = "\(detail)" }
        if failure == .modelChanged {
            metadata["advice"] = "remove \(model.path) and start again: stored vectors are then dropped and those of the new model used"
        }
        logger.warning("The embeddings endpoint gave no vector that can be used", metadata: metadata)
    }

    /// As the threads of a model in the process count.
    var statistics: EmbedderStatistics {
        var statistics = EmbedderStatistics()
        statistics.submitted = submitted.load(ordering: .relaxed)
        statistics.refused = refused.load(ordering: .relaxed)
        statistics.embedded = embedded.load(ordering: .relaxed)
        statistics.late = late.load(ordering: .relaxed)
        statistics.waiting = underWay.load(ordering: .relaxed)
        return statistics
    }
}
