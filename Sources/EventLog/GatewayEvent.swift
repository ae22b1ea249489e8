// What is known of a finished request: the row of the ring log, what the rollups add up, and what a span is made of.
//
// Made on a loop at the end of every request, so it holds values that exist anyway; nothing is formatted before somebody reads it.

import GatewayModel

/// One finished request. Field names in JSON: the wire contract's log rows.
public struct GatewayEvent: Sendable, Equatable {
    /// Which of the gateway's ways an answer took.
    public enum CacheLayer: UInt8, Sendable, CaseIterable {
        /// No look-up was due: refusals and the gateway's own answers.
        case none = 0
        /// Fresh from the exact cache.
        case exact = 1
        /// From the exact cache past its ttl, as the route allows.
        case stale = 2
        /// From the semantic cache.
        case semantic = 3
        /// Another request's flight was followed.
        case collapsed = 4
        /// Some items of a batch came from the cache.
        case partial = 5
        /// Looked up in vain.
        case miss = 6
        /// The cache was switched off or not applicable.
        case bypass = 7

        /// The name in JSON, labels and filters.
        public var name: String {
            switch self {
            case .none: "none"
            case .exact: "exact"
            case .stale: "stale"
            case .semantic: "semantic"
            case .collapsed: "collapsed"
            case .partial: "partial"
            case .miss: "miss"
            case .bypass: "bypass"
            }
        }

        /// Whether the answer was had without a provider.
        public var isSaved: Bool { self == .exact || self == .stale || self == .semantic || self == .collapsed }
    }

    /// What went wrong, in kinds few enough to be a label.
    public enum ErrorKind: UInt8, Sendable, CaseIterable {
        case none = 0
        /// The request itself was refused: malformed, unknown, too large (4xx of the gateway's own).
        case refused = 1
        /// No, an unknown or a no longer valid key.
        case unauthenticated = 2
        /// A limit or budget refused it.
        case limited = 3
        /// 503: full, draining, or no target to be had.
        case overloaded = 4
        /// The provider took too long.
        case timeout = 5
        /// The provider could not be reached, broke off or said 5xx, 408, 409, 425 or 429.
        case upstream = 6
        /// The provider's own 4xx.
        case rejected = 7
        /// The client went away before the end.
        case clientLeft = 8

        /// The name in JSON, labels and filters.
        public var name: String {
            switch self {
            case .none: "none"
            case .refused: "refused"
            case .unauthenticated: "unauthenticated"
            case .limited: "limited"
            case .overloaded: "overloaded"
            case .timeout: "timeout"
            case .upstream: "upstream"
            case .rejected: "rejected"
            case .clientLeft: "client_left"
            }
        }
    }

    /// One attempt to get an answer.
    public struct Attempt: Sendable, Equatable {
        /// The provider asked.
        public var provider: String
        /// The model asked for.
        public var model: String
        /// The status it answered; 0 for none.
        public var status: Int
        /// Why there was no usable answer: `connect_refused`, `first_byte_timeout`…; empty for an answer.
        public var failure: String
        /// Microseconds from its start to its end.
        public var microseconds: UInt64
        /// Whether the same target had been asked before.
        public var isRepeat: Bool

        /// Makes one.
        public init(provider: String, model: String, status: Int, failure: String, microseconds: UInt64, isRepeat: Bool) {
            self.provider = provider
            self.model = model
            self.status = status
            self.failure = failure
            self.microseconds = microseconds
            self.isRepeat = isRepeat
        }
    }

    /// A body that was collected, after redaction.
    public struct Payload: Sendable, Equatable {
        /// The bytes kept; at most the row's cap.
        public var bytes: [UInt8]
        /// Bytes it had in all.
        public var fullLength: UInt64
        /// Whether it was longer than what is kept.
        public var isTruncated: Bool { fullLength > UInt64(bytes.count) }

        /// Makes one.
        public init(bytes: [UInt8], fullLength: UInt64) {
            self.bytes = bytes
            self.fullLength = fullLength
        }
    }

    /// The request's place in a distributed trace (W3C Trace Context).
    public struct Trace: Sendable, Equatable {
        /// 16 bytes, as two big-endian words.
        public var traceHigh: UInt64
        /// See `traceHigh`.
        public var traceLow: UInt64
        /// The caller's span; 0 where this request begins the trace.
        public var parentSpan: UInt64
        /// This request's span.
        public var span: UInt64
        /// Whether the caller wants it recorded (the `sampled` flag).
        public var isSampled: Bool

        /// Makes one.
        public init(traceHigh: UInt64, traceLow: UInt64, parentSpan: UInt64, span: UInt64, isSampled: Bool) {
            self.traceHigh = traceHigh
            self.traceLow = traceLow
            self.parentSpan = parentSpan
            self.span = span
            self.isSampled = isSampled
        }
    }

    /// Bits about the numbers.
    public struct Flags: OptionSet, Sendable, Equatable {
        /// The bits.
        public var rawValue: UInt16
        /// Makes flags from bits.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// The answer was a stream.
        public static let stream = Flags(rawValue: 1)
        /// Tokens were estimated because the provider reported none.
        public static let estimated = Flags(rawValue: 2)
        /// The provider's report was negative, textual or absurd.
        public static let suspect = Flags(rawValue: 4)
        /// The model has no price.
        public static let unpriced = Flags(rawValue: 8)
        /// The client stated the cost.
        public static let customCost = Flags(rawValue: 16)
        /// Counted, but no row is to be kept: collection is off for it.
        public static let uncollected = Flags(rawValue: 32)
        /// An operator's action, not a request.
        public static let audit = Flags(rawValue: 64)
        /// An answer without a request of its own: fetched in the background, or whose client had left. Its attempts, tokens and cost count,
        /// and no request.
        public static let background = Flags(rawValue: 128)
    }

    /// UUIDv7, made when the request's head was read: `cf-aig-log-id`.
    public var id: RequestID
    /// When the head was read.
    public var createdAt: WallTime
    /// The tenant's id; empty where the key was not known.
    public var tenant = ""
    /// The key's public id; empty where it was not known.
    public var keyID = ""
    /// The provider whose answer it was, or that would have been asked; may be empty.
    public var provider = ""
    /// The model as the provider knows it; may be empty.
    public var model = ""
    /// The route's name; empty where the request named its target itself.
    public var route = ""
    /// The operation's name, `chat_completions`; empty before it was known.
    public var operation = ""
    /// The request's path, without query.
    public var path = ""
    /// `cf-aig-event-id` of the client; may be empty.
    public var eventID = ""
    /// The status sent; 499 where the client left before one was.
    public var status = 0
    /// The gateway's stable error code; empty for answers.
    public var errorCode = ""
    /// What went wrong.
    public var errorKind = ErrorKind.none
    /// Where the answer came from.
    public var cacheLayer = CacheLayer.none
    /// The value of `Cache-Status`; empty for none.
    public var cacheStatus = ""
    /// Why the answer was not read from, or not kept in, the cache.
    public var cacheReason: CacheReason?
    /// Microseconds from the head to the end.
    public var durationMicroseconds: UInt64 = 0
    /// Microseconds the gateway itself took to the first byte.
    public var overheadMicroseconds: UInt64 = 0
    /// Microseconds to the answer's first byte; 0 where there was none.
    public var firstByteMicroseconds: UInt64 = 0
    /// Input tokens, those from the provider's prompt cache included; 0 for hits.
    public var tokensIn: UInt64 = 0
    /// Output tokens; 0 for hits.
    public var tokensOut: UInt64 = 0
    /// The part of `tokensIn` that the provider read from its prompt cache.
    public var tokensCached: UInt64 = 0
    /// Tokens, in and out, of an answer that no provider had to make.
    public var tokensSaved: UInt64 = 0
    /// What the provider charges, in nano-USD.
    public var costNanoUSD: UInt64 = 0
    /// What it would have charged, in nano-USD, had there been no cache.
    public var costSavedNanoUSD: UInt64 = 0
    /// Bytes of the request's body.
    public var requestBytes: UInt64 = 0
    /// Bytes of the answer's body sent.
    public var responseBytes: UInt64 = 0
    /// The winner's place in the plan, from 0.
    public var step = 0
    /// How many attempts were begun. At most the first 16 are described in `attempts`.
    public var attemptCount = 0
    /// The attempts, in order.
    public var attempts: [Attempt] = []
    /// The provider's finish reason; may be empty.
    public var finishReason = ""
    /// The request's metadata: a flat JSON object as text; empty for none. At most 2 KiB.
    public var metadata = ""
    /// Cosine to the entry a semantic hit came from; 0 for others.
    public var similarity: Float = 0
    /// Bits about the numbers.
    public var flags: Flags = []
    /// The request's body, where it is collected.
    public var request: Payload?
    /// The answer's body, where it is collected.
    public var response: Payload?
    /// The request's place in a trace; `nil` where spans are not exported and the client sent none.
    public var trace: Trace?

    /// Makes an event with nothing known but its id and time.
    public init(id: RequestID, createdAt: WallTime) {
        self.id = id
        self.createdAt = createdAt
    }

    /// Whether it ended well.
    public var isSuccess: Bool { (200..<400).contains(status) && errorKind == .none }
}
