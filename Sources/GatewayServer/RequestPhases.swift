// The phases of a request, in order. Each is a function of about a page in the file named beside it; this is the only place that lists them.

/// Where a request stands, for logs, refusals and the counters.
enum RequestPhase: UInt8, CaseIterable, Sendable {
    /// Head parsed, size limits, overload. (`ClientConnection`, `Exchange.begin`)
    case accept
    /// Key to tenant. (`Exchange+Identify`)
    case identify
    /// Path to operation, provider or route, dialect. (`Exchange+Identify`)
    case route
    /// Body, bounded, or streamed through. (`Exchange`)
    case read
    /// Model, stream, text; the canonical digest. (`Exchange+Plan`)
    case scan
    /// The target that would be asked now. (`Exchange+Plan`)
    case plan
    /// The exact cache under that target. (`Exchange+LookUp`)
    case lookUp
    /// Request and concurrency limits, then a slot of the process and of the tenant. (`Exchange+Limits`, `Exchange+Fetch`)
    case admit
    /// The same request in flight already? (`Exchange+Fetch`)
    case join
    /// An answer to another question that means the same. (`Exchange+Similar`)
    case similar
    /// Tokens and money, set aside by estimate. (`Exchange+Limits`)
    case reserve
    /// The upstream transfer. (`Fetch`)
    case fetch
    /// Forward unbuffered, tee into the capture. (`Fetch`, `Exchange+Relay`)
    case stream
    /// Store, count, log, keep-alive or close. (`Exchange.finish`)
    case finish
}
