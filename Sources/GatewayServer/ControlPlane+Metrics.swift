import EventLog
import GatewayModel

/// The loops' measures, summed. Control loop only.
extension ControlPlane {
    /// The names that `/metrics` tells apart.
    public enum LabelledSet: CaseIterable, Sendable {
        case provider, model, tenant
    }

    /// What a variant of a histogram counted.
    public func counts(of histogram: Histogram, _ variant: Int) -> HistogramCounts {
        var sums = HistogramCounts(of: histogram)
        for metrics in requestMetrics { metrics.histograms.add(histogram, variant, to: &sums) }
        return sums
    }

    /// How many requests ended with an error of a kind.
    public func value(of kind: GatewayEvent.ErrorKind) -> UInt64 { requestMetrics.reduce(0) { $0 &+ $1.count(of: kind) } }

    /// Counts by name, sorted: for each one number per `LabelledCounter`. The series of all the names that had no room is `other`.
    public func counts(by set: LabelledSet) -> [(name: String, counts: [UInt64])] {
        var sums: [String: [UInt64]] = [:]
        for metrics in requestMetrics {
            switch set {
            case .provider: metrics.providers.add(to: &sums)
            case .model: metrics.models.add(to: &sums)
            case .tenant: metrics.tenants.add(to: &sums)
            }
        }
        return sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
