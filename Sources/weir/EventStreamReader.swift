import Foundation

/// Reads an HTTP/1.0 answer with server-sent events (WHATWG HTML, section 9.2) as it comes.
struct EventStreamReader {
    /// Bytes of one line at most: a row without payloads has far fewer.
    private static let lineBytesMax = 1 << 20

    /// The status, once the head is there.
    private(set) var status: Int?
    /// Of an answer that is no stream, what came of its body.
    private(set) var rest: [UInt8] = []
    private var line: [UInt8] = []
    private var isHead = true
    private var event = ""
    private var data: [UInt8] = []

    /// Takes bytes and hands every event that is whole by now to `body`.
    mutating func take(_ bytes: ArraySlice<UInt8>, _ body: (_ event: String, _ data: [UInt8]) throws -> Void) throws {
        for byte in bytes {
            if !isHead, status != 200 {
                rest.append(byte)
                continue
            }
            guard byte == 0x0A else {
                line.append(byte)
                guard line.count <= Self.lineBytesMax else { throw CommandError("The gateway sent a line that is too long.") }
                continue
            }
            if line.last == 0x0D { line.removeLast() }
            try take(line, body)
            line.removeAll(keepingCapacity: true)
        }
    }

    private mutating func take(_ line: [UInt8], _ body: (_ event: String, _ data: [UInt8]) throws -> Void) throws {
        if isHead {
            if status == nil { status = line.count > 12 ? Int(String(decoding: line[9..<12], as: UTF8.self)) ?? 0 : 0 }
            if line.isEmpty { isHead = false }
            return
        }
        guard !line.isEmpty else {
            if !data.isEmpty { try body(event, data) }
            event = ""
            data = []
            return
        }
        if let value = Self.value(of: "event", in: line) { event = String(decoding: value, as: UTF8.self) }
        if let value = Self.value(of: "data", in: line) { data += (data.isEmpty ? [] : [0x0A]) + value }
    }

    private static func value(of name: String, in line: [UInt8]) -> ArraySlice<UInt8>? {
        let lead = Array((name + ":").utf8)
        guard line.starts(with: lead) else { return nil }
        let value = line[lead.count...]
        return value.first == 0x20 ? value.dropFirst() : value
    }
}
