import GatewayModel

/// What a dimension of the statistics is called, in queries, JSON and CSV.
public enum StatsDimension: UInt8, Sendable, CaseIterable {
    /// The tenant's id; empty where the key was not known.
    case tenant = 0
    /// The provider's name.
    case provider = 1
    /// The model as the provider knows it.
    case model = 2
    /// The route's name.
    case route = 3
    /// The name of a `GatewayEvent.CacheLayer`.
    case cache = 4
    /// The name of a `GatewayEvent.ErrorKind`.
    case error = 5

    /// The name.
    public var name: String {
        switch self {
        case .tenant: "tenant"
        case .provider: "provider"
        case .model: "model"
        case .route: "route"
        case .cache: "cache"
        case .error: "error"
        }
    }
}

/// A question to the rollups, checked and with all defaults filled in.
public struct StatsQuery: Sendable, Equatable {
    /// What groups are ranked by, descending.
    public enum Order: String, Sendable, CaseIterable { case requests, cost, errors, tokens }
    /// How the answer is written.
    public enum Format: String, Sendable, CaseIterable { case json, csv }

    /// The first second of the window, since the epoch; a multiple of `stepSeconds`.
    public var from: Int64
    /// The first second after the window.
    public var to: Int64
    /// The length of a point of the series; a multiple of the resolution's.
    public var stepSeconds: Int64
    /// The intervals the series is made of.
    public var resolution: RollupResolution
    /// The dimensions to group by; empty for no groups.
    public var groupBy: [StatsDimension] = []
    /// Only events with exactly these labels.
    public var filters: [StatsDimension: String] = [:]
    /// Groups listed before the rest is summed into `other`.
    public var top = 20
    /// What ranks them.
    public var order = Order.requests
    /// Percentiles in hundredths of a percent, rising: 9900 is p99.
    public var percentiles = [5000, 9000, 9900]
    /// How the answer is written.
    public var format = Format.json
    /// The time of asking.
    public var now: WallTime
}

/// Why a query can't be answered.
public struct StatsQueryError: Error, Sendable, Equatable {
    /// The field at fault.
    public var field: String
    /// What is wrong with it and what would be right; without the value.
    public var message: String

    /// 400 `invalid_query`.
    public var gatewayError: GatewayError {
        GatewayError(status: 400, code: "invalid_query", message: "\(field): \(message)", param: field)
    }
}

extension StatsQuery {
    /// Reads a query from the decoded fields of a URL.
    public init(fields: [(name: String, value: String)], now: WallTime, limits: RollupLimits = RollupLimits()) throws(StatsQueryError) {
        throw StatsQueryError(field: "window", message: "")
    }
}
