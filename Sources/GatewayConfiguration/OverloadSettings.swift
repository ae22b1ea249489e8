/// What the whole gateway takes on before it turns requests away; the table has what each means.
public struct OverloadSettings: Sendable, Equatable {
    /// `overload.in_flight_max`.
    public let inFlightMax: Int
    /// `overload.in_flight_per_tenant_max`.
    public let inFlightPerTenantMax: Int
    /// `overload.queue_max`.
    public let queueMax: Int
    /// `overload.queue_per_tenant_max`.
    public let queuePerTenantMax: Int
    /// `overload.queue_wait`, in milliseconds.
    public let queueWaitMilliseconds: Int
    /// `overload.retry_after`, in seconds.
    public let retryAfterSeconds: Int
    /// `overload.hits_reserve_percent`, in percent.
    public let hitsReservePercent: Int
    /// `overload.flights_max`.
    public let flightsMax: Int
    /// `overload.followers_per_flight_max`.
    public let followersPerFlightMax: Int
    /// `overload.capture_bytes_max`, in bytes.
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
