// What an operator may set a limit on, as data: the text and JSON forms are read in Tenants, the counting is done in RateLimiting.

/// What a limit counts.
public enum LimitMeasure: String, Sendable, CaseIterable {
    /// Requests that the exact cache did not answer, followers of a flight included.
    case requests
    /// Requests that the exact cache answered.
    case hits
    /// Input and output tokens together.
    case tokens
    /// Input (prompt) tokens.
    case inputTokens = "input_tokens"
    /// Output (completion) tokens, reasoning included.
    case outputTokens = "output_tokens"
    /// Money, in nano-USD (10⁻⁹ USD).
    case cost
    /// Requests towards providers at the same time.
    case concurrency
}

/// How a limit comes back after it was used.
public enum LimitWindow: Sendable, Hashable {
    /// A token bucket: `amount` flows back evenly over so many nanoseconds, up to `burst`.
    case bucket(nanoseconds: Int64)
    /// At most `amount` within any span of so many seconds. A budget.
    case rolling(seconds: Int64)
    /// At most `amount` within each UTC hour, day or month. A budget.
    case calendar(CalendarWindow)
    /// At most `amount` at once: concurrency.
    case atOnce

    /// Whether the limit is a budget: refused with `budget_exceeded`, watched for alerts.
    public var isBudget: Bool {
        switch self {
        case .rolling, .calendar: true
        case .bucket, .atOnce: false
        }
    }
}

/// A window of the calendar, in UTC.
public enum CalendarWindow: String, Sendable, CaseIterable {
    case hour, day, month
}

/// Which requests of its scope a limit counts.
public enum LimitSelector: Sendable, Hashable {
    /// All of them.
    case all
    /// Those asked of a model: `gpt-4o*` or `openai/gpt-4o*`. One bucket for all models that match.
    case model(String)
    /// All of them, with a bucket for each value of this metadata name; absent is one value of its own.
    case metadata(String)
}

/// One limit of a key, a tenant or a route.
public struct Limit: Sendable, Hashable {
    /// What it counts.
    public var measure: LimitMeasure
    /// Which requests it counts.
    public var selector: LimitSelector
    /// What flows back in one period, what a budget allows in its window, or how many at once: at least 1, in the unit of `measure`.
    public var amount: Int64
    /// How it comes back.
    public var window: LimitWindow
    /// What can be used at once when nothing was used for long; at least 1. Equals `amount` for everything but buckets.
    public var burst: Int64
    /// Whether it only counts and logs what it would have refused.
    public var isShadow: Bool
    /// Percentages of a budget at which an alert is given, ascending, 1...100. Empty for all but budgets.
    public var alertPercents: [Int]

    /// Makes a limit. Nothing is validated here. `burst` defaults to one period's `amount`.
    public init(
        measure: LimitMeasure, selector: LimitSelector = .all, amount: Int64, window: LimitWindow, burst: Int64? = nil,
        isShadow: Bool = false, alertPercents: [Int] = []
    ) {
        self.measure = measure
        self.selector = selector
        self.amount = amount
        self.window = window
        self.burst = burst ?? amount
        self.isShadow = isShadow
        self.alertPercents = alertPercents
    }

    /// The most limits that one key, tenant or route may have.
    public static let countMax = 32
    /// The most nano-USD, tokens or requests a limit may name: 10¹⁵, a million USD.
    public static let amountMax: Int64 = 1_000_000_000_000_000
    /// The shortest time between two admissions that a bucket can keep exactly: 100 ns, ten million a second.
    public static let intervalNanosecondsMin: Int64 = 100
    /// The longest period of a bucket or rolling budget, in seconds: 400 days.
    public static let periodSecondsMax: Int64 = 400 * 86_400
}

/// What one request uses, or is expected to use, of the limits that are charged after the fact. All at least 0.
public struct MeteredUse: Sendable, Equatable {
    /// Input tokens as the provider counts them against its own limits.
    public var inputTokens: Int64
    /// Output tokens, reasoning included.
    public var outputTokens: Int64
    /// Nano-USD.
    public var cost: Int64

    /// Makes a use.
    public init(inputTokens: Int64 = 0, outputTokens: Int64 = 0, cost: Int64 = 0) {
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.cost = cost
    }

    /// The part that a measure counts; 0 for measures that are not charged after the fact. Saturates.
    public func amount(of measure: LimitMeasure) -> Int64 {
        switch measure {
        case .tokens:
            let (sum, overflow) = inputTokens.addingReportingOverflow(outputTokens)
            return overflow ? .max : sum
        case .inputTokens: return inputTokens
        case .outputTokens: return outputTokens
        case .cost: return cost
        case .requests, .hits, .concurrency: return 0
        }
    }
}
