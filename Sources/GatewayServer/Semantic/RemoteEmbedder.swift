// Vectors from the configured endpoint, over the loop's own upstream driver: nothing waits, nothing leaves the loop. Every failure has a name
// and means that there is no vector.

import GatewayModel
import JSON
import Synchronization
import Upstream

/// See the file's header. Confined to its loop.
final class RemoteEmbedder {
    /// What a vector is for.
    enum Purpose {
        /// A request waits for it, as long as the budget says.
        case match
        /// The index: nobody waits. At most half of what may be under way, so that it keeps nobody from asking.
        case insert
    }

    let endpoint: EmbeddingEndpoint
    private let memo: VectorMemo
    private var underWay = 0
    private var insertsUnderWay = 0

    init(_ endpoint: EmbeddingEndpoint, memo: VectorMemo) {
        self.endpoint = endpoint
        self.memo = memo
    }

    /// Asks for the vector of a text, which is remembered when it comes.
    /// - Parameter completion: called once, never from within this call, with the vector or `nil`; not at all when the loop ends first.
    /// - Returns: `false` if nothing was asked; `completion` is not called then.
    func embed(_ text: [UInt8], for purpose: Purpose, on worker: LoopWorker, completion: @escaping ([Float]?) -> Void) -> Bool {
        guard hasRoom(purpose) else {
            failed(.busy, "", worker)
            return false
        }
        let call = EndpointCall(embedder: self, worker: worker, text: text, purpose: purpose, completion: completion)
        do throws(UpstreamFailure) {
            _ = try worker.upstream.start(try request(text, purpose, worker), delegate: call)
        } catch {
            failed(error.kind == .egressRefused ? .egress : .unsent, error.detail, worker)
            return false
        }
        underWay += 1
        if purpose == .insert { insertsUnderWay += 1 }
        endpoint.submitted.add(1, ordering: .relaxed)
        endpoint.underWay.add(1, ordering: .relaxed)
        return true
    }

    private func hasRoom(_ purpose: Purpose) -> Bool {
        guard underWay < endpoint.underWayMax else { return false }
        return purpose == .match || insertsUnderWay < max(1, endpoint.underWayMax / 2)
    }

    private func request(_ text: [UInt8], _ purpose: Purpose, _ worker: LoopWorker) throws(UpstreamFailure) -> UpstreamRequest {
        let settings = endpoint.settings
        var fields = UpstreamFields()
        fields.append("Content-Type", "application/json")
        if let key = settings.key, !fields.append("Authorization", "Bearer " + key.reveal()) {
            throw UpstreamFailure(.local, "endpoint_key holds a byte that no header field may hold")
        }
        let time = purpose == .match ? endpoint.budgetMilliseconds : max(endpoint.budgetMilliseconds, EmbeddingEndpoint.insertMilliseconds)
        let egress = worker.snapshot.configuration.egress
        return UpstreamRequest(
            method: "POST", url: settings.url, fields: fields, body: .bytes(endpoint.body(for: text)),
            timeouts: UpstreamTimeouts(total: time),
            egress: .make(alertURL: settings.url, privateHosts: egress.privateHosts, privateRanges: egress.privateAddresses.ranges))
    }

    /// Takes a whole answer.
    fileprivate func read(_ body: [UInt8], for text: [UInt8]) throws(EndpointFailure) -> [Float] {
        let answer = try EndpointAnswer(parsing: body.span, dimensions: endpoint.settings.dimensions)
        try endpoint.model.check(answer.model)
        memo.remember(answer.vector, of: text)
        return answer.vector
    }

    fileprivate func failed(_ failure: EndpointFailure, _ detail: String, _ worker: LoopWorker) {
        endpoint.failed(failure, detail: detail, now: worker.loop.now, logger: worker.shared.logger)
    }

    /// A call is over; whoever asked has been told.
    fileprivate func ended(_ purpose: Purpose) {
        underWay -= 1
        if purpose == .insert { insertsUnderWay -= 1 }
        endpoint.underWay.subtract(1, ordering: .relaxed)
    }
}

@available(*, unavailable)
extension RemoteEmbedder: Sendable {}

/// One call of the endpoint. The driver keeps it until it is over.
private final class EndpointCall: TransferDelegate {
    private let embedder: RemoteEmbedder
    private let worker: LoopWorker
    private let text: [UInt8]
    private let purpose: RemoteEmbedder.Purpose
    private let completion: ([Float]?) -> Void
    private var body: [UInt8] = []

    init(
        embedder: RemoteEmbedder, worker: LoopWorker, text: [UInt8], purpose: RemoteEmbedder.Purpose,
        completion: @escaping ([Float]?) -> Void
    ) {
        self.embedder = embedder
        self.worker = worker
        self.text = text
        self.purpose = purpose
        self.completion = completion
    }

    func transfer(_ transfer: Transfer, receivedHead head: UpstreamHead) {
        guard head.status != 200 else { return }
        transfer.cancel()
        fail(.status, "status \(head.status)")
    }

    func transfer(_ transfer: Transfer, receivedBody bytes: Span<UInt8>) {
        guard body.count + bytes.count <= EndpointAnswer.bytesMax(dimensions: embedder.endpoint.settings.dimensions) else {
            transfer.cancel()
            return fail(.tooLarge, "")
        }
        body.append(span: bytes)
    }

    func transferReadyForBody(_ transfer: Transfer) {}

    func transferCompleted(_ transfer: Transfer) {
        do throws(EndpointFailure) {
            let vector = try embedder.read(body, for: text)
            embedder.endpoint.embedded.add(1, ordering: .relaxed)
            completion(vector)
            embedder.ended(purpose)
        } catch {
            fail(error, "")
        }
    }

    func transferFailed(_ transfer: Transfer, _ failure: UpstreamFailure) { fail(Self.reason(failure), failure.description) }

    private static func reason(_ failure: UpstreamFailure) -> EndpointFailure {
        switch failure.kind {
        case .connectTimeout, .firstByteTimeout, .idleTimeout, .totalTimeout: .timeout
        case .egressRefused: .egress
        case .local: .unsent
        case .tooLarge: .tooLarge
        case .dns, .connectRefused, .tls, .reset, .truncated, .protocolError, .sendFailed:
            failure.responseStarted ? .brokenOff : .unreachable
        }
    }

    private func fail(_ failure: EndpointFailure, _ detail: String) {
        embedder.failed(failure, detail, worker)
        completion(nil)
        embedder.ended(purpose)
    }
}
