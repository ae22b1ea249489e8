import GatewayModel
import HTTP1
import HTTP1Transcript
import Testing

@Suite struct RequestHeadTests {
    private func head(_ fields: String) -> RequestHead {
        var parser = RequestParser()
        var offset = 0
        let event = parser.next(Array("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8), from: &offset)
        #expect(event == .head)
        return parser.head
    }

    @Test(arguments: FieldName.allCases) func `every name of the vocabulary is recognised in any letter case`(_ name: FieldName) {
        let capitals = name.name.uppercased()
        #expect(FieldName(text: name.name) == name)
        #expect(FieldName(text: capitals) == name)
        // Neighbours must not be taken for it.
        #expect(FieldName(text: (name.name + "x")) != name)
        #expect(FieldName(text: String(name.name.dropLast())) != name)
        for index in name.name.utf8.indices {
            for bit in 0..<8 {
                var changed = Array(name.name.utf8)
                changed[name.name.utf8.distance(from: name.name.utf8.startIndex, to: index)] ^= 1 << UInt8(bit)
                let isCapital = String(decoding: changed, as: UTF8.self).lowercased() == name.name
                #expect((FieldName(text: String(decoding: changed, as: UTF8.self)) == name) == isCapital)
            }
        }
    }

    @Test func `names that are none are not recognised`() {
        for text in ["", "x", String(repeating: "a", count: 32), String(repeating: "a", count: 33), "content length", "content\rlength"] {
            #expect(FieldName(text: text) == nil)
        }
    }

    @Test func `fields are found by name, the first, all and how many`() {
        let head = head("Accept: a\r\nX-Other: n\r\nACCEPT: b\r\ncookie: c\r\n")
        #expect(head.first(.accept).map(head.string) == "a")
        #expect(head.text(.cookie) == "c")
        #expect(head.all(.accept).map(head.string) == ["a", "b"])
        #expect(head.count(of: .accept) == 2)
        #expect(head.first(.origin) == nil)
        #expect(Array(head.all(.origin)).isEmpty)
        #expect(head.count(of: .origin) == 0)
        #expect(head.fields.map(\.known) == [.host, .accept, nil, .accept, .cookie])
    }

    @Test func `values are compared whole`() throws {
        let head = head("Accept: Text/Plain\r\n")
        let value = try #require(head.first(.accept))
        #expect(head.valueEquals(value, "Text/Plain"))
        #expect(!head.valueEquals(value, "text/plain"))
        #expect(!head.valueEquals(value, "Text/Plai"))
        #expect(head.valueEqualsIgnoringCase(value, "text/plain"))
        #expect(!head.valueEqualsIgnoringCase(value, "text/plain;"))
        #expect(!head.valueEqualsIgnoringCase(value, "text-plain"))
    }

    @Test func `what concerns one hop is marked, what the client names included`() {
        let head = head(
            "Connection: keep-alive, X-Debug, te\r\nKeep-Alive: 5\r\nX-DEBUG: 1\r\nX-Debug2: 2\r\nTE: trailers\r\nTrailer: x\r\n"
                + "Proxy-Connection: close\r\nProxy-Authorization: b\r\nAccept: c\r\nx-debug: 3\r\n")
        let forwarded = head.fields.indices.filter { !head.isHopByHop(fieldIndex: $0) }.map { head.string(head.fields[$0].name) }
        #expect(forwarded == ["Host", "X-Debug2", "Accept"])
    }

    @Test func `the storage of a head is used again`() {
        var parser = RequestParser()
        let request = Array(("GET / HTTP/1.1\r\nHost: a\r\nAccept: a\r\nX-Other: b\r\n\r\n").utf8)
        func addresses() -> [UnsafeRawPointer?] {
            parser.takeAll(request)
            return [
                parser.head.bytes.withUnsafeBytes { $0.baseAddress }, parser.head.fields.withUnsafeBytes { $0.baseAddress },
            ]
        }
        let first = addresses()
        for _ in 0..<100 { #expect(addresses() == first) }
    }

    @Test func `a copied head outlives the next request`() {
        var parser = RequestParser()
        var offset = 0
        let bytes = Array("GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: b\r\n\r\n".utf8)
        #expect(parser.next(bytes, from: &offset) == .head)
        let first = parser.head
        #expect(parser.next(bytes, from: &offset) == .end)
        #expect(parser.head.string(parser.head.path) == "/first")
        #expect(parser.next(bytes, from: &offset) == .head)
        #expect(first.string(first.path) == "/first")
        #expect(parser.head.string(parser.head.path) == "/second")
    }

    @Test func `a head leaves nothing to the next one`() {
        let transcript = read(
            "POST http://a/x?q HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: x\r\nContent-Length: 2\r\n\r\nab"
                + "GET /y HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /z HTTP/1.1\r\nHost: c\r\n\r\n")
        #expect(transcript.requests.count == 3)
        #expect(transcript.requests.map(\.queryText) == ["q", nil, nil])
        #expect(transcript.requests.map(\.hostText) == ["a", nil, "c"])
        #expect(transcript.requests.map(\.expectsContinue) == [true, false, false])
        #expect(transcript.requests.map(\.isHTTP10) == [false, true, false])
        #expect(transcript.requests.map(\.framing) == [.length(2), .none, .none])
        #expect(transcript.requests.map(\.fields.count) == [4, 1, 1])
    }

    @Test func `a stopped parser takes everything and reads nothing`() {
        var parser = RequestParser()
        let bytes = Array((post + "Content-Length: 10\r\n\r\nabc").utf8)
        var offset = 0
        #expect(parser.next(bytes, from: &offset) == .head)
        parser.stop()
        #expect(parser.next(bytes, from: &offset) == .needMore)
        #expect(offset == bytes.count)
        offset = 0
        #expect(parser.next(Array(evil.utf8), from: &offset) == .needMore)
        #expect(offset == evil.utf8.count)
        #expect(parser.isFinished)
    }

    @Test func `an idle parser is told from one in the middle of a head`() {
        var parser = RequestParser()
        var offset = 0
        #expect(parser.isBetweenMessages)
        #expect(parser.next([UInt8](), from: &offset) == .needMore)
        #expect(parser.isBetweenMessages)
        #expect(parser.next([0x47], from: &offset) == .needMore)
        #expect(!parser.isBetweenMessages)
        parser.releaseMemory()
        offset = 0
        #expect(parser.next(Array(evil.utf8.dropFirst()), from: &offset) == .head)
        #expect(!parser.isBetweenMessages)
        #expect(parser.next(Array(evil.utf8.dropFirst()), from: &offset) == .end)
        #expect(parser.isBetweenMessages && !parser.isFinished)
    }
}
