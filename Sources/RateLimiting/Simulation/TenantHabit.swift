import GatewayModel

/// What a tenant's requests were like so far: stands in for what a recording does not say of those that were refused.
struct TenantHabit {
    var counts = SimulationReport.Counts()
    var isLimited = false
    private var count: Int128 = 0
    private var input: Int128 = 0
    private var output: Int128 = 0
    private var cost: Int128 = 0
    private var duration: Int128 = 0

    /// Learns from a request that was answered.
    mutating func note(_ request: RecordedRequest) {
        guard request.course == .fetched, let use = request.use else { return }
        count += 1
        input += Int128(max(0, use.inputTokens))
        output += Int128(max(0, use.outputTokens))
        cost += Int128(max(0, use.cost))
        duration += Int128(request.durationNanoseconds)
    }

    /// What a request was expected to use, what it used and how long it took. Where the use is not known it is the mean of the answered requests so
    /// far, or else what was expected; where nothing was expected, it is what was used. No estimate and no use: it is not metered.
    func completed(_ request: RecordedRequest) -> (estimate: UseEstimate?, use: MeteredUse, duration: Int64) {
        let isRefused = request.course == .refused
        let duration = isRefused && count > 0 ? Int64(clamping: self.duration / count) : request.durationNanoseconds
        if let use = request.use, !isRefused {
            let estimate = request.estimate ?? (use == MeteredUse() ? nil : UseEstimate(use))
            return (estimate, use, duration)
        }
        guard let estimate = request.estimate ?? (isRefused ? mean.map { UseEstimate($0) } : nil) else {
            return (nil, MeteredUse(), duration)
        }
        return (estimate, mean ?? estimate.whole, duration)
    }

    private var mean: MeteredUse? {
        guard count > 0 else { return nil }
        return MeteredUse(
            inputTokens: Int64(clamping: input / count), outputTokens: Int64(clamping: output / count), cost: Int64(clamping: cost / count))
    }
}
