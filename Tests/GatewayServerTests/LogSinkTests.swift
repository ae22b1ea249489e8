import GatewayModel
import Testing

@testable import GatewayServer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite struct `Log sink` {
    private func line(_ format: LogFormat, _ value: String) -> String {
        let sink = LogSink(descriptor: -1, format: format)
        defer { sink.close() }
        let time = WallTime(milliseconds: 1_700_000_000_123)
        return String(decoding: sink.line(at: time, level: "info", message: "Started", fields: [("what", value)]), as: UTF8.self)
    }

    @Test func `a line is one record whatever the value holds`() {
        let text = line(.text, "a\r\nb\u{1B}[31m\"c\\")
        #expect(text == "2023-11-14T22:13:20.123Z INFO Started what=\"a\\u000d\\u000ab\\u001b[31m\\\"c\\\\\"")
        let json = line(.json, "</script>\n\"")
        #expect(json == #"{"time":"2023-11-14T22:13:20.123Z","level":"info","message":"Started","what":"</script>\u000a\""}"#)
    }

    @Test func `a value of 1024 bytes is kept and the 1025th byte cut`() {
        #expect(line(.text, String(repeating: "x", count: 1025)).hasSuffix("=\"" + String(repeating: "x", count: 1024) + "\""))
    }

    @Test func `a blocked sink drops and counts lines and never blocks the writer of them`() {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        signal(SIGPIPE, SIG_IGN)
        let sink = LogSink(descriptor: ends[1], format: .text)
        let kilobyte = [UInt8](repeating: 0x78, count: 1024)
        for _ in 0..<(LogSink.linesMax * 3) { sink.write(kilobyte) }
        #expect(sink.dropped > 0)
        // The writer must be gone before its descriptor's number can mean another file.
        close(ends[0])
        sink.close(withinMilliseconds: 10_000)
        close(ends[1])
    }
}
