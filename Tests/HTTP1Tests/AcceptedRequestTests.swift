import HTTP1
import HTTP1Transcript
import Testing

@Suite struct AcceptedRequestTests {
    /// The single request of a text that must be accepted.
    private func only(_ text: String) throws -> Transcript.Request {
        let transcript = read(text)
        #expect(transcript.refusal == nil)
        #expect(transcript.violations == [])
        #expect(transcript.requests.count == 1)
        return try #require(transcript.requests.first)
    }

    @Test func `an SDK's request is read in all its parts`() throws {
        let request = try only(
            "POST /v1/chat/completions?beta=true&x[]=%zz HTTP/1.1\r\nHost: 127.0.0.1:8787\r\nAccept: application/json\r\n"
                + "Connection: keep-alive\r\nX-Empty:\r\nX-Blank: \t \r\nX-Text: \t a\tb c \t\r\nX-UTF: \u{C3}\u{A9}\r\n"
                + "Content-Length: 5\r\n\r\nhello")
        #expect(request.method == "POST")
        #expect(request.targetText == "/v1/chat/completions?beta=true&x[]=%zz")
        #expect(request.pathText == "/v1/chat/completions")
        #expect(request.queryText == "beta=true&x[]=%zz")
        #expect(request.hostText == "127.0.0.1:8787")
        #expect(request.fields.count == 8)
        #expect(request.values("x-empty") == [""])
        #expect(request.values("x-blank") == [""])
        #expect(request.values("x-text") == ["a\tb c"])
        #expect(request.values("x-utf") == ["é"])
        #expect(request.framing == .length(5))
        #expect(request.bodyText == "hello")
        #expect(request.isComplete)
        #expect(request.keepsAlive)
    }

    @Test(arguments: Method.allCases) func `every served method is told from the others`(_ method: Method) throws {
        #expect(try only("\(method.name) / HTTP/1.1\r\nHost: a\r\n\r\n").method == "\(method.name)")
    }

    @Test(
        arguments: [
            ("/", "/", nil), ("/?", "/", ""), ("/a?b?c", "/a", "b?c"), ("//a", "//a", nil), ("/a%2Fb%00", "/a%2Fb%00", nil),
            ("/a/../b", "/a/../b", nil), ("/a?%", "/a", "%"), ("/a:b@c!$&'()*+,;=~-._[]|", "/a:b@c!$&'()*+,;=~-._[]|", nil),
            ("http://a", "/", nil), ("HTTP://A/", "/", nil), ("https://a/b?c", "/b", "c"), ("http://a?c", "/", "c"),
        ] as [(String, String, String?)])
    func `a target falls into path and query`(_ target: String, _ path: String, _ query: String?) throws {
        let request = try only("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(request.targetText == target)
        #expect(request.pathText == path)
        #expect(request.queryText == query)
    }

    @Test func `OPTIONS for the whole server is accepted`() throws {
        #expect(try only("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").pathText == "*")
    }

    @Test(arguments: [
        "a", "A.b-c_d~9", "localhost:8787", "a:1", "a:65535", "127.0.0.1", "[::1]", "[2001:DB8::1]:80", "[::ffff:127.0.0.1]",
    ])
    func `an ordinary Host is accepted`(_ host: String) throws {
        #expect(try only("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").hostText == host)
        #expect(try only("GET http://\(host)/ HTTP/1.1\r\nHost: \(host)\r\n\r\n").hostText == host)
    }

    @Test func `HTTP 1.0 needs no Host and takes it from an absolute target`() throws {
        #expect(try only("GET / HTTP/1.0\r\n\r\n").host == nil)
        #expect(try only("GET http://a:80/ HTTP/1.0\r\n\r\n").hostText == "a:80")
    }

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false), ("HTTP/1.1", "Connection: CLOSE\r\n", false),
        ("HTTP/1.1", "Connection: keep-alive, close\r\n", false), ("HTTP/1.1", "Connection: a\r\nConnection: ,,close,\r\n", false),
        ("HTTP/1.1", "Connection: keep-alive\r\n", true), ("HTTP/1.1", "Connection:\r\n", true), ("HTTP/1.0", "", false),
        ("HTTP/1.0", "Connection: Keep-Alive\r\n", true), ("HTTP/1.0", "Connection: keep-alive, close\r\n", false),
        ("HTTP/1.1", "Connection: closed\r\n", true), ("HTTP/1.1", "Proxy-Connection: close\r\n", true),
    ])
    func `who keeps the connection alive is heard`(_ version: String, _ field: String, _ keepsAlive: Bool) throws {
        #expect(try only("GET / \(version)\r\nHost: a\r\n\(field)\r\n").keepsAlive == keepsAlive)
    }

    @Test func `nothing is read after a message that is said to be the last`() {
        for last in ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"] {
            let transcript = read(last + evil)
            #expect(transcript.requests.map(\.pathText) == ["/"])
            #expect(transcript.refusal == nil)
            #expect(transcript.violations == [])
        }
    }

    @Test(arguments: [
        (post + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", true),
        (post + "Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n", true),
        (post + "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n", false), (post + "Expect: 100-continue\r\n\r\n", false),
        ("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", false),
    ])
    func `only a client that waits is told to continue`(_ text: String, _ expects: Bool) {
        #expect(read(text).requests.first?.expectsContinue == expects)
    }

    @Test func `one empty line before a request is skipped, as RFC 9112 asks`() {
        let transcript = read("\r\n" + evil + "\r\n" + evil)
        #expect(transcript.requests.map(\.pathText) == ["/evil", "/evil"])
        #expect(transcript.refusal == nil)
        #expect(transcript.violations == [])
    }

    @Test func `a body on GET is read, not taken for the next request`() {
        let transcript = read(
            "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: \(evil.utf8.count)\r\n\r\n\(evil)" + "HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(transcript.requests.map(\.pathText) == ["/a", "/b"])
        #expect(transcript.requests.first?.bodyText == evil)
        #expect(transcript.violations == [])
    }

    @Test func `the largest length is kept as it is, for the caller to refuse`() {
        let transcript = read(post + "Content-Length: 18446744073709551615\r\n\r\nabc")
        #expect(transcript.refusal == nil)
        #expect(transcript.requests.first?.framing == .length(.max))
        #expect(transcript.requests.first?.bodyText == "abc")
        #expect(transcript.requests.first?.isComplete == false)
    }

    @Test func `a length of zero ends the message at once`() throws {
        #expect(try only(post + "Content-Length: 0\r\n\r\n").framing == .length(0))
        #expect(try only(post + "\r\n").framing == .none)
    }

    @Test func `a thousand pipelined requests are read in order`() {
        let bytes = (0..<1000).flatMap { Array("POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".utf8) }
        let transcript = Transcript(bytes)
        #expect(transcript.requests.map(\.pathText) == (0..<1000).map { "/\($0)" })
        #expect(transcript.requests.allSatisfy { $0.bodyText == "abc" && $0.isComplete })
        #expect(transcript.violations == [])
        #expect(Transcript(bytes, cuts: Array(stride(from: 7, to: bytes.count, by: 1021))) == transcript)
    }
}
