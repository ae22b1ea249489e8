/// What the whole gateway takes on before it turns requests away; the table has what each means.
public struct OverloadSettings: Sendable, Equatable {
    public let inFlightMax: Int
    public let inFlightPerTenantMax: Int
    public let queueMax: Int
    public let queuePerTenantMax: Int
    public let queueWaitMilliseconds: Int
    public let retryAfterSeconds: Int
    public let hitsReservePercent: Int
    public let flightsMax: Int
    public let followersPerFlightMax: Int
    public let captureBytesMax: Int

    init(_ section: Section) {
        inFlightMax = section.integer("in_flight_max")
        inFlightPerTenantMax = section.integer("in_flight_per_tenant_max")
        queueMax = section.integer("queue_max")
        queuePerTenantMax = section.integer("queue_per_tenant_max")
        queueWaitMilliseconds = section.integer("queue_wait")
        retryAfterSeconds = section.integer("retry_after")
        hitsReservePercent = section.integer("hits_reserve_percent")
        flightsMax = section.integer("flights_max")
        followersPerFlightMax = section.integer("followers_per_flight_max")
        captureBytesMax = section.integer("capture_bytes_max")
    }
}
