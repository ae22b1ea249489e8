import EventLog
import EventLoop
import GatewayModel
import JSON
import Testing

@testable import Admin

@Suite struct LogStreamTests {
    private func all(_ stream: any AdminStream) -> (pieces: [[UInt8]], end: AdminStreamStep) {
        var pieces: [[UInt8]] = []
        while true {
            var piece: [UInt8] = []
            let step = stream.produce(into: &piece)
            pieces.append(piece)
            if case .more = step { continue }
            return (pieces, step)
        }
    }

    @Test func `an export has every row once, in pieces of a bounded number of rows`() throws {
        let fixture = try LogFixture()
        let count = LogExportStream.rowsPerPiece * 2 + 1
        fixture.add((0..<count).map { number in event(number) { $0.model = "m\(number)" } })
        for isCSV in [false, true] {
            let (pieces, end) = all(LogExportStream(fixture.log.scan(LogQuery()), isCSV: isCSV))
            let lines = pieces.map { $0.count { $0 == 0x0A } }
            #expect(lines.reduce(0, +) == count + (isCSV ? 1 : 0))
            #expect(lines.allSatisfy { $0 <= LogExportStream.rowsPerPiece + 1 } && pieces.count >= 3)
            guard case .end = end else {
                Issue.record("the export did not end")
                continue
            }
        }
    }

    @Test func `bodies come with their own rows, as texts, a few rows at a time`() throws {
        let fixture = try LogFixture()
        fixture.add(
            (0..<9).map { number in
                event(number) {
                    if number != 4 { $0.request = GatewayEvent.Payload(bytes: Array("asked \"\(number)\"".utf8), fullLength: 9) }
                    $0.response = GatewayEvent.Payload(bytes: Array("said \(number)".utf8), fullLength: number == 5 ? 100 : 6)
                }
            })
        var query = LogQuery()
        query.order = .oldest
        let (pieces, _) = all(LogExportStream(fixture.log.scan(query), isCSV: false, payloads: fixture.log))
        #expect(pieces.allSatisfy { $0.count { $0 == 0x0A } <= LogExportStream.rowsWithPayloadsPerPiece })
        let rows = try pieces.flatMap { $0 }.split(separator: 0x0A).map { try JSONValue(parsing: Array($0).span) }
        #expect(rows.map { $0["request"]?.stringValue } == (0..<9).map { $0 == 4 ? nil : "asked \"\($0)\"" })
        #expect(rows.map { $0["response"]?.stringValue } == (0..<9).map { "said \($0)" })
        #expect(rows.compactMap { $0["response_truncated"]?.boolValue } == (0..<9).map { $0 == 5 })
    }

    @Test func `an export of an empty log has its header and no row`() throws {
        let fixture = try LogFixture()
        #expect(all(LogExportStream(fixture.log.scan(LogQuery()), isCSV: true)).pieces.flatMap { $0 } == LogRowText.header)
        #expect(all(LogExportStream(fixture.log.scan(LogQuery()), isCSV: false)).pieces.flatMap { $0 }.isEmpty)
    }

    @Test func `a tail is woken for new rows, tells a gap, and ends with the log`() throws {
        let fixture = try LogFixture()
        let loop = try EventLoop()
        let stream = try #require(LogTailStream(fixture.log, LogFilter(), loop: loop))
        var wakes = 0
        stream.wake = { wakes += 1 }
        #expect(text(stream) == ": rows from now on\nretry: 2000\n\n")
        fixture.add([event(1), event(2)])
        while wakes == 0 { loop.runOnce() }
        let rows = text(stream)
        #expect(rows.count("event: row") == 2)
        // More than wait for a listener: the rest is told as a gap.
        for batch in 0..<4 { fixture.add((0..<500).map { event(10 + batch * 500 + $0) }) }
        var later = ""
        for _ in 0..<40 { later += text(stream) }
        #expect(later.count("event: row") == 1024 && later.contains("event: gap\ndata: {\"dropped\":976}\n\n"))
        fixture.log.close()
        var piece: [UInt8] = []
        let step = stream.produce(into: &piece)
        guard case .end = step else {
            Issue.record("the tail did not end")
            return
        }
        stream.closed()
        loop.close()
    }

    @Test func `a listener too many is refused and one that left makes room`() throws {
        let fixture = try LogFixture()
        let loop = try EventLoop()
        var streams: [LogTailStream] = []
        while let stream = LogTailStream(fixture.log, LogFilter(), loop: loop) {
            streams.append(stream)
            guard streams.count < 1000 else { break }
        }
        #expect(streams.count == 64)
        streams.removeLast().closed()
        let again = LogTailStream(fixture.log, LogFilter(), loop: loop)
        #expect(again != nil)
        again?.closed()
        for stream in streams { stream.closed() }
        loop.close()
    }

    @Test func `work in slices is done once and lets other jobs of the loop run in between`() throws {
        let loop = try EventLoop()
        var order: [String] = []
        SlicedWork.run(on: loop) {
            order.append("slice")
            return order.count { $0 == "slice" } < 4
        }
        for turn in 0..<6 {
            loop.runOnce(waiting: false)
            order.append("turn \(turn)")
        }
        #expect(order.count { $0 == "slice" } == 4)
        #expect(order == ["slice", "slice", "turn 0", "slice", "turn 1", "slice", "turn 2", "turn 3", "turn 4", "turn 5"])
        loop.close()
    }

    private func text(_ stream: LogTailStream) -> String {
        var piece: [UInt8] = []
        _ = stream.produce(into: &piece)
        return String(decoding: piece, as: UTF8.self)
    }
}

extension String {
    fileprivate func count(_ text: String) -> Int {
        var count = 0
        var rest = self[...]
        while let start = rest.indices.first(where: { rest[$0...].hasPrefix(text) }) {
            count += 1
            rest = rest[rest.index(after: start)...]
        }
        return count
    }
}
