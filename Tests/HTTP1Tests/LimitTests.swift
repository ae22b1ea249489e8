import HTTP1
import HTTP1Transcript
import Testing

@Suite struct LimitTests {
    private func refusal(_ text: String, _ limits: HTTP1Limits = HTTP1Limits()) -> HTTPRefusal? {
        let transcript = read(text, limits: limits)
        #expect(transcript.violations == [])
        #expect(transcript.requests.count == (transcript.refusal == nil ? 1 : 0))
        return transcript.refusal
    }

    private func filler(_ count: Int) -> String { String(repeating: "a", count: count) }

    @Test(arguments: Method.allCases) func `a target of 8,192 bytes is read, one of 8,193 refused`(_ method: Method) {
        #expect(refusal("\(method.name) /\(filler(8191)) HTTP/1.1\r\nHost: a\r\n\r\n") == nil)
        #expect(refusal("\(method.name) /\(filler(8192)) HTTP/1.1\r\nHost: a\r\n\r\n") == .targetTooLong)
    }

    @Test func `an endless target is refused before its line ends`() {
        #expect(refusal("GET /\(filler(8300))") == .targetTooLong)
        #expect(refusal("GET /\(filler(200_000))") == .targetTooLong)
    }

    @Test func `a field line of 8,192 bytes is read, one of 8,193 refused`() {
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\nX: \(filler(8189))\r\n\r\n") == nil)
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\nX: \(filler(8190))\r\n\r\n") == .fieldsTooLarge)
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\n\(filler(8193)): x\r\n\r\n") == .fieldsTooLarge)
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\nX: \(filler(17 << 10))\r\n\r\n") == .fieldsTooLarge)
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\nX: \(filler(8200))") == .fieldsTooLarge)
    }

    @Test func `a head of 32,768 bytes is read, one of 32,769 refused`() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: \(filler(7995))\r\n", count: 4)
        let rest = 32_768 - start.utf8.count - "X: \r\n\r\n".utf8.count
        #expect(refusal(start + "X: \(filler(rest))\r\n\r\n") == nil)
        #expect(refusal(start + "X: \(filler(rest + 1))\r\n\r\n") == .fieldsTooLarge)
        #expect(refusal(start + "X: \(filler(7000))\r\nX: y") == .fieldsTooLarge)
    }

    @Test func `a hundred fields are read, one more refused`() {
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 99) + "\r\n") == nil)
        #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 100) + "\r\n") == .tooManyFields)
    }

    @Test func `sixteen connection options are read, one more refused`() {
        func request(_ count: Int) -> String {
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close" + String(repeating: ",x", count: count - 9)
                + "\r\nConnection:" + String(repeating: " y ,", count: 8) + "\r\n\r\n"
        }
        #expect(refusal(request(16)) == nil)
        #expect(refusal(request(17)) == .invalidConnectionOption)
    }

    @Test func `as many empty lines are skipped as allowed`() {
        let limits = HTTP1Limits(emptyLinesMax: 3)
        #expect(refusal("\r\n\r\n\r\n" + evil, limits) == nil)
        #expect(refusal("\r\n\r\n\r\n\r\n" + evil, limits) == .malformedRequestLine)
        #expect(refusal("\r\n" + evil, HTTP1Limits(emptyLinesMax: 0)) == .malformedRequestLine)
    }

    @Test func `limits from a configuration can't overflow`() {
        let limits = HTTP1Limits(
            targetBytesMax: .max, fieldBytesMax: .min, headBytesMax: -1, fieldsMax: .max, connectionOptionsMax: -5,
            chunkOverheadBytesMax: .max, chunkOverheadRatioMax: .max, trailerBytesMax: 0, emptyLinesMax: .min)
        #expect(limits.targetBytesMax == 1 << 20 && limits.fieldBytesMax == 1 && limits.headBytesMax == 1)
        #expect(limits.fieldsMax == 10_000 && limits.connectionOptionsMax == 0 && limits.emptyLinesMax == 0)
        #expect(refusal(evil, limits) == .targetTooLong)
    }

    @Test func `a huge head does not stay in memory`() {
        var parser = RequestParser()
        parser.takeAll(latin1("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: \(filler(8000))\r\n", count: 4) + "\r\n"))
        #expect(parser.head.bytes.count > 32_000 && parser.head.bytes.count <= 34 << 10)
        parser.takeAll(latin1(evil))
        #expect(parser.head.bytes.count <= 4096)
        #expect(parser.isBetweenMessages)
        parser.releaseMemory()
        #expect(parser.head.bytes.isEmpty)
        parser.takeAll(latin1(evil))
        #expect(parser.head.byteCount == evil.utf8.count)
    }
}
