// The seeded run of what the libFuzzer target runs without end.

import HTTP1
import HTTP1Transcript
import Testing

@Suite struct FuzzTests {
    private static let seeds: [[UInt8]] =
        (RefusedRequestTests.framing + RefusedRequestTests.lines + RefusedRequestTests.requestLines + RefusedRequestTests.hosts
        + RefusedRequestTests.connection).map { latin1($0.text) }
        + ChunkedBodyTests.malformed.map { latin1(post + "Transfer-Encoding: chunked\r\n\r\n" + $0.text) }
        + [
            latin1(post + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello" + evil),
            latin1(post + "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n" + evil),
            latin1("GET http://gateway/a?b HTTP/1.1\r\nHost: gateway\r\nConnection: keep-alive, x-debug\r\nX-Debug: 1\r\n\r\n" + evil),
        ]

    private static let tokens: [[UInt8]] = [
        "\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";", "0", "chunked", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
        "Host: a\r\n", "HTTP/1.0", "Connection: close\r\n", "ffffffffffffffff", "%", "\u{FF}", "GET / HTTP/1.1\r\n", "\r\n\r\n",
    ].map(latin1)

    private static let small = HTTP1Limits(
        targetBytesMax: 24, fieldBytesMax: 32, headBytesMax: 128, fieldsMax: 3, connectionOptionsMax: 2, chunkOverheadBytesMax: 16,
        chunkOverheadRatioMax: 2, trailerBytesMax: 32, emptyLinesMax: 0)

    private static func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        let position = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0 where position < bytes.count: bytes[position] = .random(in: 0...255, using: &random)
        case 1 where position < bytes.count: bytes.remove(at: position)
        case 2: bytes.insert(contentsOf: tokens[Int.random(in: 0..<tokens.count, using: &random)], at: position)
        case 3 where position < bytes.count:
            let end = min(bytes.count, position + Int.random(in: 1...16, using: &random))
            bytes.insert(contentsOf: bytes[position..<end], at: position)
        default: bytes.removeSubrange(min(bytes.count, position + 40)...)
        }
    }

    @Test(arguments: 0..<10) func `a hundred thousand broken requests find no fault`(_ share: Int) {
        var random = SplitMix64(seed: UInt64(share))
        for _ in 0..<10_000 {
            var bytes = Self.seeds[Int.random(in: 0..<Self.seeds.count, using: &random)]
            for _ in 0..<Int.random(in: 0...4, using: &random) { Self.mutate(&bytes, &random) }
            let limits = Bool.random(using: &random) ? HTTP1Limits() : Self.small
            let fault = findParserFault(in: bytes, limits: limits)
            #expect(fault == nil, "\(bytes)")
        }
    }
}
