/// Limits of one connection or request; the table has what each means.
public struct LimitSettings: Sendable, Equatable {
    public let headerFieldBytesMax: Int
    public let headerBytesMax: Int
    public let headerFieldsMax: Int
    public let uriBytesMax: Int
    public let bodyBytesMax: Int
    public let uploadBytesMax: Int
    public let adminBodyBytesMax: Int
    public let jsonDepthMax: Int
    public let headerTimeoutMilliseconds: Int
    public let bodyTimeoutMilliseconds: Int
    public let bodyBytesPerSecondMin: Int
    public let bodyRateGraceMilliseconds: Int
    public let keepAliveTimeoutMilliseconds: Int
    public let writeStallTimeoutMilliseconds: Int
    public let requestsPerConnectionMax: Int
    public let pipelinedMax: Int
    /// 0: half of the open-file limit.
    public let connectionsMax: Int
    public let connectionsPerAddressPercent: Int
    public let streamBufferBytesMax: Int
    public let eventBytesMax: Int
    public let chunkOverheadBytesMax: Int
    public let lingerBytesMax: Int
    public let lingerTimeoutMilliseconds: Int
    public let authFailuresPerMinuteMax: Int

    init(_ section: Section) {
        headerFieldBytesMax = section.integer("header_field_bytes_max")
        headerBytesMax = section.integer("header_bytes_max")
        headerFieldsMax = section.integer("header_fields_max")
        uriBytesMax = section.integer("uri_bytes_max")
        bodyBytesMax = section.integer("body_bytes_max")
        uploadBytesMax = section.integer("upload_bytes_max")
        adminBodyBytesMax = section.integer("admin_body_bytes_max")
        jsonDepthMax = section.integer("json_depth_max")
        headerTimeoutMilliseconds = section.integer("header_timeout")
        bodyTimeoutMilliseconds = section.integer("body_timeout")
        bodyBytesPerSecondMin = section.integer("body_rate_min")
        bodyRateGraceMilliseconds = section.integer("body_rate_grace")
        keepAliveTimeoutMilliseconds = section.integer("keep_alive_timeout")
        writeStallTimeoutMilliseconds = section.integer("write_stall_timeout")
        requestsPerConnectionMax = section.integer("requests_per_connection_max")
        pipelinedMax = section.integer("pipelined_max")
        connectionsMax = section.integer("connections_max")
        connectionsPerAddressPercent = section.integer("connections_per_address_percent")
        streamBufferBytesMax = section.integer("stream_buffer_bytes_max")
        eventBytesMax = section.integer("event_bytes_max")
        chunkOverheadBytesMax = section.integer("chunk_overhead_bytes_max")
        lingerBytesMax = section.integer("linger_bytes_max")
        lingerTimeoutMilliseconds = section.integer("linger_timeout")
        authFailuresPerMinuteMax = section.integer("auth_failures_per_minute_max")
        if headerFieldBytesMax > headerBytesMax {
            section.report("header_field_bytes_max", "\(headerFieldBytesMax) is above limits.header_bytes_max (\(headerBytesMax))")
        }
    }
}
