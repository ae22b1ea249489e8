import HTTP1
import HTTP1Transcript
import Testing

@Suite struct ChunkedBodyTests {
    private static let chunked = post + "Transfer-Encoding: chunked\r\n\r\n"

    @Test(arguments: [
        ("0\r\n\r\n", ""), ("3\r\nabc\r\n0\r\n\r\n", "abc"), ("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"),
        ("0000000000000003\r\nabc\r\n0000000000000000\r\n\r\n", "abc"), ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("a;name=value;other=\"quo ted;\"\r\n0123456789\r\n0;last\r\n\r\n", "0123456789"), ("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
        ("3\r\nabc\r\n0\r\nX: y\r\nAuthorization: \t\u{E9}\r\nEmpty:\r\n\r\n", "abc"),
    ])
    func `chunks are joined and their framing dropped`(_ text: String, _ body: String) {
        let transcript = read(Self.chunked + text + evil)
        #expect(transcript.refusal == nil)
        #expect(transcript.violations == [])
        #expect(transcript.requests.map(\.bodyText) == [body, ""])
        #expect(transcript.requests.map(\.isComplete) == [true, true])
    }

    @Test func `the coding's name is read in any letter case`() {
        #expect(read(post + "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n").requests.first?.isComplete == true)
    }

    static let malformed: [RefusedCase] = [
        .init("0x prefix", "0x3\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("17 digits", "00000000000000003\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("plus sign", "+3\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("minus sign", "-3\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("leading space", " 3\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("trailing space", "3 \r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("trailing tab", "3\t\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("space before an extension", "3 ;a\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("no size", "\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("extension without size", ";a\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("letter after F", "G\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("underscore", "1_0\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("digit of another script", "\u{B3}\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("bare LF after the size", "3\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("bare CR after the size", "3\rabc\r\n0\r\n\r\n", .invalidChunk),
        .init("bare LF in an extension", "3;a\nbc\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("bare CR in an extension", "3;a\rbc\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("NUL in an extension", "3;a\0\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("0xE9 in an extension", "3;a=\u{E9}\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("empty extension", "3;\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("empty extension between", "3;a;;b\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("extension without name", "3;=a\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("extension without value", "3;a=\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("two values", "3;a=b=c\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("space in an extension", "3; a\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("space after a value", "3;a=b \r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("open quote", "3;a=\"b\r\nabc\r\n0\r\n\r\n\"\r\n", .invalidChunk),
        .init("CR escaped between quotes", "3;a=\"\\\r\n\"\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("text after quotes", "3;a=\"b\"c\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("0xE9 between quotes", "3;a=\"\u{E9}\"\r\nabc\r\n0\r\n\r\n", .invalidChunk),
        .init("data longer than the chunk", "3\r\nabcd\r\n0\r\n\r\n", .invalidChunk),
        .init("data ended by bare LF", "3\r\nabc\n0\r\n\r\n", .invalidChunk),
        .init("data ended by CR and a letter", "3\r\nabc\rX0\r\n\r\n", .invalidChunk),
        .init("data ended by nothing", "3\r\nabc0\r\n\r\n", .invalidChunk),
        .init("last chunk ended by bare LF", "0\n\r\n", .invalidChunk),
        .init("trailers ended by bare LF", "0\r\n\n", .invalidTrailer),
        .init("trailers ended by CR and a letter", "0\r\n\rX", .invalidTrailer),
        .init("trailer ended by bare LF", "0\r\nX: y\n\r\n", .invalidTrailer),
        .init("trailer with bare CR", "0\r\nX: y\rz\r\n\r\n", .invalidTrailer),
        .init("trailer with NUL", "0\r\nX: y\0\r\n\r\n", .invalidTrailer),
        .init("trailer without colon", "0\r\nX\r\n\r\n", .invalidTrailer),
        .init("trailer without name", "0\r\n: y\r\n\r\n", .invalidTrailer),
        .init("trailer with space before the colon", "0\r\nX : y\r\n\r\n", .invalidTrailer),
        .init("folded trailer", "0\r\nX: y\r\n z\r\n\r\n", .invalidTrailer),
        .init("next request as a trailer", "0\r\n" + evil, .invalidTrailer),
    ]

    @Test(arguments: malformed) func `a chunk that two readers cut differently is refused`(_ wanted: RefusedCase) {
        let transcript = read(Self.chunked + wanted.text + evil)
        #expect(transcript.refusal == wanted.refusal)
        #expect(transcript.requests.map(\.isComplete) == [false])
        #expect(transcript.violations == [])
    }

    @Test func `a chunk of 2^64 - 1 bytes is waited for, not wrapped around`() {
        let transcript = read(Self.chunked + "ffffffffffffffff\r\n" + evil)
        #expect(transcript.refusal == nil)
        #expect(transcript.requests.map(\.bodyText) == [evil])
        #expect(transcript.requests.map(\.isComplete) == [false])
    }

    @Test func `trailers are not fields`() {
        let transcript = read(
            Self.chunked + "0\r\nAuthorization: Bearer x\r\nContent-Length: 99\r\nX-Tenant: other\r\nHost: b\r\n\r\n" + evil)
        #expect(transcript.refusal == nil)
        #expect(transcript.requests.map(\.pathText) == ["/v1/chat/completions", "/evil"])
        #expect(transcript.requests.first?.fields.count == 2)
        #expect(transcript.requests.first?.hostText == "gateway")
    }

    @Test func `chunk extensions are cut at their limit`() {
        let limits = HTTP1Limits(chunkOverheadBytesMax: 64, chunkOverheadRatioMax: 16)
        let data = String(repeating: "d", count: 15)
        func body(_ extensionBytes: Int) -> String {
            let half = String(repeating: "e", count: extensionBytes / 2 - 1)
            let rest = String(repeating: "e", count: extensionBytes - extensionBytes / 2 - 1)
            return Self.chunked + "f;\(half)\r\n\(data)\r\nf;\(rest)\r\n\(data)\r\n0\r\n\r\n"
        }
        #expect(read(body(64), limits: limits).refusal == nil)
        #expect(read(body(65), limits: limits).refusal == .chunkOverhead)
    }

    @Test func `one-byte chunks with padded framing are cut when it is many times the data`() {
        let limits = HTTP1Limits(chunkOverheadBytesMax: 200, chunkOverheadRatioMax: 16)
        // 20 bytes of framing for one of data: over the ratio, looked at once there are more than 200.
        func body(_ chunks: Int) -> String {
            Self.chunked + String(repeating: "0000000000000001\r\na\r\n", count: chunks) + "0\r\n\r\n"
        }
        #expect(read(body(10), limits: limits).refusal == nil)
        #expect(read(body(11), limits: limits).refusal == .chunkOverhead)
        // 16 bytes of framing for one of data: at the ratio, however much there is.
        #expect(read(Self.chunked + String(repeating: "000000000001\r\na\r\n", count: 100), limits: limits).refusal == nil)
        #expect(read(Self.chunked + String(repeating: "0000000000001\r\na\r\n", count: 100), limits: limits).refusal == .chunkOverhead)
    }

    @Test func `one-byte chunks with 4 KiB extensions are cut within 16 KiB, an ordinary upload never`() {
        let chunk = "1;" + String(repeating: "e", count: 4095) + "\r\na\r\n"
        #expect(Transcript(latin1(Self.chunked + String(repeating: chunk, count: 5))).refusal == .chunkOverhead)
        let upload = String(repeating: "400\r\n" + String(repeating: "d", count: 1024) + "\r\n", count: 8192)
        let transcript = Transcript(latin1(Self.chunked + upload + "0\r\n\r\n"))
        #expect(transcript.refusal == nil)
        #expect(transcript.requests.first?.body.count == 8 << 20)
    }

    @Test func `a trailer section is cut at its limits`() {
        let limits = HTTP1Limits(fieldsMax: 3, trailerBytesMax: 40)
        // "X: " + value + CRLF, and the last CRLF.
        #expect(read(Self.chunked + "0\r\nX: \(String(repeating: "v", count: 33))\r\n\r\n", limits: limits).refusal == nil)
        #expect(read(Self.chunked + "0\r\nX: \(String(repeating: "v", count: 34))\r\n\r\n", limits: limits).refusal == .trailersTooLarge)
        #expect(read(Self.chunked + "0\r\na:\r\nb:\r\nc:\r\n\r\n", limits: limits).refusal == nil)
        #expect(read(Self.chunked + "0\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n", limits: limits).refusal == .trailersTooLarge)
    }
}
