/// One piece of work as OpenTelemetry tells it. Times are nanoseconds since 1970.
public struct TelemetrySpan: Sendable, Equatable {
    /// What kind of work (`opentelemetry.proto.trace.v1.Span.SpanKind`).
    public enum Kind: Int, Sendable {
        /// Work for a caller.
        case server = 2
        /// A call of somebody else.
        case client = 3
    }

    /// A value of an attribute.
    public enum Value: Sendable, Equatable {
        case text(String)
        case integer(Int64)
        case number(Double)
        case flag(Bool)
        case texts([String])
    }

    /// The trace's id.
    public var traceHigh: UInt64
    /// See `traceHigh`.
    public var traceLow: UInt64
    /// The span's id.
    public var id: UInt64
    /// The caller's span; 0 for none.
    public var parent: UInt64
    /// What it is, with few different values.
    public var name: String
    /// What kind of work.
    public var kind: Kind
    /// Its begin.
    public var startNanoseconds: UInt64
    /// Its end.
    public var endNanoseconds: UInt64
    /// What is known of it, in the order it is told.
    public var attributes: [(name: String, value: Value)] = []
    /// Why it failed; `nil` where it did not.
    public var failure: String?

    /// Makes one without attributes.
    public init(
        traceHigh: UInt64, traceLow: UInt64, id: UInt64, parent: UInt64, name: String, kind: Kind, startNanoseconds: UInt64,
        endNanoseconds: UInt64
    ) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.id = id
        self.parent = parent
        self.name = name
        self.kind = kind
        self.startNanoseconds = startNanoseconds
        self.endNanoseconds = endNanoseconds
    }

    /// Whether two spans tell the same.
    public static func == (left: TelemetrySpan, right: TelemetrySpan) -> Bool {
        left.traceHigh == right.traceHigh && left.traceLow == right.traceLow && left.id == right.id && left.parent == right.parent
            && left.name == right.name && left.kind == right.kind && left.startNanoseconds == right.startNanoseconds
            && left.endNanoseconds == right.endNanoseconds && left.failure == right.failure
            && left.attributes.elementsEqual(right.attributes) { $0.name == $1.name && $0.value == $1.value }
    }
}
