/// A small seeded generator (SplitMix64: Steele, Lea, Flood 2014). Randomness is an argument here as time is: the same seed gives the same
/// decision, which is what lets a simulated outage be replayed.
public struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Starts at a seed; any value will do.
    public init(seed: UInt64) { state = seed }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return RandomSource.mix(state)
    }

    /// A number in `0..<bound` (0 when `bound` is 0), by multiplication: off by at most bound / 2⁶⁴ (Lemire 2019).
    mutating func below(_ bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }

    /// A number in [0, 1).
    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// The finalizer of SplitMix64: every bit of the result depends on every bit of `word`.
    static func mix(_ word: UInt64) -> UInt64 {
        var word = word
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
