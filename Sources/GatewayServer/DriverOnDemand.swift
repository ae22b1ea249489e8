import EventLoop
import Upstream

/// An upstream driver of one of the control loop's own callers (alerts, probes, the judge's questions), made when it is first needed: most gateways
/// never do. A class: a transfer that fails at once may lead to the next one before its start returns. Confined to its loop; `close()` before the loop ends.
final class DriverOnDemand {
    private let loop: EventLoop
    private let transfersMax: Int
    private let idleHandlesMax: Int
    private let responseHeadBytesMax: Int
    private var driver: UpstreamDriver?

    /// At most so many transfers at a time; so many connections are kept for the next ones.
    init(loop: EventLoop, transfersMax: Int, idleHandlesMax: Int, responseHeadBytesMax: Int = 16 * 1024) {
        self.loop = loop
        self.transfersMax = transfersMax
        self.idleHandlesMax = idleHandlesMax
        self.responseHeadBytesMax = responseHeadBytesMax
    }

    /// Transfers under way.
    var inFlight: Int { driver?.inFlight ?? 0 }

    /// Starts a transfer.
    func start(_ request: UpstreamRequest, delegate: any TransferDelegate) throws(UpstreamFailure) -> Transfer {
        try ready().start(request, delegate: delegate)
    }

    private func ready() throws(UpstreamFailure) -> UpstreamDriver {
        if let driver { return driver }
        var options = UpstreamOptions()
        options.connectionsMax = transfersMax
        options.transfersMax = transfersMax
        options.idleHandlesMax = idleHandlesMax
        options.responseHeadBytesMax = responseHeadBytesMax
        let made = try UpstreamDriver(loop: loop, options: options)
        driver = made
        return made
    }

    /// Ends everything without a word. Idempotent; the next transfer would make another.
    func close() {
        driver?.close()
        driver = nil
    }
}

@available(*, unavailable)
extension DriverOnDemand: Sendable {}

extension UpstreamTimeouts {
    /// One time for everything: short calls that are over or given up.
    init(total milliseconds: UInt64) {
        self.init(connect: milliseconds, firstByte: milliseconds, idle: milliseconds, total: milliseconds)
    }
}
