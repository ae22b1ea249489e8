// Limits of a connection and a request, of the whole process, and of time. Every one is on by default.

extension ParameterTable {
    static let limits: [Parameter] = [
        Parameter("limits", .section, "Limits of one connection or request."),
        Parameter(
            "limits.header_field_bytes_max", .bytes, .integer(8 << 10), 256...(64 << 10), "One header field, name and value. Larger is 431."
        ),
        Parameter(
            "limits.header_bytes_max", .bytes, .integer(32 << 10), 1 << 10...(1 << 20), "All header fields of a request. Larger is 431."),
        Parameter("limits.header_fields_max", .count(unit: "fields"), .integer(100), 10...1000, "Header fields of a request. More is 431."),
        Parameter("limits.uri_bytes_max", .bytes, .integer(8 << 10), 256...(64 << 10), "The request target. Longer is 414."),
        Parameter(
            "limits.body_bytes_max", .bytes, .integer(32 << 20), 1 << 10...(256 << 20),
            "A JSON body, which is buffered whole. Larger is 413."),
        Parameter(
            "limits.upload_bytes_max", .bytes, .integer(512 << 20), 1 << 10...(16 << 30),
            "A body that streams through unscanned. Larger is 413."),
        Parameter(
            "limits.admin_body_bytes_max", .bytes, .integer(1 << 20), 1 << 10...(32 << 20), "A body on the admin port. Larger is 413."),
        Parameter("limits.json_depth_max", .count(unit: "levels"), .integer(64), 8...512, "Nesting of a JSON body. Deeper is 400."),
        Parameter(
            "limits.header_timeout", .milliseconds, .integer(10_000), 100...600_000,
            "From the first byte of a head to its end, or from connecting to the first byte."),
        Parameter("limits.body_timeout", .milliseconds, .integer(600_000), 1000...3_600_000, "A whole body, however steadily it comes."),
        Parameter(
            "limits.body_rate_min", .count(unit: "bytes per second"), .integer(1024), 1...1_048_576,
            "The slowest average at which a body may come once the grace is over."),
        Parameter(
            "limits.body_rate_grace", .milliseconds, .integer(10_000), 100...600_000, "How long a body may be slower than body_rate_min."),
        Parameter("limits.keep_alive_timeout", .milliseconds, .integer(75_000), 100...3_600_000, "How long an idle connection is kept."),
        Parameter(
            "limits.write_stall_timeout", .milliseconds, .integer(30_000), 100...3_600_000,
            "How long a client may take nothing while bytes wait for it."),
        Parameter(
            "limits.requests_per_connection_max", .count(unit: "requests"), .integer(1000), 1...1_000_000,
            "Requests on one connection, which is then closed."),
        Parameter(
            "limits.pipelined_bytes_max", .bytes, .integer(64 << 10), 1 << 10...(1 << 20),
            "Bytes of further requests waiting on one connection, which is then read no further."),
        Parameter(
            "limits.connections_max", .count(unit: "connections"), .integer(0), 0...1_000_000,
            "Client connections at once. 0 is half of the open-file limit."),
        Parameter(
            "limits.connections_per_address_percent", .count(unit: "percent"), .integer(25), 1...100,
            "The share of connections_max that one address may hold, trusted networks excepted."),
        Parameter(
            "limits.stream_buffer_bytes_max", .bytes, .integer(64 << 10), 4 << 10...(16 << 20),
            "Bytes kept for a slow client before its upstream is paused."),
        Parameter(
            "limits.event_bytes_max", .bytes, .integer(1 << 20), 1 << 10...(32 << 20),
            "One server-sent event. A larger one ends the stream."),
        Parameter(
            "limits.chunk_overhead_bytes_max", .bytes, .integer(16 << 10), 1 << 10...(1 << 20),
            "Chunk framing of a request body beyond its content. More is 400."),
        Parameter(
            "limits.linger_bytes_max", .bytes, .integer(256 << 10), 0...(16 << 20),
            "How much of an unread body is read after an early answer, so that the client sees it."),
        Parameter(
            "limits.linger_timeout", .milliseconds, .integer(1000), 0...60_000, "How long an unread body is read after an early answer."),
        Parameter(
            "limits.auth_failures_per_minute_max", .count(unit: "failures"), .integer(600), 1...1_000_000,
            "Unknown keys from one address before it is slowed down. Good keys are not."),
    ]

    static let overload: [Parameter] = [
        Parameter("overload", .section, "What the whole gateway takes on before it says 503."),
        Parameter(
            "overload.in_flight_max", .count(unit: "requests"), .integer(10_000), 1...1_000_000,
            "Requests in flight at once, over all tenants."),
        Parameter(
            "overload.in_flight_per_tenant_max", .count(unit: "requests"), .integer(256), 1...1_000_000,
            "Requests in flight at once of a tenant that sets none itself."),
        Parameter(
            "overload.queue_max", .count(unit: "requests"), .integer(1000), 0...1_000_000,
            "Misses that may wait for a place. Hits do not wait."),
        Parameter(
            "overload.queue_per_tenant_max", .count(unit: "requests"), .integer(200), 0...1_000_000,
            "Misses of one tenant that may wait for a place."),
        Parameter("overload.queue_wait", .milliseconds, .integer(100), 0...60_000, "How long a miss may wait for a place."),
        Parameter("overload.retry_after", .seconds, .integer(1), 1...3600, "What Retry-After says when a request is turned away."),
        Parameter(
            "overload.hits_reserve_percent", .count(unit: "percent"), .integer(20), 0...90,
            "The share of in_flight_max that misses can't take, kept for hits, health and short answers."),
        Parameter(
            "overload.flights_max", .count(unit: "flights"), .integer(10_000), 0...1_000_000, restart: true,
            "Misses that identical ones may join. Beyond that each goes its own way."),
        Parameter(
            "overload.followers_per_flight_max", .count(unit: "requests"), .integer(10_000), 0...1_000_000,
            "Requests that may follow one flight."),
        Parameter(
            "overload.capture_bytes_max", .bytes, .integer(256 << 20), 1 << 20...(64 << 30),
            "Memory for answers being recorded. Beyond that they stream through unrecorded."),
    ]

    static let timeouts: [Parameter] = [
        Parameter("timeouts", .section, "How long an upstream may take. A route or a request can set shorter ones."),
        Parameter("timeouts.connect", .milliseconds, .integer(2000), 1...60_000, "Name, connection and TLS handshake."),
        Parameter("timeouts.first_byte_stream", .milliseconds, .integer(60_000), 1...3_600_000, "Until the first byte of a stream."),
        Parameter(
            "timeouts.first_byte", .milliseconds, .integer(600_000), 1...3_600_000,
            "Until the first byte of any other answer: models think before it."),
        Parameter("timeouts.idle", .milliseconds, .integer(300_000), 1...3_600_000, "Between two bytes of an answer."),
        Parameter("timeouts.deadline", .milliseconds, .integer(600_000), 1...3_600_000, "Until the first byte over all attempts."),
        Parameter("timeouts.stream_total", .milliseconds, .integer(1_800_000), 1...86_400_000, "A running stream from its first byte on."),
    ]

    static let upstream: [Parameter] = [
        Parameter("upstream", .section, "Connections to providers."),
        Parameter("upstream.http2", .flag, .flag(true), "Whether HTTP/2 is offered to providers."),
        Parameter(
            "upstream.connections_per_host_max", .count(unit: "connections"), .integer(1024), 1...65_536, restart: true,
            "Connections of one loop to one host."),
        Parameter(
            "upstream.connections_max", .count(unit: "connections"), .integer(1024), 1...65_536, restart: true,
            "Connections of one loop to all hosts, idle ones included."),
        Parameter(
            "upstream.connection_lifetime", .seconds, .integer(300), 1...86_400, restart: true,
            "How old a connection may be when it is used again, so that changed names are noticed."),
        Parameter("upstream.connection_idle", .seconds, .integer(60), 1...3600, restart: true, "How long an unused connection is kept."),
        Parameter("upstream.name_lifetime", .seconds, .integer(60), 0...3600, restart: true, "How long a resolved name is trusted."),
        Parameter(
            "upstream.header_bytes_max", .bytes, .integer(64 << 10), 1 << 10...(1 << 20), restart: true,
            "All header fields of an answer. More is 502."),
        Parameter(
            "upstream.header_fields_max", .count(unit: "fields"), .integer(200), 10...10_000, restart: true,
            "Header fields of an answer. More is 502."),
    ]
}
