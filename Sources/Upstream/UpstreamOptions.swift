/// Parameters of an upstream driver; one driver serves one loop, so counts are per loop.
public struct UpstreamOptions: Sendable {
    /// Open connections to all upstreams together, idle ones included. Transfers beyond wait inside libcurl, their connect timeout running.
    public var connectionsMax = 1024
    /// Open connections to one host and port. 0 sets no limit of its own.
    public var connectionsPerHostMax = 0
    /// Transfers in flight before `start` refuses.
    public var transfersMax = 4096
    /// Seconds after which a connection is not used again, so that a changed DNS answer takes effect.
    public var connectionLifetimeSeconds = 300
    /// Seconds an idle connection may wait for its next use.
    public var connectionIdleSeconds = 90
    /// Seconds a DNS answer is kept.
    public var dnsCacheSeconds = 60
    /// A PEM file of trusted certificate authorities; nil takes the system's.
    public var authoritiesFile: String?
    /// Bytes of a response head, status line and interim responses included, before the transfer fails as too large.
    public var responseHeadBytesMax = 64 * 1024
    /// Fields of a response head before the transfer fails as too large.
    public var responseFieldsMax = 200
    /// Interim (1xx) responses before the transfer fails as a protocol error.
    public var interimResponsesMax = 8
    /// Bytes a transfer may hold of a streamed request body before it fails: its producer did not heed `sendPendingBytes`.
    public var sendPendingBytesMax = 1024 * 1024
    /// Configured handles kept for reuse.
    public var idleHandlesMax = 256

    /// The defaults.
    public init() {}
}
