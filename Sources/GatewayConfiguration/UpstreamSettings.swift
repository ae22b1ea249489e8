/// Connections to providers; the table has what each means. Counts are per loop.
public struct UpstreamSettings: Sendable, Equatable {
    public let offersHTTP2: Bool
    public let connectionsPerHostMax: Int
    public let connectionsMax: Int
    public let connectionLifetimeSeconds: Int
    public let connectionIdleSeconds: Int
    public let nameLifetimeSeconds: Int
    public let headerBytesMax: Int
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
