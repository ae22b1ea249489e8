import GatewayModel

/// What a cell needs to know of its limit, made safe to count with: whatever the limit says, everything here is at least 1 and within range.
struct CellParameters: Sendable, Equatable {
    /// How a cell counts.
    enum Kind: UInt8, Sendable {
        case interval = 1, concurrency, level, hour, day, month, rolling

        var isBudget: Bool { rawValue >= Kind.hour.rawValue }

        var calendar: CalendarWindow? {
            switch self {
            case .hour: .hour
            case .day: .day
            case .month: .month
            case .interval, .concurrency, .level, .rolling: nil
            }
        }
    }

    var kind: Kind
    var amount: Int64
    /// Equals `amount` for everything but buckets.
    var burst: Int64
    /// Nanoseconds of a bucket, milliseconds of a rolling budget, 0 for the others.
    var period: Int64

    init(kind: Kind, amount: Int64, burst: Int64, period: Int64) {
        self.kind = kind
        self.amount = min(max(amount, 1), Limit.amountMax)
        let isBucket = kind == .interval || kind == .level
        self.burst = isBucket ? min(max(burst, 1), Limit.amountMax) : self.amount
        switch kind {
        case .interval, .level: self.period = min(max(period, 1), Limit.periodSecondsMax * 1_000_000_000)
        case .rolling: self.period = min(max(period, 1), Limit.periodSecondsMax * 1000)
        case .concurrency, .hour, .day, .month: self.period = 0
        }
    }

    init(_ limit: Limit) {
        let isMetered = limit.measure.isMetered
        let (kind, period): (Kind, Int64) =
            switch limit.window {
            case _ where limit.measure == .concurrency: (.concurrency, 0)
            case .bucket(let nanoseconds): (isMetered ? .level : .interval, nanoseconds)
            case .rolling(let seconds): (.rolling, min(max(seconds, 1), Limit.periodSecondsMax) * 1000)
            case .calendar(.hour): (.hour, 0)
            case .calendar(.day): (.day, 0)
            case .calendar(.month): (.month, 0)
            // No configuration says so; the longest period is the closest to "never flows back".
            case .atOnce: (isMetered ? .level : .concurrency, .max)
            }
        self.init(kind: kind, amount: limit.amount, burst: limit.burst, period: period)
    }

    /// The time one request of a bucket stands for. Rounded up, so that never more than `amount` come back in a period.
    var interval: Int64 { period / amount + (period % amount == 0 ? 0 : 1) }

    /// How far ahead of now the theoretical arrival time may lie: `burst` intervals, at most 73 years of them.
    var tolerance: Int64 { interval * min(burst, LimitTime.nanosecondsMax / interval) }
}

extension LimitMeasure {
    /// Whether it is reserved by an estimate and settled by what was used.
    public var isMetered: Bool {
        switch self {
        case .tokens, .inputTokens, .outputTokens, .cost: true
        case .requests, .hits, .concurrency: false
        }
    }
}
