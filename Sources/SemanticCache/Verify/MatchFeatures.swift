/// What is known about a request and its best match before anybody knows whether the stored answer fits.
public struct MatchFeatures: Sendable, Equatable {
    /// Cosine to the nearest entry that the guard doesn't block, in -1...1.
    public var cosine: Float
    /// `cosine` less that of the nearest entry of another answer group; at most `marginMax`, and that where there is none.
    public var margin: Float
    /// Entries of the same group among the nearest twelve within 0.1 of `cosine`, the match included.
    public var support: Int
    /// Cosine of the gate's vectors of request and match.
    public var gateCosine: Float
    /// Whether a rule of the guard wants it explored only.
    public var isExplored: Bool
    /// Near neighbours that the guard blocked.
    public var blocked: Int
    /// Entries of the partition: a margin means less where there are few rivals.
    public var entries: Int

    /// The margin that counts as having no rival at all.
    public static let marginMax: Float = 0.3

    /// Features as measured.
    public init(cosine: Float, margin: Float, support: Int, gateCosine: Float, entries: Int, isExplored: Bool = false, blocked: Int = 0) {
        self.cosine = cosine
        self.margin = margin
        self.support = support
        self.gateCosine = gateCosine
        self.isExplored = isExplored
        self.blocked = blocked
        self.entries = entries
    }
}
