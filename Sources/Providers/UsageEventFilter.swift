// OpenAI's streams end with a chunk of usage only if the request asked for it. The gateway asks for it where it has to count, and takes the
// chunk out again for a client that did not: whole events are dropped, every other byte passes as it came.

/// Takes usage-only chunks out of one stream of OpenAI's chat completions or completions.
///
/// The bytes of an event are held until it is whole: providers write whole events, so this delays nothing in practice.
public struct UsageEventFilter: Sendable {
    private var parser: ServerSentEventParser
    private var marks = EventMarks()
    /// Bytes of the event that is not whole yet.
    private var held: [UInt8] = []
    /// Whether the event that a CR closed at the very end of the last chunk was dropped: the LF of a CRLF shares its fate.
    private var lineFeedIsDropped: Bool?

    /// How many events were taken out.
    public var droppedEvents: Int { marks.dropped }

    /// Makes a filter of one stream. An event above `eventBytesMax` ends the filtering: everything from it on passes.
    public init(eventBytesMax: Int = 1 << 20) { parser = ServerSentEventParser(eventBytesMax: eventBytesMax) }

    /// Takes the next bytes of the stream and appends those that may go on.
    public mutating func receive(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
        guard bytes.count > 0 else { return }
        guard !parser.isTooLarge else { return output.append(span: bytes) }
        let chunkStart = parser.offset
        var position = 0
        if let isDropped = lineFeedIsDropped, bytes[0] == 0x0A {
            if !isDropped { output.append(0x0A) }
            position = 1
        }
        marks.ends.removeAll(keepingCapacity: true)
        parser.receive(bytes, &marks)
        lineFeedIsDropped = nil
        if parser.awaitsLineFeed, let last = marks.ends.last, last.offset == parser.offset { lineFeedIsDropped = last.isDropped }
        for end in marks.ends {
            let stop = end.offset - chunkStart
            if !end.isDropped {
                output.append(span: held.span)
                output.append(span: bytes.extracting(position..<max(position, stop)))
            }
            held.removeAll(keepingCapacity: true)
            position = max(position, stop)
        }
        guard position < bytes.count else { return }
        held.append(span: bytes.extracting(position..<bytes.count))
        if parser.isTooLarge { flush(to: &output) }
    }

    /// Ends the stream: appends what is held, unless that is a usage-only chunk without its closing line.
    public mutating func finish(to output: inout [UInt8]) {
        marks.ends.removeAll(keepingCapacity: true)
        if !parser.isTooLarge { parser.finish(&marks) }
        if marks.ends.last?.isDropped == true { held.removeAll() }
        flush(to: &output)
    }

    private mutating func flush(to output: inout [UInt8]) {
        output.append(span: held.span)
        held.removeAll()
    }
}

/// Where events end, and which of them are usage only.
private struct EventMarks: ServerSentEventHandler, Sendable {
    var ends: [(offset: Int, isDropped: Bool)] = []
    var dropped = 0
    private var scanner = JSONFieldScanner()
    private var fields = AnswerFields()

    mutating func receivedEvent(name: Span<UInt8>, data: Span<UInt8>, end: Int) {
        let isDropped = isUsageOnly(data)
        if isDropped { dropped += 1 }
        ends.append((end, isDropped))
    }

    mutating func receivedEmptyBlock(end: Int) { ends.append((end, false)) }

    /// Nearly every event has a `delta` or no `usage`, which a substring search tells; only the rest is read.
    private mutating func isUsageOnly(_ data: Span<UInt8>) -> Bool {
        guard !contains(data, "\"delta\""), contains(data, "\"usage\"") else { return false }
        scanner.reset()
        fields.beginEvent()
        scanner.scan(data, &fields)
        return scanner.finish(&fields) && fields.eventIsUsageOnly
    }
}

/// Whether the bytes of `text`, which begins with a quote, occur in `bytes`.
func contains(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
    var start = 0
    while let found = bytes.firstIndex(of: 0x22, from: start), found + text.utf8CodeUnitCount <= bytes.count {
        if bytes.extracting(found..<(found + text.utf8CodeUnitCount)).equals(text) { return true }
        start = found + 1
    }
    return false
}
