public import GatewayModel

/// What a request says of its own attempts: Cloudflare's `cf-aig-request-timeout`, `-max-attempts`, `-retry-delay` and `-backoff`, and the
/// counters by which clients tell that they have tried before. What is `nil` was not said.
public struct AttemptFields: Sendable, Equatable {
    /// How the waits between attempts grow, by Cloudflare's names.
    public enum Backoff: String, Sendable, CaseIterable {
        /// Each as long as the first; the n-th n times the first; each twice the one before.
        case constant, linear, exponential
    }

    /// The longest timeout that is told apart: a day. Longer ones count as this.
    public static let requestTimeoutMillisecondsMax = 86_400_000
    /// Most attempts; more count as these.
    public static let maxAttemptsMax = 5
    /// The longest first wait; longer ones count as this.
    public static let retryDelayMillisecondsMax = 5000
    /// Most retries that a client's counter is believed to mean.
    public static let clientRetriesMax = 1000

    /// Milliseconds to the first byte of an answer, 1...`requestTimeoutMillisecondsMax`.
    public var requestTimeoutMilliseconds: Int?
    /// Attempts on one target, the first included, 1...`maxAttemptsMax`.
    public var maxAttempts: Int?
    /// Milliseconds before the first repeat, 0...`retryDelayMillisecondsMax`.
    public var retryDelayMilliseconds: Int?
    /// How later waits grow.
    public var backoff: Backoff?
    /// How often the client has tried before, 0...`clientRetriesMax`: the largest of its counters.
    public var clientRetries: Int?

    /// Nothing said.
    public init() {}

    /// These, with what they leave open taken from `other`: a step's over its request's.
    public func over(_ other: AttemptFields) -> AttemptFields {
        var merged = other
        if let requestTimeoutMilliseconds { merged.requestTimeoutMilliseconds = requestTimeoutMilliseconds }
        if let maxAttempts { merged.maxAttempts = maxAttempts }
        if let retryDelayMilliseconds { merged.retryDelayMilliseconds = retryDelayMilliseconds }
        if let backoff { merged.backoff = backoff }
        if let clientRetries { merged.clientRetries = max(clientRetries, other.clientRetries ?? 0) }
        return merged
    }

    // MARK: Header fields

    /// Reads a header field, if it is one of these; returns whether it was. Of a repeated field the last counts.
    ///
    /// Values above a maximum count as the maximum, as with Cloudflare. Anything that is no whole number (or no name of a backoff), and zero
    /// where it means nothing, is a 400 whose `param` is the field's name.
    public mutating func read(_ field: FieldName, _ value: Span<UInt8>) throws(GatewayError) -> Bool {
        switch field {
        case .cfAigRequestTimeout: try setRequestTimeout(wholeNumber(value), field.name)
        case .cfAigMaxAttempts: try setMaxAttempts(wholeNumber(value), field.name)
        case .cfAigRetryDelay: try setRetryDelay(wholeNumber(value), field.name)
        case .cfAigBackoff: try setBackoff(AttemptFields.backoff(value), field.name)
        case .xStainlessRetryCount: noteRetries(wholeNumber(value))
        default: return false
        }
        return true
    }

    /// Reads a header field that `FieldName` does not know, if it is a counter of retries; returns whether it was. The name may be in any
    /// case. A counter that cannot be read says nothing.
    public mutating func readRetryCounter(name: Span<UInt8>, _ value: Span<UInt8>) -> Bool {
        guard name.count >= 11, name.count <= 26 else { return false }
        for counter in AttemptFields.counters where counter.name.utf8CodeUnitCount == name.count && isName(name, counter.name) {
            if counter.isAttempt {
                noteRetries(AttemptFields.attempt(value).map { max($0 - 1, 0) })
            } else {
                noteRetries(wholeNumber(value))
            }
            return true
        }
        return false
    }

    /// Names of counters; whether each counts attempts, the first included, instead of retries. Sources: Stainless SDKs (openai, anthropic),
    /// gRPC's A6 proposal, Envoy's header reference, the AWS SDKs' standard retry mode, and the plain names that others use.
    private static let counters: [(name: StaticString, isAttempt: Bool)] = [
        ("x-stainless-retry-count", false), ("x-retry-count", false), ("x-retry-attempt", false), ("retry-count", false),
        ("retry-attempt", false), ("grpc-previous-rpc-attempts", false), ("x-envoy-attempt-count", true), ("amz-sdk-request", true),
    ]

    /// `3`, or AWS's `attempt=3; max=4`.
    private static func attempt(_ value: Span<UInt8>) -> Int? {
        guard value.starts(with: "attempt=") else { return wholeNumber(value) }
        let end = value.firstIndex(of: 0x3B) ?? value.count
        return wholeNumber(value.extracting(8..<end))
    }

    private mutating func noteRetries(_ count: Int?) {
        guard let count else { return }
        clientRetries = min(max(clientRetries ?? 0, count), AttemptFields.clientRetriesMax)
    }

    // MARK: Values

    mutating func setRequestTimeout(_ value: Int?, _ param: String) throws(GatewayError) {
        guard let value, value >= 1 else { throw AttemptFields.invalid(param, "must be whole milliseconds from 1 on") }
        requestTimeoutMilliseconds = min(value, AttemptFields.requestTimeoutMillisecondsMax)
    }

    mutating func setMaxAttempts(_ value: Int?, _ param: String) throws(GatewayError) {
        guard let value, value >= 1 else { throw AttemptFields.invalid(param, "must be a whole number from 1 to 5") }
        maxAttempts = min(value, AttemptFields.maxAttemptsMax)
    }

    mutating func setRetryDelay(_ value: Int?, _ param: String) throws(GatewayError) {
        guard let value, value >= 0 else { throw AttemptFields.invalid(param, "must be whole milliseconds from 0 to 5000") }
        retryDelayMilliseconds = min(value, AttemptFields.retryDelayMillisecondsMax)
    }

    mutating func setBackoff(_ value: Backoff?, _ param: String) throws(GatewayError) {
        guard let value else { throw AttemptFields.invalid(param, "must be constant, linear or exponential") }
        backoff = value
    }

    static func backoff(_ text: Span<UInt8>) -> Backoff? {
        if isName(text, "constant") { return .constant }
        if isName(text, "linear") { return .linear }
        return isName(text, "exponential") ? .exponential : nil
    }

    static func invalid(_ param: String, _ problem: String) -> GatewayError {
        GatewayError(status: 400, code: "invalid_field", message: "'\(param)' \(problem).", param: param)
    }
}

/// A number written in decimal digits only, spaces around it allowed; at most 10^15, which larger ones count as.
func wholeNumber(_ text: Span<UInt8>) -> Int? {
    var start = 0
    var end = text.count
    while start < end, text[start] == 0x20 || text[start] == 0x09 { start += 1 }
    while end > start, text[end - 1] == 0x20 || text[end - 1] == 0x09 { end -= 1 }
    guard start < end else { return nil }
    var number = 0
    for index in start..<end {
        guard text[index] >= 0x30, text[index] <= 0x39 else { return nil }
        number = min(number * 10 + Int(text[index] - 0x30), 1_000_000_000_000_000)
    }
    return number
}

/// Whether a text is `name`, which is lower-case, letters of either case being the same.
func isName(_ text: Span<UInt8>, _ name: StaticString) -> Bool {
    guard text.count == name.utf8CodeUnitCount else { return false }
    for index in 0..<text.count where unsafe asciiLowercased(text[index]) != name.utf8Start[index] { return false }
    return true
}
