import GatewayModel
import RequestScan
import Testing

/// Timings, printed with WEIR_MEASURE=1 in a release build: `WEIR_MEASURE=1 swift test -c release --filter Measurements`.
@Suite(.enabled(if: isMeasuring), .serialized) struct ScanMeasurements {
    private static let chat =
        #"{"model":"openai/gpt-4o-mini","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"What is the capital of France? Answer in one word, please, and nothing else."}],"temperature":0.7,"max_tokens":64,"stream":true}"#

    private func measure(_ name: String, _ body: [UInt8], _ operation: Operation = .chatCompletions) {
        var scanner = RequestScanner()
        let rounds = max(3, min(300_000, 400_000_000 / (body.count * 2 + 2_000)))
        var sink: UInt64 = 0
        var best = Double.infinity
        for _ in 0..<3 {
            let begin = MonotonicTime.now()
            for _ in 0..<rounds { sink &+= ((try? scanner.scan(body.span, operation: operation))?.bodyDigest.words.0) ?? 1 }
            best = min(best, Double(MonotonicTime.now().nanoseconds(since: begin)) / Double(rounds))
        }
        print("measured: \(name): \(body.count) B, \(best / 1000) µs, \(Double(body.count) / best) GB/s [\(sink & 1)]")
    }

    private func wrapped(_ content: [UInt8]) -> [UInt8] {
        Array(#"{"model":"m","messages":[{"role":"user","content":""#.utf8) + content + Array(#""}],"temperature":0}"#.utf8)
    }

    private func repeated(_ text: String, _ count: Int) -> [UInt8] {
        let unit = Array(text.utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + unit.count)
        while bytes.count < count { bytes += unit }
        return bytes
    }

    @Test func `ordinary bodies`() {
        measure("chat", Array(Self.chat.utf8))
        let turns = (0..<100).map {
            #"{"role":"\#($0 % 2 == 0 ? "user" : "assistant")","content":"\#(String(repeating: "words and more ", count: 20))\n"}"#
        }
        measure("conversation of 100 turns", Array((#"{"model":"m","messages":["# + turns.joined(separator: ",") + "]}").utf8))
        let tool =
            #"{"type":"function","function":{"name":"get_weather","description":"Get the weather of a place","parameters":{"type":"object","properties":{"place":{"type":"string","description":"The place"},"unit":{"type":"string","enum":["c","f"]}},"required":["place"],"additionalProperties":false}}}"#
        let tools = (0..<60).map { _ in tool }.joined(separator: ",\n  ")
        measure("60 tools", Array((#"{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":["# + tools + "]}").utf8))
        let items = (0..<100).map { "\"a sentence to embed, number \($0), of usual length\"" }.joined(separator: ",")
        measure("100 embeddings", Array((#"{"model":"m","input":["# + items + "]}").utf8), .embeddings)
    }

    @Test func `large bodies`() {
        for count in [16_384, 1 << 20, 32 << 20] {
            measure("plain text", wrapped([UInt8](repeating: 0x61, count: count)))
            measure("text with a newline each 80", wrapped(repeated(String(repeating: "word ", count: 16) + #"\n"#, count)))
            measure("Japanese", wrapped(repeated("日本語の文章です。", count)))
            measure("source code in JSON", wrapped(repeated(#"if (x == \"a\") { return 'b'; }\n\t"#, count)))
        }
        measure("numbers", Array(#"{"input":["#.utf8) + repeated("12345,", 32 << 20) + Array("1]}".utf8), .embeddings)
    }

    @Test func `hostile bodies`() {
        measure("depth 10,000", Array((#"{"a":"# + String(repeating: "[", count: 10_000)).utf8))
        measure("1e6 keys", Array(("{" + (0..<1_000_000).map { "\"k\($0)\":0" }.joined(separator: ",") + "}").utf8))
        measure(
            "10,000 keys, reversed", Array(("{" + (0..<10_000).map { "\"key-number-\(19_999 - $0)\":0" }.joined(separator: ",") + "}").utf8)
        )
        let prefix = String(repeating: "p", count: 3_000)
        measure(
            "10,000 long keys of one prefix",
            Array(("{" + (0..<10_000).map { "\"\(prefix)\(99_999 - $0)\":0" }.joined(separator: ",") + "}").utf8))
        let objects = (0..<249_000 / 17).map { _ in "{" + (0..<17).map { "\"k\($0)\":0" }.joined(separator: ",") + "}" }
        measure("objects of 17 keys", Array((#"{"a":["# + objects.joined(separator: ",") + "]}").utf8))
        measure("open brackets", Array(#"{"a":["#.utf8) + repeated("[],", 32 << 20) + Array("1]}".utf8))
        measure("exponents", Array(#"{"a":["#.utf8) + repeated("1e308,", 32 << 20) + Array("1]}".utf8))
        measure("escapes", wrapped(repeated(#"\u00e9"#, 32 << 20)))
        let parts = repeated(#"{"type":"t","text":"ab"},"#, 5 << 20)
        measure("unsorted parts", Array(#"{"messages":[{"content":["#.utf8) + parts + Array(#"{}],"b":1,"a":2}]}"#.utf8))
    }
}
