import GatewayModel

/// Finished requests as bytes, handed from a loop to the log in one go.
///
/// Format of one, repeated: its length after this number (4 bytes), the row's length (4), the row, and for each payload that the row says it
/// has: bytes kept (4), bytes in all (8), bytes. All little-endian. Not meant to last: a batch never leaves the process.
public struct EventBatch: Sendable {
    /// The events.
    public private(set) var bytes: [UInt8] = []
    /// How many.
    public private(set) var count = 0
    /// Whether one of them has a payload.
    public private(set) var hasPayloads = false

    /// An empty batch.
    public init() {}

    /// An empty batch with room for so many bytes.
    public init(reserving capacity: Int) { bytes.reserveCapacity(capacity) }

    /// Adds an event. Texts are cut to whole characters of their field's maximum, so that a row has at most 8 KiB. Some 0.3 µs.
    public mutating func append(_ event: borrowing GatewayEvent) {
        event.append(to: &bytes)
        count += 1
        if event.request != nil || event.response != nil { hasPayloads = true }
    }

    /// Takes over batch bytes from elsewhere; the events are counted, and reading ends at the first that does not hold. For tests and tools.
    public init(bytes: [UInt8]) {
        self.bytes = bytes
        var count = 0
        var hasPayloads = false
        forEach { frame in
            count += 1
            if frame.request != nil || frame.response != nil { hasPayloads = true }
        }
        self.count = count
        self.hasPayloads = hasPayloads
    }

    /// The events, as far as they can be read.
    public var events: [GatewayEvent] {
        var events: [GatewayEvent] = []
        forEach { frame in if let event = frame.event() { events.append(event) } }
        return events
    }

    /// The rows, as far as they can be read, as if they had these sequences: 1, 2, 3…
    public var rows: [LogRow] {
        var rows: [LogRow] = []
        forEach { frame in
            rows.append(LogRow(sequence: UInt64(rows.count) + 1, bytes: Array(frame.row.bytes), patch: nil, hasPayloads: false))
        }
        return rows
    }

    /// Hands over the frames until one does not hold.
    func forEach(_ body: (EventFrame) -> Void) {
        bytes.withUnsafeBytes { bytes in
            var at = 0
            while let frame = EventFrame(bytes, at: &at) { body(frame) }
        }
    }

    /// Adds a frame of another batch, with or without its payloads.
    mutating func append(_ frame: EventFrame, keepingPayloads: Bool) {
        count += 1
        if keepingPayloads {
            if frame.request != nil || frame.response != nil { hasPayloads = true }
            bytes.append(contentsOf: frame.whole)
            return
        }
        let rowLength = frame.row.bytes.count
        bytes.append(littleEndian: UInt32(rowLength + 4))
        bytes.append(littleEndian: UInt32(rowLength))
        let start = bytes.count
        bytes.append(contentsOf: frame.row.bytes)
        var sections = frame.row.sections
        sections.remove(.request)
        sections.remove(.response)
        bytes[start + EventLayout.sectionsAt] = sections.rawValue
    }
}

extension GatewayEvent {
    /// Appends the event in the format of `EventBatch`. No allocation but the growth of `bytes`.
    public func append(to bytes: inout [UInt8]) {
        withUnsafeTemporaryAllocation(byteCount: EventLayout.rowBytesMax + 8, alignment: 8) { scratch in
            let row = EventEncoder.write(self, into: UnsafeMutableRawBufferPointer(rebasing: scratch[8...]))
            var length = 4 + row
            if let request { length += 12 + request.bytes.count }
            if let response { length += 12 + response.bytes.count }
            scratch.storeBytes(of: UInt32(truncatingIfNeeded: length).littleEndian, toByteOffset: 0, as: UInt32.self)
            scratch.storeBytes(of: UInt32(truncatingIfNeeded: row).littleEndian, toByteOffset: 4, as: UInt32.self)
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<(8 + row)]))
        }
        if let request { bytes.append(payload: request) }
        if let response { bytes.append(payload: response) }
    }

    /// Reads an encoded row, without payloads. `nil` where the bytes are no whole row; never traps.
    public init?(row: Span<UInt8>) {
        let event = row.withUnsafeBytes { RowView($0)?.event() }
        guard let event else { return nil }
        self = event
    }
}

/// One event of a batch, where it lies.
struct EventFrame {
    let whole: UnsafeRawBufferPointer
    let row: RowView
    typealias Payload = (bytes: UnsafeRawBufferPointer, fullLength: UInt64)
    let request: Payload?
    let response: Payload?

    /// Reads the frame at `at` and moves behind it; `nil` at the end, and where the bytes do not hold.
    init?(_ bytes: UnsafeRawBufferPointer, at: inout Int) {
        guard bytes.count - at >= 8 else { return nil }
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
        let rowLength = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self)))
        guard length >= 4, bytes.count - at - 4 >= length, rowLength <= length - 4 else { return nil }
        let rowAt = at + 8
        guard let row = RowView(UnsafeRawBufferPointer(rebasing: bytes[rowAt..<(rowAt + rowLength)])) else { return nil }
        let end = at + 4 + length
        var next = rowAt + rowLength
        var request: Payload?
        var response: Payload?
        if row.sections.contains(.request) {
            guard let payload = EventFrame.payload(bytes, at: &next, end: end) else { return nil }
            request = payload
        }
        if row.sections.contains(.response) {
            guard let payload = EventFrame.payload(bytes, at: &next, end: end) else { return nil }
            response = payload
        }
        guard next == end else { return nil }
        whole = UnsafeRawBufferPointer(rebasing: bytes[at..<end])
        self.row = row
        self.request = request
        self.response = response
        at = end
    }

    private static func payload(_ bytes: UnsafeRawBufferPointer, at: inout Int, end: Int) -> Payload? {
        guard end - at >= 12 else { return nil }
        let kept = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
        let full = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at + 4, as: UInt64.self))
        guard end - at - 12 >= kept else { return nil }
        defer { at += 12 + kept }
        return (UnsafeRawBufferPointer(rebasing: bytes[(at + 12)..<(at + 12 + kept)]), full)
    }

    /// The event with its payloads; `nil` where its attempts do not hold.
    func event() -> GatewayEvent? {
        guard var event = row.event() else { return nil }
        if let request { event.request = .init(bytes: Array(request.bytes), fullLength: request.fullLength) }
        if let response { event.response = .init(bytes: Array(response.bytes), fullLength: response.fullLength) }
        return event
    }
}

extension [UInt8] {
    mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(payload: GatewayEvent.Payload) {
        append(littleEndian: UInt32(clamping: payload.bytes.count))
        append(littleEndian: payload.fullLength)
        append(contentsOf: payload.bytes)
    }
}
