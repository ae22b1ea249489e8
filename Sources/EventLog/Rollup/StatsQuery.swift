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

    /// The labels there can be; `nil` where any text can be one.
    var labels: [String]? {
        switch self {
        case .cache: GatewayEvent.CacheLayer.allCases.map(\.name)
        case .error: GatewayEvent.ErrorKind.allCases.map(\.name)
        default: nil
        }
    }
}

/// A question to the rollups, checked and with all defaults filled in.
///
/// A window is cut into steps that start at multiples of their length since the epoch. `window` reaches to the end of the running step; the ends
/// of `from` and `to` are moved outwards to the next ones. So every point but the running one is whole, and the totals are the sum of the points.
public struct StatsQuery: Sendable, Equatable {
    /// What groups are ranked by, descending.
    public enum Order: String, Sendable, CaseIterable { case requests, cost, errors, tokens }
    /// How the answer is written.
    public enum Format: String, Sendable, CaseIterable { case json, csv }

    /// The first second of the window, since the epoch; a multiple of `stepSeconds`.
    public internal(set) var from: Int64
    /// The first second after the window; a multiple of `stepSeconds`, after `from`.
    public internal(set) var to: Int64
    /// The length of a point of the series; a multiple of the resolution's.
    public internal(set) var stepSeconds: Int64
    /// The intervals the series is made of.
    public internal(set) var resolution: RollupResolution
    /// The dimensions to group by, each once; empty for no groups.
    public internal(set) var groupBy: [StatsDimension] = []
    /// Only events with exactly these labels.
    public internal(set) var filters: [StatsDimension: String] = [:]
    /// Groups listed before the rest is summed into `other`; 1...200.
    public internal(set) var top = 20
    /// What ranks them.
    public internal(set) var order = Order.requests
    /// Percentiles in hundredths of a percent, rising: 9900 is p99. At most 10.
    public internal(set) var percentiles = [5000, 9000, 9900]
    /// How the answer is written.
    public internal(set) var format = Format.json

    /// Points of a series.
    public static let pointsMax: Int64 = 3000
    /// Groups that can be listed.
    public static let topMax = 200
    /// Percentiles that can be asked for.
    public static let percentilesMax = 10
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
