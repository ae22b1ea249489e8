/// Why an attempt got no usable answer: the transport's failures and what an answer can be wrong in before its first byte went on.
public struct AttemptFailure: Error, Sendable, Equatable {
    /// What went wrong, by what is done about it.
    public enum Kind: String, Sendable, CaseIterable {
        /// The name could not be resolved.
        case dns
        /// Nobody listens there.
        case connectRefused = "connect_refused"
        /// No connection within the connect timeout.
        case connectTimeout = "connect_timeout"
        /// The TLS handshake failed.
        case tls
        /// The policy forbids the address. No packet was sent.
        case egressRefused = "egress_refused"
        /// No response head in time.
        case firstByteTimeout = "first_byte_timeout"
        /// The answer, or the upload, stood still.
        case stalled
        /// The whole took too long.
        case totalTimeout = "total_timeout"
        /// The connection was reset, or closed before any answer.
        case reset
        /// The answer broke off before its end.
        case truncated
        /// The request could not be sent in full.
        case sendFailed = "send_failed"
        /// A 2xx answer that carries an error instead of an answer.
        case errorInBody = "error_in_body"
        /// A redirect, which is never followed.
        case redirect
        /// The upstream does not speak HTTP as it should.
        case protocolError = "protocol_error"
        /// The response head, or an event, is over a limit.
        case tooLarge = "too_large"
        /// We lack descriptors, memory or room for another transfer.
        case local

        /// Whether no connection came about, so that the request cannot have had an effect.
        public var isConnect: Bool {
            switch self {
            case .dns, .connectRefused, .connectTimeout, .tls, .egressRefused: true
            default: false
            }
        }

        /// Whether time ran out: 504 instead of 502.
        public var isTimeout: Bool {
            switch self {
            case .connectTimeout, .firstByteTimeout, .stalled, .totalTimeout: true
            default: false
            }
        }
    }

    /// What went wrong.
    public var kind: Kind
    /// Whether no byte of the request was sent. Always so for failures to connect.
    public var sentNothing: Bool
    /// Whether the time that ran out was the client's, shorter than the operator's. Such a failure says nothing about the target.
    public var isClientTimeout: Bool

    /// Names a failure.
    public init(_ kind: Kind, sentNothing: Bool = false, isClientTimeout: Bool = false) {
        self.kind = kind
        self.sentNothing = sentNothing || kind.isConnect
        self.isClientTimeout = isClientTimeout
    }
}
