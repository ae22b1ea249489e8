// Every ten seconds: in each route, targets whose recent answers took several times as long as the others' become a last resort for half a minute.
//
// Compared is the average latency without what is under way, and only of targets that were asked since the last look. The cost that balancing
// uses will not do here: it grows with load, so that the target with the largest share would look slow; and it ages while nobody asks, so that an
// idle stand-in would look quick.

import EventLoop
import GatewayModel
import Logging
import Routing

/// See the file's header. Confined to its loop; `close()` before the loop ends.
final class LatencyWatch {
    /// A target of a route, and what is known of it.
    typealias Member = (target: Target, health: TargetHealth)

    /// How often is looked.
    static let intervalMilliseconds: UInt64 = 10_000
    /// How long an ejection lasts.
    static let ejectionMilliseconds: UInt64 = 30_000

    private let loop: EventLoop
    private let logger: Logger
    private let routes: () -> [[Member]]
    private var timer: LoopTimer?

    /// Makes a watch over the routes that `routes` names at each look.
    init(loop: EventLoop, logger: Logger, routes: @escaping () -> [[Member]]) {
        self.loop = loop
        self.logger = logger
        self.routes = routes
    }

    /// Begins to look.
    func start() {
        timer = try? loop.makeTimer { [weak self] in self?.tick() }
        timer?.start(afterMilliseconds: Self.intervalMilliseconds)
    }

    /// Ends it. Idempotent.
    func close() {
        timer?.close()
        timer = nil
    }

    private func tick() {
        timer?.start(afterMilliseconds: Self.intervalMilliseconds)
        for target in Self.look(routes(), at: loop.now) {
            logger.warning(
                "A target is much slower than its peers and is a last resort for 30 s",
                metadata: ["provider": "\(target.provider)", "model": "\(target.model)"])
        }
    }

    /// Ejects the outliers of each route. A target that stands in a route twice counts once.
    /// - Returns: the targets ejected.
    static func look(_ routes: [[Member]], at now: MonotonicTime) -> [Target] {
        var ejected: [Target] = []
        for route in routes where route.count >= 2 {
            var members: [Member] = []
            for member in route where !members.contains(where: { $0.health === member.health }) { members.append(member) }
            let latencies = members.map { $0.health.recentLatency(within: intervalMilliseconds * 1_000_000, at: now) }
            for index in LatencyOutlier.indices(of: latencies) {
                members[index].health.eject(.latency, until: now.adding(milliseconds: ejectionMilliseconds))
                if !ejected.contains(members[index].target) { ejected.append(members[index].target) }
            }
        }
        return ejected
    }
}

@available(*, unavailable)
extension LatencyWatch: Sendable {}
