import EventLog
import GatewayModel

/// What the cache did for one request: the source of `Cache-Status` (RFC 9211), `cf-aig-cache-status` and the log row.
enum CacheStatus: Equatable, Sendable {
    case hit(ttlSeconds: Int64, ageSeconds: Int64)
    /// The answer to another question, so near to this one.
    case similar(ttlSeconds: Int64, ageSeconds: Int64, cosine: Float)
    case staleWhileRevalidate(ttlSeconds: Int64, ageSeconds: Int64)
    case staleIfError(upstreamStatus: Int?, ageSeconds: Int64)
    case missToBeStored
    case miss(CacheReason)
    case collapsed
    case refreshToBeStored
    case refresh(CacheReason)
    case bypass(CacheReason)
    case partial(cached: Int, of: Int)
    /// No look-up was due: the gateway's own answers and refusals. No header.
    case none

    /// Whether the answer came out of the store.
    var isHit: Bool {
        switch self {
        case .hit, .similar, .staleWhileRevalidate, .staleIfError: true
        default: false
        }
    }

    /// `Age` in seconds for answers out of the store.
    var ageSeconds: Int64? {
        switch self {
        case .hit(_, let age), .similar(_, let age, _), .staleWhileRevalidate(_, let age), .staleIfError(_, let age): age
        default: nil
        }
    }

    /// The value of `cf-aig-cache-status`.
    var cloudflareName: StaticString { isHit ? "HIT" : "MISS" }

    /// Appends the value of `Cache-Status`.
    func append(to bytes: inout [UInt8]) {
        bytes.append(literal: "weir; ")
        switch self {
        case .hit(let ttl, _):
            bytes.append(literal: "hit; ttl=")
            bytes.append(decimal: ttl)
        case .similar(let ttl, _, let cosine):
            bytes.append(literal: "hit; ttl=")
            bytes.append(decimal: ttl)
            bytes.append(literal: "; detail=\"semantic ")
            bytes.append(thousandths: Double(cosine))
            bytes.append(literal: "\"")
        case .staleWhileRevalidate(let ttl, _):
            bytes.append(literal: "hit; ttl=")
            bytes.append(decimal: ttl)
            bytes.append(literal: "; detail=stale-while-revalidate")
        case .staleIfError(let status, _):
            bytes.append(literal: "fwd=stale")
            if let status {
                bytes.append(literal: "; fwd-status=")
                bytes.append(decimal: Int64(status))
            }
            bytes.append(literal: "; detail=stale-if-error")
        case .missToBeStored: bytes.append(literal: "fwd=miss; stored")
        case .miss(let reason): append("fwd=miss", reason, to: &bytes)
        case .collapsed: bytes.append(literal: "fwd=miss; collapsed")
        case .refreshToBeStored: bytes.append(literal: "fwd=request; stored")
        case .refresh(let reason): append("fwd=request", reason, to: &bytes)
        case .bypass(let reason): append("fwd=bypass", reason, to: &bytes)
        case .partial(let cached, let count):
            bytes.append(literal: "fwd=partial; detail=\"")
            bytes.append(decimal: Int64(cached))
            bytes.append(literal: "/")
            bytes.append(decimal: Int64(count))
            bytes.append(literal: "\"")
        case .none: break
        }
    }

    private func append(_ kind: StaticString, _ reason: CacheReason, to bytes: inout [UInt8]) {
        bytes.append(literal: kind)
        bytes.append(literal: "; detail=")
        bytes.append(contentsOf: reason.rawValue.utf8)
    }
}

/// What the event log says of it.
extension CacheStatus {
    /// Which way the answer took.
    var layer: GatewayEvent.CacheLayer {
        switch self {
        case .hit: .exact
        case .similar: .semantic
        case .staleWhileRevalidate, .staleIfError: .stale
        case .collapsed: .collapsed
        case .partial: .partial
        case .missToBeStored, .miss, .refreshToBeStored, .refresh: .miss
        case .bypass: .bypass
        case .none: .none
        }
    }

    /// The value of `Cache-Status` without what differs from request to request; a constant, so that it costs nothing.
    var summary: String {
        switch self {
        case .hit: "hit"
        case .similar: "hit; detail=semantic"
        case .staleWhileRevalidate: "hit; detail=stale-while-revalidate"
        case .staleIfError: "fwd=stale; detail=stale-if-error"
        case .missToBeStored: "fwd=miss; stored"
        case .miss: "fwd=miss"
        case .collapsed: "fwd=miss; collapsed"
        case .refreshToBeStored: "fwd=request; stored"
        case .refresh: "fwd=request"
        case .bypass: "fwd=bypass"
        case .partial: "fwd=partial"
        case .none: ""
        }
    }

    /// Why the answer was not read from the store, or will not be kept.
    var reason: CacheReason? {
        switch self {
        case .miss(let reason), .refresh(let reason), .bypass(let reason): reason
        default: nil
        }
    }
}

extension [UInt8] {
    /// A number from 0 to 1 with three digits; what lies outside is drawn to the nearer end.
    mutating func append(thousandths number: Double) {
        let clamped = number > 0 ? Swift.min(number, 1) : 0
        let thousandths = Int((clamped * 1000).rounded(.down))
        append(thousandths == 1000 ? 0x31 : 0x30)
        append(0x2E)
        for divisor in [100, 10, 1] { append(UInt8(0x30 + thousandths / divisor % 10)) }
    }
}
