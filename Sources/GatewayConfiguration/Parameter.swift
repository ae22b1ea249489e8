/// One field of the configuration: what it accepts, what it is when left out, and what to know before changing it.
public struct Parameter: Sendable {
    /// What a field holds.
    public enum Kind: Sendable, Equatable {
        /// A whole number, with what it counts for messages, such as `requests`.
        case count(unit: String)
        /// A duration kept in milliseconds; a plain number is in milliseconds.
        case milliseconds
        /// A duration kept in seconds; a plain number is in seconds.
        case seconds
        /// A size kept in bytes.
        case bytes
        /// A decimal number.
        case number
        /// A share of a whole, written `1%` or `0.01` and kept as 0 to 1; the range is in percent.
        case share
        case flag
        case text
        /// One of the given words.
        case choice([String])
        /// A list of texts, or one text, at most so many.
        case texts(countMax: Int)
        /// Where a secret stands: `env:NAME`, `file:PATH` or `credential:NAME`.
        case secret
        /// Up to 20 secrets, tried in order.
        case secrets(countMax: Int)
        /// USD with up to 9 decimals, kept in nano-USD; the range is in whole USD.
        case usd
        /// Limits of use, in the grammar of `LimitSet`.
        case limits
        /// A list of targets of a route, at most so many; one text counts as a list of one.
        case targets(countMax: Int)
        /// A match on what is known of a request; see `ConditionReader`.
        case condition
        /// Flat names and values.
        case values
        /// A mapping with fields of its own.
        case section
        /// A mapping from names the operator chooses to sections, at most so many.
        case sections(countMax: Int)
        /// A list of sections, at most so many.
        case items(countMax: Int)
    }

    /// What a field is when it is left out.
    public enum Default: Sendable, Equatable {
        case none
        case integer(Int)
        case number(Double)
        case flag(Bool)
        case text(String)
        case texts([String])
    }

    /// The dotted path; `*` stands for a name the operator chooses, `[]` for the items of a list.
    public let path: String
    /// What it holds.
    public let kind: Kind
    /// What it is when left out.
    public let standard: Default
    /// The smallest and largest value, in the unit of `kind`; for texts the bounds of the length in bytes.
    public let range: ClosedRange<Int>?
    /// One or two sentences: what it does and when to change it.
    public let advice: String
    /// Whether a reload applies it; else it takes a restart.
    public let isReloadable: Bool

    init(_ path: String, _ kind: Kind, _ advice: String) { self.init(path, kind, .none, nil, advice) }

    init(_ path: String, _ kind: Kind, _ standard: Default, restart: Bool = false, _ advice: String) {
        self.init(path, kind, standard, nil, restart: restart, advice)
    }

    init(_ path: String, _ kind: Kind, _ standard: Default, _ range: ClosedRange<Int>?, restart: Bool = false, _ advice: String) {
        self.path = path
        self.kind = kind
        self.standard = standard
        self.range = range
        self.advice = advice
        isReloadable = !restart
    }

    /// The unit as it stands in messages; empty where there is none.
    public var unit: String {
        switch kind {
        case .count(let unit): unit
        case .milliseconds: "milliseconds"
        case .seconds: "seconds"
        case .bytes: "bytes"
        default: ""
        }
    }
}
