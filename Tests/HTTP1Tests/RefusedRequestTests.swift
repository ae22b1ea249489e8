// Group A of the fault catalogue, as far as a codec decides it: each of these reads two ways somewhere, so it is refused here.

import HTTP1
import HTTP1Transcript
import Testing

@Suite struct RefusedRequestTests {
    static let framing: [RefusedCase] = [
        .init("CL and TE", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .contentLengthWithTransferEncoding),
        .init("TE and CL", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", .contentLengthWithTransferEncoding),
        .init("equal lengths", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", .repeatedContentLength),
        .init("different lengths", post + "Content-Length: 5\r\nContent-length: 6\r\n\r\nhello", .repeatedContentLength),
        .init("list of equal lengths", post + "Content-Length: 3, 3\r\n\r\nabc", .invalidContentLength),
        .init("length with plus", post + "Content-Length: +3\r\n\r\nabc", .invalidContentLength),
        .init("length in hexadecimal", post + "Content-Length: 0x3\r\n\r\nabc", .invalidContentLength),
        .init("negative length", post + "Content-Length: -1\r\n\r\n", .invalidContentLength),
        .init("length with underscore", post + "Content-Length: 1_0\r\n\r\n0123456789", .invalidContentLength),
        .init("empty length", post + "Content-Length:\r\n\r\n", .invalidContentLength),
        .init("blank length", post + "Content-Length: \t \r\n\r\n", .invalidContentLength),
        .init("length with inner space", post + "Content-Length: 1 0\r\n\r\n", .invalidContentLength),
        .init("length 2^64 + 1", post + "Content-Length: 18446744073709551617\r\n\r\n", .invalidContentLength),
        .init("length 2^64", post + "Content-Length: 18446744073709551616\r\n\r\n", .invalidContentLength),
        .init("length of 40 digits", post + "Content-Length: \(String(repeating: "9", count: 40))\r\n\r\n", .invalidContentLength),
        .init("length with leading zero", post + "Content-Length: 03\r\n\r\nabc", .invalidContentLength),
        .init("length with fraction", post + "Content-Length: 3.0\r\n\r\nabc", .invalidContentLength),
        .init("length in other digits", post + "Content-Length: \u{B3}\r\n\r\nabc", .invalidContentLength),
        .init("unknown coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", .invalidTransferEncoding),
        .init("chunked, identity", post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", .invalidTransferEncoding),
        .init("identity", post + "Transfer-Encoding: identity\r\n\r\n", .invalidTransferEncoding),
        .init("gzip alone", post + "Transfer-Encoding: gzip\r\n\r\n", .invalidTransferEncoding),
        .init("gzip, chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", .unsupportedTransferEncoding),
        .init("deflate,x-gzip,Chunked", post + "Transfer-Encoding: deflate,x-gzip,Chunked\r\n\r\n", .unsupportedTransferEncoding),
        .init("xgzip, chunked", post + "Transfer-Encoding: xgzip, chunked\r\n\r\n", .invalidTransferEncoding),
        .init("chunked twice in a list", post + "Transfer-Encoding: chunked, chunked\r\n\r\n", .invalidTransferEncoding),
        .init(
            "chunked twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .invalidTransferEncoding),
        .init("chunked after gzip field", post + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", .invalidTransferEncoding),
        .init("vertical tab before chunked", post + "Transfer-Encoding: \u{0B}chunked\r\n\r\n0\r\n\r\n", .invalidFieldValue),
        .init("form feed after chunked", post + "Transfer-Encoding: chunked\u{0C}\r\n\r\n0\r\n\r\n", .invalidFieldValue),
        .init("no-break space after chunked", post + "Transfer-Encoding: chunked\u{A0}\r\n\r\n0\r\n\r\n", .invalidTransferEncoding),
        .init("tab after chunked", post + "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n", .invalidTransferEncoding),
        .init("empty coding", post + "Transfer-Encoding:\r\n\r\n", .invalidTransferEncoding),
        .init("chunked with comma", post + "Transfer-Encoding: chunked,\r\n\r\n", .invalidTransferEncoding),
        .init("chunked with parameter", post + "Transfer-Encoding: chunked;q=1\r\n\r\n", .invalidTransferEncoding),
        .init("quoted chunked", post + "Transfer-Encoding: \"chunked\"\r\n\r\n", .invalidTransferEncoding),
        .init(
            "chunked on HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .transferEncodingOnHTTP10),
    ]

    static let lines: [RefusedCase] = [
        .init("bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", .invalidLineEnding),
        .init("bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", .invalidLineEnding),
        .init("bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", .invalidLineEnding),
        .init("bare LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .invalidLineEnding),
        .init("bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", .invalidLineEnding),
        .init("two CRs", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n", .invalidLineEnding),
        .init("CR in the target", "GET /\ra HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("CR after the version", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("CR first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", .unknownMethod),
        .init("CR as a line", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", .invalidFieldName),
        .init("NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", .invalidFieldValue),
        .init("NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", .invalidFieldName),
        .init("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7F}b\r\n\r\n", .invalidFieldValue),
        .init("escape in a long value", "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789\u{1B}[31m6789\r\n\r\n", .invalidFieldValue),
        .init("folded value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", .obsoleteLineFolding),
        .init("folded with tab", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb: c\r\n\r\n", .obsoleteLineFolding),
        .init("space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", .obsoleteLineFolding),
        .init("blank line of a space", "GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n", .obsoleteLineFolding),
        .init("space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", .invalidFieldName),
        .init("tab before the colon", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", .invalidFieldName),
        .init("space in a name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", .invalidFieldName),
        .init("empty name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", .invalidFieldName),
        .init("no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", .invalidFieldName),
        .init("byte 0xE9 in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\u{E9}: b\r\n\r\n", .invalidFieldName),
        .init("Kelvin sign for K", "GET / HTTP/1.1\r\nHost: a\r\n\u{E2}\u{84}\u{AA}eep: b\r\n\r\n", .invalidFieldName),
        .init("parenthesis in a name", "GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n", .invalidFieldName),
        .init("CR for the dash of a known name", "POST / HTTP/1.1\r\nHost: a\r\nContent\rLength: 3\r\n\r\nabc", .invalidFieldName),
    ]

    static let requestLines: [RefusedCase] = [
        .init("CONNECT", "CONNECT gateway:443 HTTP/1.1\r\nHost: gateway:443\r\n\r\n", .methodNotAllowed),
        .init("TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotAllowed),
        .init("unknown method", "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", .unknownMethod),
        .init("unknown short method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", .unknownMethod),
        .init("lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", .unknownMethod),
        .init("method with a letter too many", "OPTIONSX / HTTP/1.1\r\nHost: a\r\n\r\n", .unknownMethod),
        .init("method in quotes", "\"GET\" / HTTP/1.1\r\nHost: a\r\n\r\n", .unknownMethod),
        .init("empty method", " / HTTP/1.1\r\nHost: a\r\n\r\n", .unknownMethod),
        .init("tab after the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .unknownMethod),
        .init("method alone", "GET\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("two spaces after the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("no version (HTTP/0.9)", "GET /\r\n\r\n", .malformedRequestLine),
        .init("lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("version 1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("version 01.1", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("version 1,1", "GET / HTTP/1,1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("another protocol", "GET / HTTQ/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", .unsupportedVersion),
        .init("version 2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .unsupportedVersion),
        .init("version 0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", .unsupportedVersion),
        .init("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        .init("TLS hello", "\u{16}\u{03}\u{01}\u{02}\0\u{01}\0\u{01}\u{FC}\u{03}\u{03}", .unknownMethod),
        .init("two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        .init("fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("fragment after the query", "GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("asterisk for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("asterisk and more", "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("authority form", "GET gateway:80 HTTP/1.1\r\nHost: gateway:80\r\n\r\n", .invalidTarget),
        .init("relative path", "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("scheme without authority", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("scheme alone", "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("userinfo in the target", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("lone percent", "GET /a% HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("half an escape", "GET /a%4 HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("escape over the query's start", "GET /a%4?1 HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("escape %zz", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("backslash", "GET /a\\..\\b HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("raw UTF-8 in the path", "GET /\u{C3}\u{A9} HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("raw UTF-8 in the query", "GET /?\u{C3}\u{A9} HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("quote in the query", "GET /?\" HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
        .init("template left in the path", "GET /v1/models/{model} HTTP/1.1\r\nHost: a\r\n\r\n", .invalidTarget),
    ]

    static let hosts: [RefusedCase] = [
        .init("no Host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", .missingHost),
        .init("no fields at all", "GET / HTTP/1.1\r\n\r\n", .missingHost),
        .init("absolute form without Host", "GET http://a/ HTTP/1.1\r\n\r\n", .missingHost),
        .init("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", .repeatedHost),
        .init("two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n", .repeatedHost),
        .init("two Hosts on HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", .repeatedHost),
        .init("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", .invalidHost),
        .init("Host with userinfo", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", .invalidHost),
        .init("Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .invalidHost),
        .init("Host with query", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", .invalidHost),
        .init("Host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .invalidHost),
        .init("Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .invalidHost),
        .init("Host with escape", "GET / HTTP/1.1\r\nHost: %61\r\n\r\n", .invalidHost),
        .init("Host with 0xFF", "GET / HTTP/1.1\r\nHost: a\u{FF}\r\n\r\n", .invalidHost),
        .init("Host with letters as port", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n", .invalidHost),
        .init("Host with empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", .invalidHost),
        .init("Host with port 0", "GET / HTTP/1.1\r\nHost: a:0\r\n\r\n", .invalidHost),
        .init("Host with port 65536", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", .invalidHost),
        .init("Host with signed port", "GET / HTTP/1.1\r\nHost: a:+80\r\n\r\n", .invalidHost),
        .init("Host with two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", .invalidHost),
        .init("Host of a port only", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .invalidHost),
        .init("IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", .invalidHost),
        .init("IPv6 without end", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .invalidHost),
        .init("IPv6 with zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", .invalidHost),
        .init("letters after IPv6", "GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n", .invalidHost),
        .init("empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", .invalidHost),
        .init("name in brackets", "GET / HTTP/1.1\r\nHost: [a]\r\n\r\n", .invalidHost),
        .init("target and Host differ", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", .hostMismatch),
        .init("target and Host differ in the port", "GET http://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n", .hostMismatch),
        .init("target and Host differ on HTTP/1.0", "GET http://a/ HTTP/1.0\r\nHost: b\r\n\r\n", .hostMismatch),
    ]

    static let connection: [RefusedCase] =
        [
            "content-length", "Transfer-Encoding", "host", "AUTHORIZATION", "x-api-key", "api-key", "x-goog-api-key",
            "cf-aig-authorization",
            "cf-aig-cache-key", "cf-aig-unknown", "weir-cache-tags", "weir-unknown", "x-tenant", "x-tenant-id", "expect", "cookie",
            "content-encoding", "content-type", "x-forwarded-for", "x-forwarded-anything", "forwarded",
            "proxy-authorization", "anthropic-version",
        ].map { .init("Connection: \($0)", post + "Connection: keep-alive, \($0)\r\n\r\n", .protectedConnectionOption) } + [
            .init("option in a second field", post + "Connection: close\r\nConnection: Host\r\n\r\n", .protectedConnectionOption),
            .init("option with space", post + "Connection: a b\r\n\r\n", .invalidConnectionOption),
            .init("option in quotes", post + "Connection: \"close\"\r\n\r\n", .invalidConnectionOption),
            .init("option with colon", post + "Connection: host:\r\n\r\n", .invalidConnectionOption),
            .init(
                "h2c", post + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
                .upgradeNotSupported),
            .init("websocket", post + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", .upgradeNotSupported),
            .init("Upgrade without Connection", post + "Upgrade: TLS/1.0\r\n\r\n", .upgradeNotSupported),
            .init("Upgrade on HTTP/1.0", "GET / HTTP/1.0\r\nUpgrade: h2c\r\n\r\n", .upgradeNotSupported),
            .init("junk Expect", post + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\na", .unsupportedExpectation),
            .init("empty Expect", post + "Expect:\r\nContent-Length: 1\r\n\r\na", .unsupportedExpectation),
            .init("Expect list", post + "Expect: 100-continue, x=y\r\nContent-Length: 1\r\n\r\na", .unsupportedExpectation),
            .init("Expect twice", post + "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", .unsupportedExpectation),
        ]

    @Test(arguments: framing) func `a length that two readers take differently is refused`(_ wanted: RefusedCase) { check(wanted) }
    @Test(arguments: lines) func `a line that two readers cut differently is refused`(_ wanted: RefusedCase) { check(wanted) }
    @Test(arguments: requestLines) func `a request line outside the grammar is refused`(_ wanted: RefusedCase) { check(wanted) }
    @Test(arguments: hosts) func `a request for no one host is refused`(_ wanted: RefusedCase) { check(wanted) }
    @Test(arguments: connection) func `a connection header that would change the request is refused`(_ wanted: RefusedCase) {
        check(wanted)
    }

    /// Refused as named, alone and after a good request, however it is split, and a good request behind it is never read.
    private func check(_ wanted: RefusedCase) {
        let alone = read(wanted.text)
        #expect(alone.refusal == wanted.refusal)
        #expect(alone.requests.isEmpty)
        #expect(alone.violations == [])

        let between = read(evil + wanted.text + evil)
        #expect(between.refusal == wanted.refusal)
        #expect(between.requests.map(\.pathText) == ["/evil"])
        #expect(between.violations == [])
    }

    @Test func `a good request in a later packet after a bad one is not read`() {
        var parser = RequestParser()
        var offset = 0
        let bad = Array("GET / HTTP/1.1\nHost: a\r\n\r\n".utf8)
        #expect(parser.next(bad, from: &offset) == .refused(.invalidLineEnding))
        for _ in 0..<3 {
            offset = 0
            #expect(parser.next(Array(evil.utf8), from: &offset) == .refused(.invalidLineEnding))
        }
        parser.stop()
        #expect(parser.next(Array(evil.utf8), from: &offset) == .refused(.invalidLineEnding))
        #expect(parser.isFinished)
    }

    @Test func `a TLS hello is refused at its first byte, not at a timeout`() {
        var parser = RequestParser()
        var offset = 0
        #expect(parser.next([0x16], from: &offset) == .refused(.unknownMethod))
    }

    @Test(arguments: 0...255) func `every byte is judged in a name, a value, the path, the query and the host`(_ value: Int) {
        let byte = UInt8(value)
        func refusal(_ before: String, _ after: String) -> HTTPRefusal? { Transcript(latin1(before) + [byte] + latin1(after)).refusal }
        let isToken = "!#$%&'*+-.^_`|~".utf8.contains(byte) || 0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte
        let isColon = byte == 0x3A
        #expect((refusal("GET / HTTP/1.1\r\nHost: a\r\nX", "Y: 1\r\n\r\n") == nil) == (isToken || isColon))
        let isValue = byte == 9 || (byte >= 0x20 && byte != 0x7F)
        #expect((refusal("GET / HTTP/1.1\r\nHost: a\r\nX: 1", "2\r\n\r\n") == nil) == isValue)
        #expect((refusal("GET / HTTP/1.1\r\nHost: a\r\nX: 12345678", "12345678\r\n\r\n") == nil) == isValue)
        let isPath = (0x21...0x7E).contains(byte) && !"\"#%<>\\^`{}".utf8.contains(byte)
        #expect((refusal("GET /a", "z HTTP/1.1\r\nHost: a\r\n\r\n") == nil) == isPath)
        let isQuery = (0x21...0x7E).contains(byte) && !"\"#<>".utf8.contains(byte)
        #expect((refusal("GET /?a", "z HTTP/1.1\r\nHost: a\r\n\r\n") == nil) == isQuery)
        let isAlphanumeric = 0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte
        let isHost = isAlphanumeric || "-._~".utf8.contains(byte)
        #expect((refusal("GET / HTTP/1.1\r\nHost: a", "z\r\n\r\n") == nil) == isHost)
        let isAddress = 0x30...0x39 ~= byte || 0x41...0x46 ~= byte || 0x61...0x66 ~= byte || byte == 0x3A || byte == 0x2E
        #expect((refusal("GET / HTTP/1.1\r\nHost: [::", "1]\r\n\r\n") == nil) == isAddress)
    }
}
