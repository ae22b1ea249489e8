/// Limits of one connection or request; the table has what each means.
public struct LimitSettings: Sendable, Equatable {
    /// `limits.header_field_bytes_max`, in bytes.
    public let headerFieldBytesMax: Int
    /// `limits.header_bytes_max`, in bytes.
    public let headerBytesMax: Int
    /// `limits.header_fields_max`.
    public let headerFieldsMax: Int
    /// `limits.uri_bytes_max`, in bytes.
    public let uriBytesMax: Int
    /// `limits.body_bytes_max`, in bytes.
    public let bodyBytesMax: Int
    /// `limits.upload_bytes_max`, in bytes.
    public let uploadBytesMax: Int
    /// `limits.admin_body_bytes_max`, in bytes.
    public let adminBodyBytesMax: Int
    /// `limits.json_depth_max`.
    public let jsonDepthMax: Int
    /// `limits.header_timeout`, in milliseconds.
    public let headerTimeoutMilliseconds: Int
    /// `limits.body_timeout`, in milliseconds.
    public let bodyTimeoutMilliseconds: Int
    /// `limits.body_rate_min`, in bytes per second.
    public let bodyBytesPerSecondMin: Int
    /// `limits.body_rate_grace`, in milliseconds.
    public let bodyRateGraceMilliseconds: Int
    /// `limits.keep_alive_timeout`, in milliseconds.
    public let keepAliveTimeoutMilliseconds: Int
    /// `limits.write_stall_timeout`, in milliseconds.
    public let writeStallTimeoutMilliseconds: Int
    /// `limits.requests_per_connection_max`.
    public let requestsPerConnectionMax: Int
    /// `limits.pipelined_bytes_max`, in bytes.
    public let pipelinedBytesMax: Int
    /// `limits.connections_max`; 0: half of the open-file limit.
    public let connectionsMax: Int
    /// `limits.connections_per_address_percent`, in percent.
    public let connectionsPerAddressPercent: Int
    /// `limits.stream_buffer_bytes_max`, in bytes.
    public let streamBufferBytesMax: Int
    /// `limits.event_bytes_max`, in bytes.
    public let eventBytesMax: Int
    /// `limits.chunk_overhead_bytes_max`, in bytes.
    public let chunkOverheadBytesMax: Int
    /// `limits.linger_bytes_max`, in bytes.
    public let lingerBytesMax: Int
    /// `limits.linger_timeout`, in milliseconds.
    public let lingerTimeoutMilliseconds: Int
    /// `limits.auth_failures_per_minute_max`.
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
        pipelinedBytesMax = section.integer("pipelined_bytes_max")
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
