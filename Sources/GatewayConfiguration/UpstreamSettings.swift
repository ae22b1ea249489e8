/// Connections to providers; the table has what each means. Counts are per loop.
public struct UpstreamSettings: Sendable, Equatable {
    /// `upstream.http2`.
    public let offersHTTP2: Bool
    /// `upstream.connections_per_host_max`.
    public let connectionsPerHostMax: Int
    /// `upstream.connections_max`.
    public let connectionsMax: Int
    /// `upstream.connection_lifetime`, in seconds.
    public let connectionLifetimeSeconds: Int
    /// `upstream.connection_idle`, in seconds.
    public let connectionIdleSeconds: Int
    /// `upstream.name_lifetime`, in seconds.
    public let nameLifetimeSeconds: Int
    /// `upstream.header_bytes_max`, in bytes.
    public let headerBytesMax: Int
    /// `upstream.header_fields_max`.
    public let headerFieldsMax: Int

    init(_ section: Section) {
        offersHTTP2 = section.flag("http2")
        connectionsPerHostMax = section.integer("connections_per_host_max")
        connectionsMax = section.integer("connections_max")
        connectionLifetimeSeconds = section.integer("connection_lifetime")
        connectionIdleSeconds = section.integer("connection_idle")
        nameLifetimeSeconds = section.integer("name_lifetime")
        headerBytesMax = section.integer("header_bytes_max")
        headerFieldsMax = section.integer("header_fields_max")
        if connectionsPerHostMax > connectionsMax {
            section.report(
                "connections_per_host_max", "\(connectionsPerHostMax) is above upstream.connections_max (\(connectionsMax))")
        }
    }
}
