import EventLoop
import TestSupport
import Testing

@testable import Upstream

struct HeadTests {
    private static func feed(_ parser: inout ResponseHeadParser, _ text: String) -> [ResponseHeadParser.Step] {
        var steps: [ResponseHeadParser.Step] = []
        // By bytes: to Swift, CR LF is one character.
        for line in Array(text.utf8).split(separator: 10, omittingEmptySubsequences: false).dropLast() {
            let step = (Array(line) + [10]).withUnsafeBufferPointer { parser.take($0) }
            steps.append(step)
            if case .malformed = step { break }
            if step == .tooLarge { break }
        }
        return steps
    }

    private static func parser(bytes: Int = 4096, fields: Int = 10, interim: Int = 2) -> ResponseHeadParser {
        ResponseHeadParser(bytesMax: bytes, fieldsMax: fields, interimMax: interim)
    }

    @Test(arguments: [
        ("Content-Length: 5\r\nContent-Length: 6\r\n", "two Content-Length"), ("Content-Length: -1\r\n", "Content-Length"),
        ("Content-Length: +5\r\n", "Content-Length"), ("Content-Length: 5, 5\r\n", "Content-Length"),
        ("Content-Length:\r\n", "Content-Length"),
        ("Content-Length: 9999999999999999999\r\n", "Content-Length"), ("Content-Length: 0x5\r\n", "Content-Length"),
        ("Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding"),
        ("Transfer-Encoding: identity\r\n", "Transfer-Encoding"), ("Transfer-Encoding: xchunked\r\n", "Transfer-Encoding"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length beside Transfer-Encoding"),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length beside Transfer-Encoding"),
        (" folded: x\r\n", "field name"), ("A: b\r\n folded\r\n", "field name"), ("no colon\r\n", "field name"),
        (": empty\r\n", "field name"),
        ("Na me: x\r\n", "field name"), ("Name : x\r\n", "field name"), ("Näme: x\r\n", "field name"), ("A: b\rc\r\n", "field value"),
        ("A: b\0c\r\n", "field value"), ("A: b\u{7f}\r\n", "field value"), ("A: \u{1b}[2J\r\n", "field value"),
    ])
    func `an ambiguous or malformed field is refused`(fields: String, reason: String) {
        var parser = Self.parser()
        let steps = Self.feed(&parser, "HTTP/1.1 200 OK\r\n" + fields + "\r\n")
        #expect(steps.contains(.malformed(reason)))
    }

    @Test(arguments: [
        "HTTP/1.2 200 OK", "HTTP/0.9 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 abc", "HTTP/1.1", "", "ICY 200 OK",
        "HTTP/1.1 099 X", "HTTP/3 200",
    ])
    func `a malformed status line is refused`(line: String) {
        var parser = Self.parser()
        guard case .malformed? = Self.feed(&parser, line + "\r\n").first else {
            Issue.record("accepted")
            return
        }
    }

    @Test func `the field limit holds at its last field and breaks at the next`() {
        for (count, last) in [(10, ResponseHeadParser.Step.complete), (11, .tooLarge)] {
            var parser = Self.parser()
            let steps = Self.feed(&parser, "HTTP/1.1 200 OK\r\n" + String(repeating: "A: b\r\n", count: count) + "\r\n")
            #expect(steps.contains(last))
            #expect(parser.isComplete == (last == .complete))
        }
    }

    @Test func `the size limit holds at its last byte and breaks at the next`() {
        let frame = "HTTP/1.1 200 OK\r\nA: \r\n\r\n".utf8.count
        for (excess, last) in [(0, ResponseHeadParser.Step.complete), (1, .tooLarge)] {
            var parser = Self.parser(bytes: 500)
            let value = String(repeating: "x", count: 500 - frame + excess)
            #expect(Self.feed(&parser, "HTTP/1.1 200 OK\r\nA: \(value)\r\n\r\n").last == last)
        }
    }

    @Test func `interim answers are skipped up to the limit and counted against the size`() {
        let interim = "HTTP/1.1 102 Processing\r\nX: y\r\n\r\n"
        var parser = Self.parser()
        let steps = Self.feed(&parser, interim + interim + "HTTP/1.1 204 Done\r\nReal: 1\r\n\r\n")
        #expect(steps.last == .complete && parser.head.status == 204 && parser.head.fields.count == 1)
        #expect(parser.head.value(of: "x") == nil, "an interim answer's fields are not the final one's")
        parser.reset()
        #expect(Self.feed(&parser, interim + interim + interim).last == .malformed("interim responses"))
        var small = Self.parser(bytes: 50)
        #expect(Self.feed(&small, interim + interim).contains(.tooLarge))
    }

    @Test func `an upgrade nobody asked for is refused`() {
        var parser = Self.parser()
        #expect(Self.feed(&parser, "HTTP/1.1 101 Switching Protocols\r\n\r\n").last == .malformed("unasked upgrade"))
    }

    @Test func `lines after the head are trailers and change nothing`() {
        var parser = Self.parser()
        _ = Self.feed(&parser, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(Self.feed(&parser, "Authorization: x\r\nContent-Length: 5\r\n\r\n") == [.trailer, .trailer, .trailer])
        #expect(parser.head.fields.count == 1 && parser.head.framing == .delimited)
    }

    @Test func `equal lengths repeated are one length`() {
        var parser = Self.parser()
        #expect(Self.feed(&parser, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n").last == .complete)
        #expect(parser.head.framing == .length(5))
    }

    @Test func `a head kept by its receiver is not changed by the next response`() {
        var parser = Self.parser()
        _ = Self.feed(&parser, "HTTP/1.1 200 OK\r\nA: first\r\n\r\n")
        let kept = parser.head
        parser.reset()
        _ = Self.feed(&parser, "HTTP/1.1 500 No\r\nA: second\r\n\r\n")
        #expect(kept.status == 200 && kept.value(of: "a") == Array("first".utf8))
    }

    @Test func `no bytes whatever trap the parser, and what it accepts holds no control byte`() {
        var random = SplitMix64(seed: 42)
        let words: [[UInt8]] = [
            "HTTP/1.1 200 OK\r\n", "\r\n", "A: b\r\n", "Content-Length: 5\r\n", ":", "\0", "HTTP/1.1 100 \r\n", "chunked",
        ].map { Array($0.utf8) }
        for _ in 0..<20_000 {
            var parser = Self.parser(bytes: 300, fields: 4)
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                var line = words.randomElement(using: &random) ?? []
                if Int.random(in: 0..<3, using: &random) == 0, !line.isEmpty {
                    line[Int.random(in: 0..<line.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if case .malformed = line.withUnsafeBufferPointer({ parser.take($0) }) { break }
            }
            #expect(parser.head.bytes.allSatisfy { $0 >= 32 || $0 == 9 })
            #expect(parser.head.fields.allSatisfy { $0.value.upperBound <= parser.head.bytes.count })
        }
    }

    // MARK: Over the wire

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\n" + String(repeating: "A: b\r\n", count: 10_000) + "\r\n",
        "HTTP/1.1 200 OK\r\nBig: " + String(repeating: "x", count: 1 << 20) + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" + (0..<100).map { "F\($0): " + String(repeating: "y", count: 1000) + "\r\n" }.joined() + "\r\n",
    ])
    func `a response head over the limits ends the transfer`(bytes: String) throws {
        let fixture = try Fixture { _, connection in connection.send(bytes) }
        defer { fixture.finish() }
        let seen = try fixture.fetch(fixture.get())
        #expect([.tooLarge, .protocolError].contains(seen.failure?.kind), "\(String(describing: seen.failure))")
        #expect(seen.heads == 0)
        #expect(try run(fixture.loop, until: { fixture.server.closed == 1 }), "such a connection is not used again")
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\nContent-Length: 0\r\n\r\n", "nonsense\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
        String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 1000),
    ])
    func `a malformed response is a protocol error and its connection is not used again`(bytes: String) throws {
        let fixture = try Fixture { _, connection in connection.send(bytes) }
        defer { fixture.finish() }
        let seen = try fixture.fetch(fixture.get())
        #expect(seen.failure?.kind == .protocolError, "\(String(describing: seen.failure))")
        #expect(seen.heads == 0)
        #expect(try run(fixture.loop, until: { fixture.server.closed == 1 }))
    }

    // MARK: Request fields

    @Test(arguments: [
        ("X", "a\r\nInjected: 1"), ("X", "a\nb"), ("X", "a\rb"), ("X", "a\0b"), ("X", "\u{7f}"), ("X\r\nY", "a"), ("X:", "a"), ("", "a"),
        ("X Y", "a"),
        ("Host", "a"), ("hOST", "a"), ("Content-Length", "1"), ("Transfer-Encoding", "chunked"), ("Connection", "close"),
        ("TE", "trailers"),
        ("Expect", "100-continue"), ("Upgrade", "h2c"), ("Keep-Alive", "1"), ("Proxy-Connection", "x"), ("Trailer", "x"),
    ])
    func `a field that could smuggle or reframe is refused`(name: String, value: String) {
        var fields = UpstreamFields()
        let isTaken = fields.append(name, value)
        #expect(!isTaken)
        #expect(fields.count == 0 && fields.lines.isEmpty)
    }

    @Test func `many and long fields arrive in order`() throws {
        let fixture = try Fixture { _, connection in connection.answer("") }
        defer { fixture.finish() }
        var request = fixture.get()
        for number in 0..<100 { request.fields.append("X-\(number)", String(repeating: "v", count: number * 7)) }
        _ = try fixture.fetch(request)
        let lines = fixture.server.requests[0].head.split(separator: "\r\n").dropFirst(2).map { String($0) }
        let expected: [String] = (0..<100).map { number in
            let value = String(repeating: "v", count: number * 7)
            return number == 0 ? "X-0:" : "X-\(number): \(value)"
        }
        #expect(lines == expected)
    }
}
