import EventLog
import ExactCache
import GatewayModel
import GatewayServer

/// What families take their samples from: the gateway, and what is read once per scrape.
struct MetricReading {
    let control: ControlPlane
    let process: ProcessReading
    let cache: CacheStatistics?
    let log: LogStatus?
    let semantic: SemanticStatus
    let started: WallTime
    let version: (number: String, commit: String)

    /// Reads it now.
    init(_ control: ControlPlane, started: WallTime, version: (number: String, commit: String)) {
        self.control = control
        process = .now()
        cache = control.cache?.statistics
        log = control.eventLog.status()
        semantic = control.semanticStatus
        self.started = started
        self.version = version
    }

    /// The text of `/metrics`.
    func text(_ format: MetricFormat) -> [UInt8] {
        var text = MetricText(format)
        for family in MetricTable.families { text.append(family, family.samples(self)) }
        text.end()
        return text.bytes
    }
}
