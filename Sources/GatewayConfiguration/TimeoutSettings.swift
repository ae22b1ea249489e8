/// How long an upstream may take, in milliseconds; the table has what each means.
public struct TimeoutSettings: Sendable, Equatable {
    /// `timeouts.connect`, in milliseconds.
    public let connectMilliseconds: Int
    /// `timeouts.first_byte_stream`, in milliseconds.
    public let firstByteStreamMilliseconds: Int
    /// `timeouts.first_byte`, in milliseconds.
    public let firstByteMilliseconds: Int
    /// `timeouts.idle`, in milliseconds.
    public let idleMilliseconds: Int
    /// `timeouts.deadline`, in milliseconds.
    public let deadlineMilliseconds: Int
    /// `timeouts.stream_total`, in milliseconds.
    public let streamTotalMilliseconds: Int

    /// Reads a section; what it leaves out is as in `standard`, or as in the table where there is none.
    init(_ section: Section, standard: TimeoutSettings? = nil) {
        connectMilliseconds = section.optionalInteger("connect") ?? standard?.connectMilliseconds ?? 0
        firstByteStreamMilliseconds = section.optionalInteger("first_byte_stream") ?? standard?.firstByteStreamMilliseconds ?? 0
        firstByteMilliseconds = section.optionalInteger("first_byte") ?? standard?.firstByteMilliseconds ?? 0
        idleMilliseconds = section.optionalInteger("idle") ?? standard?.idleMilliseconds ?? 0
        deadlineMilliseconds = section.optionalInteger("deadline") ?? standard?.deadlineMilliseconds ?? 0
        streamTotalMilliseconds = section.optionalInteger("stream_total") ?? standard?.streamTotalMilliseconds ?? 0
    }
}
