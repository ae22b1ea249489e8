/// The lengths that a point of a series may have.
struct StatsStep: Sendable, Equatable {
    /// As it is asked for.
    let name: String
    /// Its length.
    let seconds: Int64
    /// The intervals it is made of.
    let resolution: RollupResolution

    /// All, rising. Each divides the next, so that they start together.
    static let all = [
        StatsStep(name: "1m", seconds: 60, resolution: .minute), StatsStep(name: "5m", seconds: 300, resolution: .minute),
        StatsStep(name: "15m", seconds: 900, resolution: .minute), StatsStep(name: "1h", seconds: 3600, resolution: .hour),
        StatsStep(name: "6h", seconds: 21_600, resolution: .hour), StatsStep(name: "1d", seconds: 86_400, resolution: .day),
    ]

    /// The longest step made of intervals of a resolution.
    static func longest(of resolution: RollupResolution) -> StatsStep? { all.last { $0.resolution == resolution } }
}
