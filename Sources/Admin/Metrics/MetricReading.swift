import GatewayModel
import GatewayServer

/// What families take their samples from: the gateway, and what is read once per scrape.
struct MetricReading {
    let control: ControlPlane
    let process: ProcessReading
    let started: WallTime
    let version: (number: String, commit: String)

    /// The text of `/metrics`.
    func text(_ format: MetricFormat) -> [UInt8] {
        var text = MetricText(format)
        for family in MetricTable.families { text.append(family, family.samples(self)) }
        text.end()
        return text.bytes
    }
}
