// Puts the judge's questions to the gateway's own data port, over loopback: a few transfers on the control loop, none tried twice.

import EventLoop
import GatewayConfiguration
import GatewayModel
import Logging
import Upstream

/// See the file's header. Confined to its loop; `close()` before the loop ends.
final class JudgeSender {
    private let logger: Logger
    /// Where the data port is, once it is bound.
    private let address: () -> SocketAddress
    private let driver: DriverOnDemand
    private var isClosed = false
    /// Whether the last question failed: only the first of a row is logged.
    private var isFailing = false

    /// An answer is one word and what is said around it.
    fileprivate static let bodyBytesMax = 64 * 1024

    /// Makes a sender; nothing is opened until the first question.
    init(loop: EventLoop, logger: Logger, address: @escaping () -> SocketAddress) {
        self.logger = logger
        self.address = address
        driver = DriverOnDemand(
            loop: loop, transfersMax: ModelJudge.waitingMax, idleHandlesMax: 4, responseHeadBytesMax: 32 * 1024)
    }

    /// Puts one question.
    func send(_ call: ModelJudge.Call) {
        guard !isClosed, let request = request(for: call) else { return call.done(.failed) }
        do throws(UpstreamFailure) {
            _ = try driver.start(request, delegate: JudgeTransfer(call, sender: self))
        } catch {
            ended(call, .failed, cause: error.description)
        }
    }

    /// Ends everything without a word. Idempotent.
    func close() {
        isClosed = true
        driver.close()
    }

    /// Where the data port answers: one that listens on every address does so on loopback.
    static func reachable(_ address: SocketAddress) -> SocketAddress {
        guard address.ip.kind == .unspecified else { return address }
        return SocketAddress(ip: address.ip.isIPv4 ? IPAddress(ipv4: 0x7F00_0001) : IPAddress("::1") ?? address.ip, port: address.port)
    }

    private func request(for call: ModelJudge.Call) -> UpstreamRequest? {
        var fields = UpstreamFields()
        fields.append("Content-Type", "application/json")
        // A question of the judge is no user's question: it is never matched, judged or added.
        fields.append("weir-semantic", "off")
        guard fields.append("Authorization", "Bearer " + call.key.reveal()) else { return nil }
        let target = Self.reachable(address())
        let timeout = UInt64(clamping: call.timeoutMilliseconds)
        var request = UpstreamRequest(
            method: "POST", url: "http://\(target)/v1/chat/completions", fields: fields, body: .bytes(call.body),
            timeouts: UpstreamTimeouts(total: timeout),
            egress: EgressPolicy(allowsPlainHTTP: true, allowedRanges: AddressRange(target.ip.description).map { [$0] } ?? []))
        request.allowsHTTP2 = false
        return request
    }

    fileprivate func ended(_ call: ModelJudge.Call, _ reply: ModelJudge.Reply, cause: String) {
        if isClosed { return }
        let isAnswer = if case .answer(200, _) = reply { true } else { false }
        if !isAnswer, !isFailing {
            logger.warning("The judge's model can't be asked; answers stay unsure meanwhile", metadata: ["cause": "\(cause)"])
        }
        isFailing = !isAnswer
        call.done(reply)
    }
}

@available(*, unavailable)
extension JudgeSender: Sendable {}

/// One question.
private final class JudgeTransfer: TransferDelegate {
    private let call: ModelJudge.Call
    private unowned let sender: JudgeSender
    private var status = 0
    private var body: [UInt8] = []

    init(_ call: ModelJudge.Call, sender: JudgeSender) {
        self.call = call
        self.sender = sender
    }

    func transfer(_ transfer: Transfer, receivedHead head: UpstreamHead) {
        status = head.status
        guard status != 200 else { return }
        // What is wrong is the operator's to find in the log; the status tells enough here.
        transfer.cancel()
        sender.ended(call, .answer(status: status, body: []), cause: "status \(status)")
    }

    func transfer(_ transfer: Transfer, receivedBody bytes: Span<UInt8>) {
        guard body.count + bytes.count <= JudgeSender.bodyBytesMax else {
            transfer.cancel()
            return sender.ended(call, .failed, cause: "the answer is longer than \(JudgeSender.bodyBytesMax) bytes")
        }
        body.append(span: bytes)
    }

    func transferReadyForBody(_ transfer: Transfer) {}

    func transferCompleted(_ transfer: Transfer) { sender.ended(call, .answer(status: status, body: body), cause: "") }

    func transferFailed(_ transfer: Transfer, _ failure: UpstreamFailure) { sender.ended(call, .failed, cause: failure.description) }
}
