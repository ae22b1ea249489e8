import TestSupport
import Testing

@testable import Providers

/// Collects events as text.
struct CollectedEvents: ServerSentEventHandler, Equatable {
    var events: [String] = []
    var ends: [Int] = []
    mutating func receivedEvent(name: Span<UInt8>, data: Span<UInt8>, end: Int) {
        events.append(String(decoding: name.copied(), as: UTF8.self) + "|" + String(decoding: data.copied(), as: UTF8.self))
        ends.append(end)
    }
    mutating func receivedEmptyBlock(end: Int) { ends.append(end) }
}

@Suite struct ServerSentEventParserTests {
    /// The events of a stream that arrives in chunks cut at the given positions.
    static func parse(_ bytes: [UInt8], cuts: [Int] = [], limit: Int = 1 << 20, finish: Bool = true) -> CollectedEvents {
        var parser = ServerSentEventParser(eventBytesMax: limit)
        var collected = CollectedEvents()
        var start = 0
        for cut in cuts + [bytes.count] {
            parser.receive(bytes.span.extracting(start..<cut), &collected)
            start = cut
        }
        if finish { parser.finish(&collected) }
        return collected
    }

    @Test(arguments: [
        ("data: a\n\n", ["|a"]), ("data:a\r\n\r\n", ["|a"]), ("data: a\rdata: b\r\rdata: c\n\n", ["|a\nb", "|c"]),
        ("data:  a\n\n", ["| a"]),
        (": note\n\ndata: a\n\n", ["|a"]), ("event: x\nid: 7\nretry: 10\ndata: a\n\ndata: b\n\n", ["x|a", "|b"]),
        ("\u{FEFF}data: a\n\n", ["|a"]),
        ("data\n\n", ["|"]), ("database: x\n\n", []), ("event: x\n\n", []), ("data: a", ["|a"]), ("data: a\n", ["|a"]), ("\n\n\n", []),
        ("", []),
        ("data: é\u{1F600}\n\n", ["|é\u{1F600}"]), ("data: a\ndata:\ndata: b\n\n", ["|a\n\nb"]),
    ])
    func `a framing variant is read differently from the standard`(stream: String, expected: [String]) {
        #expect(ServerSentEventParserTests.parse(Array(stream.utf8)).events == expected)
    }

    @Test(arguments: [
        Recording.chatStream, Recording.messagesStream, Recording.geminiStream, "\u{FEFF}data: a\r\rdata: b\r\n\r\ndata: c\n\n",
    ])
    func `an event split between two chunks is lost or changed`(stream: String) {
        let bytes = Array(stream.utf8)
        let whole = ServerSentEventParserTests.parse(bytes)
        for cut in 0...bytes.count { #expect(ServerSentEventParserTests.parse(bytes, cuts: [cut]).events == whole.events, "cut at \(cut)") }
        #expect(ServerSentEventParserTests.parse(bytes, cuts: Array(0..<bytes.count)).events == whole.events)
    }

    @Test func `an event above the limit is gathered in memory`() {
        let limit = 64
        func stream(_ total: Int) -> [UInt8] { Array("data: \(String(repeating: "x", count: total - 8))\n\n".utf8) }
        for cuts in [[], [10], [10, 20, 40]] {
            #expect(ServerSentEventParserTests.parse(stream(limit), cuts: cuts, limit: limit).events.count == 1)
            #expect(ServerSentEventParserTests.parse(stream(limit + 1), cuts: cuts, limit: limit).events.count == 0)
        }
        var parser = ServerSentEventParser(eventBytesMax: limit)
        var collected = CollectedEvents()
        let part = [UInt8](repeating: 0x78, count: 40)
        parser.receive(part.span, &collected)
        #expect(!parser.isTooLarge)
        parser.receive(part.span, &collected)
        #expect(parser.isTooLarge)
        parser.receive(stream(20).span, &collected)
        #expect(collected.events.isEmpty)
    }

    @Test func `an event at the limit is too large when its line end is split`() {
        let stream = Array("data: abc\r\n\r\n".utf8)
        for cut in 0...stream.count {
            #expect(ServerSentEventParserTests.parse(stream, cuts: [cut], limit: 11).events == ["|abc"], "cut at \(cut)")
            #expect(ServerSentEventParserTests.parse(stream, cuts: [cut], limit: 10).events == [], "cut at \(cut)")
        }
    }

    @Test func `random bytes make the parser depend on where chunks end`() {
        var random = SplitMix64(seed: 11)
        let pieces = ["data", ":", " ", "\r", "\n", "\r\n", "event", "x", "\u{FEFF}", "{}", "[DONE]", "\n\n"]
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 0..<30, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let bytes = Array(text.utf8)
            let cuts = (0..<Int.random(in: 0..<6, using: &random)).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            #expect(
                ServerSentEventParserTests.parse(bytes, cuts: cuts).events == ServerSentEventParserTests.parse(bytes).events,
                "\(text.debugDescription) cut at \(cuts)")
        }
    }
}
