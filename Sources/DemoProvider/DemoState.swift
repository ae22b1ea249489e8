import EventLoop
import GatewayModel
import JSON

/// What all connections of a demo provider share. Confined to its loop.
final class DemoState {
    var log = CallLog()
    private var released: Set<String> = []
    private var held: [String: [DemoConnection]] = [:]
    private var seen: Set<String> = []

    /// Inputs remembered for `demo-fail-once-…`; past it all are forgotten.
    private let seenMax = 100_000

    /// Whether an input comes for the first time.
    func isFirst(_ input: DemoInput) -> Bool {
        if seen.count >= seenMax { seen.removeAll() }
        return seen.insert(DemoAnswer.fingerprint(of: input)).inserted
    }

    /// Holds a connection until its name is released; false when that has happened already.
    func hold(_ connection: DemoConnection, name: String) -> Bool {
        if released.contains(name) { return false }
        held[name, default: []].append(connection)
        return true
    }

    /// Forgets a connection that is gone.
    func drop(_ connection: DemoConnection) {
        for name in held.keys { held[name]?.removeAll { $0 === connection } }
    }

    /// How many wait under a name.
    func waiting(_ name: String) -> Int { held[name]?.count ?? 0 }

    /// Lets all that wait go, and all that come later.
    func release(_ name: String) -> Int {
        released.insert(name)
        let going = held.removeValue(forKey: name) ?? []
        for connection in going { connection.released() }
        return going.count
    }
}

@available(*, unavailable)
extension DemoState: Sendable {}
