// libcurl hands over one header line at a time and is lenient about them. What is forwarded must be unambiguous for the next reader, so
// lines are parsed here once more, strictly: token names, no control bytes, no folding, one framing.

/// Collects header lines into a head; pure.
struct ResponseHeadParser {
    /// What a line led to.
    enum Step: Equatable {
        /// More lines follow.
        case more
        /// An interim (1xx) head ended; another head follows.
        case interim
        /// The final head is complete.
        case complete
        /// A line of the trailer section, to be ignored.
        case trailer
        /// Over a limit.
        case tooLarge
        /// Malformed or ambiguous.
        case malformed(String)
    }

    private(set) var head = UpstreamHead()
    private(set) var isComplete = false
    private let bytesMax: Int
    private let fieldsMax: Int
    private let interimMax: Int
    private var bytesSeen = 0
    private var interimSeen = 0
    private var isInHead = false
    private var contentLength: UInt64?
    private var codings = 0

    init(bytesMax: Int, fieldsMax: Int, interimMax: Int) {
        self.bytesMax = bytesMax
        self.fieldsMax = fieldsMax
        self.interimMax = interimMax
    }

    /// Starts over for the next response, keeping storage.
    mutating func reset() {
        isComplete = false
        bytesSeen = 0
        interimSeen = 0
        beginHead()
        isInHead = false
    }

    private mutating func beginHead() {
        head.removeAll()
        contentLength = nil
        codings = 0
        isInHead = true
    }

    /// Takes one line with its line end.
    mutating func take(_ line: UnsafeBufferPointer<UInt8>) -> Step {
        if isComplete { return .trailer }
        bytesSeen += line.count
        if bytesSeen > bytesMax { return .tooLarge }
        var end = line.count
        if end > 0, line[end - 1] == 10 { end -= 1 }
        if end > 0, line[end - 1] == 13 { end -= 1 }
        let text = UnsafeBufferPointer(rebasing: line[..<end])
        if !isInHead { return takeStatus(text) }
        return text.isEmpty ? endHead() : takeField(text)
    }

    /// `HTTP/1.1 200 OK`; libcurl writes `HTTP/2 200` for HTTP/2.
    private mutating func takeStatus(_ text: UnsafeBufferPointer<UInt8>) -> Step {
        beginHead()
        guard let space = text.firstIndex(of: 32), text.count >= space + 4 else { return .malformed("status line") }
        switch String(decoding: text[..<space], as: UTF8.self) {
        case "HTTP/1.1": head.version = .http11
        case "HTTP/1.0": head.version = .http10
        case "HTTP/2": head.version = .http2
        default: return .malformed("protocol version")
        }
        let digits = text[(space + 1)..<(space + 4)]
        guard digits.allSatisfy({ $0 >= 48 && $0 <= 57 }), text.count == space + 4 || text[space + 4] == 32 else {
            return .malformed("status")
        }
        head.status = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        return head.status >= 100 ? .more : .malformed("status")
    }

    private mutating func takeField(_ text: UnsafeBufferPointer<UInt8>) -> Step {
        if head.fields.count == fieldsMax { return .tooLarge }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > 0, text[..<colon].allSatisfy(UpstreamFields.isToken) else {
            return .malformed("field name")
        }
        var start = colon + 1
        var end = text.count
        while start < end, text[start] == 32 || text[start] == 9 { start += 1 }
        while end > start, text[end - 1] == 32 || text[end - 1] == 9 { end -= 1 }
        let value = UnsafeBufferPointer(rebasing: text[start..<end])
        guard value.allSatisfy(UpstreamFields.isFieldByte) else { return .malformed("field value") }
        let name = UnsafeBufferPointer(rebasing: text[..<colon])
        store(name, value)
        return noteFraming(name, value)
    }

    private mutating func store(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) {
        let start = UInt32(truncatingIfNeeded: head.bytes.count)
        let middle = start + UInt32(truncatingIfNeeded: name.count)
        head.bytes.append(contentsOf: name)
        head.bytes.append(contentsOf: value)
        head.fields.append(
            UpstreamHead.Field(
                nameStart: start, nameEnd: middle, valueStart: middle, valueEnd: UInt32(truncatingIfNeeded: head.bytes.count)))
    }

    private mutating func noteFraming(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Step {
        if UpstreamFields.equals(name, "content-length") {
            guard let length = Self.decimal(value) else { return .malformed("Content-Length") }
            if let contentLength, contentLength != length { return .malformed("two Content-Length") }
            contentLength = length
        } else if UpstreamFields.equals(name, "transfer-encoding") {
            codings += 1
            guard codings == 1, UpstreamFields.equals(value, "chunked") else { return .malformed("Transfer-Encoding") }
        }
        return .more
    }

    private static func decimal(_ text: UnsafeBufferPointer<UInt8>) -> UInt64? {
        guard (1...18).contains(text.count), text.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        return text.reduce(0) { $0 * 10 + UInt64($1 - 48) }
    }

    private mutating func endHead() -> Step {
        isInHead = false
        if head.status < 200 {
            interimSeen += 1
            if head.status == 101 { return .malformed("unasked upgrade") }
            return interimSeen > interimMax ? .malformed("interim responses") : .interim
        }
        if codings > 0, contentLength != nil { return .malformed("Content-Length beside Transfer-Encoding") }
        if codings > 0, head.version == .http10 { return .malformed("Transfer-Encoding in HTTP/1.0") }
        if let contentLength {
            head.framing = .length(contentLength)
        } else {
            head.framing = codings > 0 || head.version == .http2 ? .delimited : .untilClose
        }
        isComplete = true
        return .complete
    }
}
