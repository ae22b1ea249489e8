// Framing of server-sent events (WHATWG HTML, section 9.2.6) over chunks that may be cut anywhere. An event that lies whole in one chunk is
// handed on without a copy, which is nearly all of them; the rest is gathered in buffers that keep their capacity.

/// What gets the events of a `ServerSentEventParser`. Generic, so that the calls are direct.
protocol ServerSentEventHandler {
    /// One event: its data with lines joined by LF, its name (empty where none was given), and the position in the stream after the event's
    /// closing empty line.
    mutating func receivedEvent(name: Span<UInt8>, data: Span<UInt8>, end: Int)
    /// An empty line after comments, or after nothing: no event, but the stream may be cut here.
    mutating func receivedEmptyBlock(end: Int)
}

/// Cuts a stream into events. Accepts CRLF, LF and CR, comments, a byte order mark, `data:` with or without a space and over several lines.
struct ServerSentEventParser: Sendable {
    /// The most bytes one event may have, its field names and line ends included.
    let eventBytesMax: Int
    /// Bytes seen since the start of the stream.
    private(set) var offset = 0
    /// Whether an event exceeded the limit. Nothing is read after it.
    private(set) var isTooLarge = false
    /// Whether the last byte was a CR, so that a LF in front of the next chunk still belongs to that line's end.
    private(set) var awaitsLineFeed = false

    /// An unfinished line from earlier chunks.
    private var line: [UInt8] = []
    /// The data of the unfinished event, where it is not one line of the present chunk.
    private var data: [UInt8] = []
    private var hasData = false
    private var name: [UInt8] = []
    private var eventBytes = 0
    private var isAtStart = true

    init(eventBytesMax: Int = 1 << 20) { self.eventBytesMax = eventBytesMax }

    /// Reads the next bytes of the stream.
    mutating func receive<Handler: ServerSentEventHandler>(_ bytes: Span<UInt8>, _ handler: inout Handler) {
        guard !isTooLarge, bytes.count > 0 else { return }
        let base = offset
        offset += bytes.count
        var position = awaitsLineFeed && bytes[0] == 0x0A ? 1 : 0
        awaitsLineFeed = false
        var pending: Range<Int>?
        while let end = ServerSentEventParser.lineEnd(in: bytes, from: position) {
            let next = afterLineEnd(at: end, in: bytes)
            // A CRLF counts once, wherever a chunk ends.
            eventBytes += end + 1 - position
            guard eventBytes <= eventBytesMax else { return giveUp() }
            if line.isEmpty, end > position {
                readLine(bytes, position..<end, &pending)
            } else if line.isEmpty {
                dispatch(bytes, pending, base + next, &handler)
                pending = nil
            } else {
                readCarriedLine(bytes, position..<end, &pending)
            }
            position = next
        }
        keep(pending, of: bytes)
        guard position < bytes.count else { return }
        eventBytes += bytes.count - position
        guard eventBytes <= eventBytesMax else { return giveUp() }
        line.append(span: bytes.extracting(position..<bytes.count))
    }

    /// Reads an event that the stream's end left without its closing empty line: some providers omit it after the last one.
    mutating func finish<Handler: ServerSentEventHandler>(_ handler: inout Handler) {
        guard !isTooLarge else { return }
        var none: Range<Int>?
        if !line.isEmpty {
            let nothing: [UInt8] = []
            readCarriedLine(nothing.span, 0..<0, &none)
        }
        if hasData { handler.receivedEvent(name: name.span, data: data.span, end: offset) }
        hasData = false
    }

    /// Where the next line ends; `nil` if not in these bytes.
    private static func lineEnd(in bytes: Span<UInt8>, from start: Int) -> Int? {
        let lineFeed = bytes.firstIndex(of: 0x0A, from: start)
        let upper = lineFeed ?? bytes.count
        guard start < upper else { return lineFeed }
        return bytes.extracting(start..<upper).firstIndex(of: 0x0D).map { start + $0 } ?? lineFeed
    }

    /// The position after the line end at `end`.
    private mutating func afterLineEnd(at end: Int, in bytes: Span<UInt8>) -> Int {
        guard bytes[end] == 0x0D else { return end + 1 }
        guard end + 1 < bytes.count else {
            awaitsLineFeed = true
            return end + 1
        }
        return bytes[end + 1] == 0x0A ? end + 2 : end + 1
    }

    private mutating func readLine(_ bytes: Span<UInt8>, _ range: Range<Int>, _ pending: inout Range<Int>?) {
        guard let value = readField(bytes.extracting(range)) else { return }
        let data = (range.lowerBound + value.lowerBound)..<(range.lowerBound + value.upperBound)
        if hasData || pending != nil {
            keep(pending, of: bytes)
            pending = nil
            keep(data, of: bytes)
        } else {
            pending = data
        }
    }

    /// A line whose beginning came in earlier chunks.
    @inline(never)
    private mutating func readCarriedLine(_ bytes: Span<UInt8>, _ range: Range<Int>, _ pending: inout Range<Int>?) {
        var whole: [UInt8] = []
        swap(&whole, &line)
        whole.append(span: bytes.extracting(range))
        if let value = readField(whole.span) { keep(value, of: whole.span) }
        whole.removeAll(keepingCapacity: true)
        swap(&whole, &line)
    }

    /// The range of a `data` field's value, after noting the event's name. Any other field, and a comment, is `nil`.
    private mutating func readField(_ text: Span<UInt8>) -> Range<Int>? {
        var start = 0
        if isAtStart {
            isAtStart = false
            if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { start = 3 }
        }
        let field = text.extracting(start..<text.count)
        if field.starts(with: "data") {
            guard let value = ServerSentEventParser.value(of: field, after: 4) else { return nil }
            return (start + value.lowerBound)..<(start + value.upperBound)
        }
        if field.starts(with: "event"), let value = ServerSentEventParser.value(of: field, after: 5) {
            name.removeAll(keepingCapacity: true)
            name.append(span: field.extracting(value))
        }
        return nil
    }

    /// The value after a field's name of that length, one leading space left out; `nil` where the name goes on.
    private static func value(of field: Span<UInt8>, after length: Int) -> Range<Int>? {
        guard field.count > length else { return length..<length }
        guard field[length] == 0x3A else { return nil }
        let start = field.count > length + 1 && field[length + 1] == 0x20 ? length + 2 : length + 1
        return start..<field.count
    }

    /// Adds a line to the gathered data.
    private mutating func keep(_ range: Range<Int>?, of bytes: Span<UInt8>) {
        guard let range else { return }
        if hasData { data.append(0x0A) }
        hasData = true
        data.append(span: bytes.extracting(range))
    }

    private mutating func dispatch<Handler: ServerSentEventHandler>(
        _ bytes: Span<UInt8>, _ pending: Range<Int>?, _ end: Int, _ handler: inout Handler
    ) {
        if let pending {
            handler.receivedEvent(name: name.span, data: bytes.extracting(pending), end: end)
        } else if hasData {
            handler.receivedEvent(name: name.span, data: data.span, end: end)
        } else {
            handler.receivedEmptyBlock(end: end)
        }
        data.removeAll(keepingCapacity: true)
        name.removeAll(keepingCapacity: true)
        hasData = false
        eventBytes = 0
    }

    private mutating func giveUp() {
        isTooLarge = true
        line = []
        data = []
    }
}
