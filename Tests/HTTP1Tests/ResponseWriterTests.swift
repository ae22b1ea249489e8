import GatewayModel
import HTTP1
import Testing

@Suite struct ResponseWriterTests {
    private func written(_ body: (inout [UInt8]) -> Void) -> String {
        var output: [UInt8] = []
        body(&output)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func `a whole response is written as it goes over the wire`() {
        let text = written {
            ResponseWriter.appendStatusLine(200, to: &$0)
            ResponseWriter.appendField("Content-Type", "application/json", to: &$0)
            ResponseWriter.appendField("cf-aig-step", decimal: 0, to: &$0)
            ResponseWriter.appendField("Age", decimal: .max, to: &$0)
            ResponseWriter.appendField("weir-request-id", checked: "a b", to: &$0)
            ResponseWriter.appendConnectionClose(to: &$0)
            ResponseWriter.appendContentLength(12_345_678_900, to: &$0)
            ResponseWriter.appendHeadEnd(to: &$0)
        }
        #expect(
            text
                == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncf-aig-step: 0\r\nAge: 18446744073709551615\r\n"
                + "weir-request-id: a b\r\nConnection: close\r\nContent-Length: 12345678900\r\n\r\n")
    }

    @Test(arguments: [
        (404, "HTTP/1.1 404 Not Found\r\n"), (529, "HTTP/1.1 529 \r\n"), (100, "HTTP/1.1 100 Continue\r\n"), (999, "HTTP/1.1 999 \r\n"),
        (0, "HTTP/1.1 502 Bad Gateway\r\n"), (99, "HTTP/1.1 502 Bad Gateway\r\n"), (1000, "HTTP/1.1 502 Bad Gateway\r\n"),
        (-200, "HTTP/1.1 502 Bad Gateway\r\n"), (Int.min, "HTTP/1.1 502 Bad Gateway\r\n"),
    ])
    func `a status outside three digits never reaches the wire`(_ status: Int, _ line: String) {
        #expect(written { ResponseWriter.appendStatusLine(status, to: &$0) } == line)
    }

    @Test func `every refusal's status has a reason phrase`() {
        for refusal in HTTPRefusal.allCases {
            #expect(!written { ResponseWriter.appendStatusLine(refusal.status, to: &$0) }.hasSuffix(" \r\n"))
        }
    }

    @Test(arguments: 0...255) func `no control byte gets into a field, so no value becomes a response`(_ value: Int) {
        let byte = UInt8(value)
        let isAllowed = byte == 9 || (byte >= 0x20 && byte != 0x7F)
        for value in [[byte], [0x61, byte, 0x62], Array("0123456789".utf8) + [byte] + Array("Set-Cookie: x".utf8)] {
            var output: [UInt8] = [1]
            #expect(append("X", value, to: &output) == isAllowed)
            #expect(output == (isAllowed ? [1] + Array("X: ".utf8) + value + [13, 10] : [1]))
        }
        let isToken = "!#$%&'*+-.^_`|~".utf8.contains(byte) || 0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte
        var output: [UInt8] = []
        #expect(append(name: [0x58, byte], [0x61], to: &output) == isToken)
        #expect(output.isEmpty != isToken)
    }

    @Test func `an upstream's field with CR LF or without a name is left out whole`() {
        var output: [UInt8] = []
        #expect(!ResponseWriter.appendField("X", checked: "a\r\nSet-Cookie: b", to: &output))
        #expect(!ResponseWriter.appendField("X", checked: "model\n", to: &output))
        #expect(!append(name: Array("X\r\nY".utf8), [], to: &output))
        #expect(!append(name: [], [0x61], to: &output))
        #expect(output.isEmpty)
        #expect(append(name: [0x58], [], to: &output))
        #expect(output == Array("X: \r\n".utf8))
    }

    @Test(arguments: [(1, "1"), (9, "9"), (10, "a"), (15, "f"), (16, "10"), (255, "ff"), (4096, "1000"), (Int.max, "7fffffffffffffff")])
    func `a chunk's size is hexadecimal without padding`(_ count: Int, _ digits: String) {
        #expect(written { ResponseWriter.appendChunkStart(count, to: &$0) } == digits + "\r\n")
    }

    @Test func `an empty chunk does not end the body early`() {
        let (nothing, hello): ([UInt8], [UInt8]) = ([], Array("hello".utf8))
        let text = written {
            ResponseWriter.appendChunk(nothing.span, to: &$0)
            ResponseWriter.appendChunk(hello.span, to: &$0)
            ResponseWriter.appendLastChunk(to: &$0)
        }
        #expect(text == "5\r\nhello\r\n0\r\n\r\n")
    }

    @Test func `the interim response is complete`() {
        #expect(written { ResponseWriter.appendContinue(to: &$0) } == "HTTP/1.1 100 Continue\r\n\r\n")
    }

    @Test func `fields about one hop are known in any letter case`() {
        for name in ["connection", "Keep-Alive", "TRANSFER-ENCODING", "te", "Trailer", "upgrade", "Proxy-Connection", "Proxy-Authenticate"]
        {
            #expect(isHopByHop(name))
        }
        for name in ["", "content-length", "Content-Type", "connections", "set-cookie"] {
            #expect(!isHopByHop(name))
        }
    }

    @Test(arguments: [
        (784_111_777_000, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        (951_782_399_999, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400_000, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800_000, "Wed, 01 Mar 2000 00:00:00 GMT"), (4_107_542_400_000, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (1_735_689_599_000, "Tue, 31 Dec 2024 23:59:59 GMT"), (253_402_300_799_999, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"), (Int64.min, "Sat, 01 Jan 0000 00:00:00 GMT"),
    ])
    func `a date is IMF-fixdate`(_ milliseconds: Int64, _ text: String) {
        var date = DateField()
        #expect(written { date.append(at: WallTime(milliseconds: milliseconds), to: &$0) } == "Date: \(text)\r\n")
    }

    @Test func `the cached date follows the clock, backwards too`() {
        var date = DateField()
        let times: [Int64] = [999, 0, 1000, 1999, 500, -1, -1000, -1001, 86_400_000]
        for milliseconds in times {
            var fresh = DateField()
            let time = WallTime(milliseconds: milliseconds)
            #expect(written { date.append(at: time, to: &$0) } == written { fresh.append(at: time, to: &$0) })
        }
    }
}
