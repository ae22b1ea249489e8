import SemanticCache

/// Why the embeddings endpoint gave no vector that can be used. Each is counted and logged; the request goes on as a miss.
enum EndpointFailure: String, Error, CaseIterable, Sendable {
    /// As many requests are under way on this loop as may be.
    case busy = "endpoint-busy"
    /// The request can't be made: the key holds a byte that no field may hold, or the loop has no room for another transfer.
    case unsent = "endpoint-unsent"
    /// The address is not one that the gateway may call.
    case egress = "endpoint-egress"
    /// No connection, or none that stood until an answer began.
    case unreachable = "endpoint-unreachable"
    /// No whole answer within the budget.
    case timeout = "endpoint-timeout"
    /// The answer ended before its end.
    case brokenOff = "endpoint-broken-off"
    /// Another status than 200.
    case status = "endpoint-status"
    /// The answer is larger than any with one such vector.
    case tooLarge = "endpoint-answer-too-large"
    /// The answer is not JSON.
    case notJSON = "endpoint-not-json"
    /// The answer is JSON, but not an embeddings answer with floats.
    case malformed = "endpoint-answer-malformed"
    /// No item, or more than one.
    case itemCount = "endpoint-item-count"
    /// The vector has another number of dimensions than configured.
    case dimensions = "endpoint-dimensions"
    /// A component is out of any sensible range.
    case notFinite = "endpoint-not-finite"
    /// The vector's length is zero, or next to it.
    case zeroVector = "endpoint-zero-vector"
    /// The answer names another model than the first one did: the vectors of two models can't be compared.
    case modelChanged = "endpoint-model-changed"
    /// The name of the model can't be written down, so that a change would go unnoticed after a restart.
    case modelUnsaved = "endpoint-model-unsaved"

    /// What the index says of a vector.
    init(_ reason: SemanticReason) {
        switch reason {
        case .wrongDimensions: self = .dimensions
        case .zeroVector: self = .zeroVector
        default: self = .notFinite
        }
    }
}
