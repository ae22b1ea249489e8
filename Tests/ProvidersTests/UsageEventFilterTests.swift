import GatewayModel
import TestSupport
import Testing

@testable import Providers

@Suite struct UsageEventFilterTests {
    static func filter(_ stream: String, step: Int = .max, limit: Int = 1 << 20) -> String {
        let bytes = Array(stream.utf8)
        var filter = UsageEventFilter(eventBytesMax: limit)
        var output: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let end = step == .max ? bytes.count : min(bytes.count, start + step)
            filter.receive(bytes.span.extracting(start..<end), to: &output)
            start = end
        }
        filter.finish(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    static func withoutUsage(_ stream: String, separator: String) -> String {
        stream.components(by: separator).filter { !$0.contains("\"choices\":[]") }.joined(separator: separator)
    }

    @Test func `a client sees the usage chunk that it did not ask for, or misses another byte`() {
        for separator in ["\n", "\r\n", "\r"] {
            let stream = Recording.chatStream.replacing("\n", with: separator)
            let expected = UsageEventFilterTests.withoutUsage(stream, separator: separator + separator)
            #expect(expected.utf8.count < stream.utf8.count)
            for step in [1, 2, 3, 50, Int.max] {
                #expect(UsageEventFilterTests.filter(stream, step: step) == expected, "\(separator.debugDescription) by \(step)")
            }
        }
    }

    @Test func `an ordinary event is taken for a usage chunk`() {
        for stream in [
            Recording.chatToolStream, "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
            "data: {\"choices\":[{\"text\":\"x\"}],\"usage\":{\"total_tokens\":1}}\n\n", "data: {\"choices\":[],\"usage\":null}\n\n",
            "data: {\"choices\":[{\"text\":\"{\\\"choices\\\":[],\\\"usage\\\":{}}\"}]}\n\n", ": comment\n\ndata: [DONE]",
            "data: {\"usage\":{}}\n\n",
        ] {
            for step in [1, 7, Int.max] { #expect(UsageEventFilterTests.filter(stream, step: step) == stream) }
        }
        #expect(UsageEventFilterTests.filter("data: {\"choices\":[],\"usage\":{}}") == "")
    }

    @Test func `an event above the limit is held back for ever`() {
        let stream = "data: a\n\ndata: \(String(repeating: "x", count: 100))\n\ndata: {\"choices\":[],\"usage\":{}}\n\n"
        for step in [1, 30, Int.max] { #expect(UsageEventFilterTests.filter(stream, step: step, limit: 50) == stream) }
    }

    @Test func `random streams lose bytes that are not a usage chunk`() {
        var random = SplitMix64(seed: 3)
        let pieces = [
            "data: {\"choices\":[],\"usage\":{}}", "\n\n", "\r\n", "\r", "\n", "data: x", ": c", "event: e\n", "data: {\"delta\":1}",
        ]
        for _ in 0..<3000 {
            let stream = (0..<Int.random(in: 0..<20, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let whole = UsageEventFilterTests.filter(stream)
            #expect(
                UsageEventFilterTests.filter(stream, step: Int.random(in: 1...9, using: &random)) == whole, "\(stream.debugDescription)")
        }
    }
}

extension String {
    /// The parts between occurrences of a separator.
    func components(by separator: String) -> [String] { split(separator: separator, omittingEmptySubsequences: false).map(String.init) }
}
