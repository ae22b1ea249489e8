import GatewayModel
import HTTP1
import Testing

@testable import Admin

@Suite struct SessionCookieTests {
    private let secret = String(repeating: "ab", count: 32)

    private func head(_ fields: String...) throws -> RequestHead {
        var parser = RequestParser(limits: HTTP1Limits())
        var offset = 0
        let text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        guard case .head = parser.next(bytes.span, from: &offset) else { throw NoHead() }
        return parser.head
    }

    private struct NoHead: Error {}

    @Test func `the cookie is found among others`() throws {
        let expected = Array(secret.utf8)
        #expect(SessionCookie.secret(in: try head("Cookie: weir_session=\(secret)")) == expected)
        #expect(SessionCookie.secret(in: try head("Cookie: a=b; weir_session=\(secret); c=d")) == expected)
        #expect(SessionCookie.secret(in: try head("Cookie: a=b", "Cookie: weir_session=\(secret)")) == expected)
    }

    @Test func `of two cookies neither counts`() throws {
        #expect(SessionCookie.secret(in: try head("Cookie: weir_session=\(secret); weir_session=\(secret)")) == nil)
        #expect(SessionCookie.secret(in: try head("Cookie: weir_session=\(secret)", "Cookie: weir_session=x")) == nil)
    }

    @Test(arguments: [
        "", "weir_session", "weir_session=", "weir_sessions=", "xweir_session=", "WEIR_SESSION=", "=", ";;", "weir_session=short",
    ])
    func `what is not the cookie is none`(_ text: String) throws {
        #expect(SessionCookie.secret(in: try head("Cookie: \(text)")) == nil)
        guard text.hasSuffix("="), text != "weir_session=" else { return }
        #expect(SessionCookie.secret(in: try head("Cookie: \(text)\(secret)")) == nil)
    }

    @Test func `a secret one digit short or long is none`() throws {
        #expect(SessionCookie.secret(in: try head("Cookie: weir_session=\(secret.dropLast())")) == nil)
        #expect(SessionCookie.secret(in: try head("Cookie: weir_session=\(secret)0")) == nil)
    }

    @Test func `a page of another port of this host is from elsewhere`() throws {
        for site in ["same-site", "cross-site", "anything"] {
            #expect(SessionCookie.isFromElsewhere(try head("Sec-Fetch-Site: \(site)")))
        }
        #expect(!SessionCookie.isFromElsewhere(try head("Sec-Fetch-Site: same-origin")))
        #expect(!SessionCookie.isFromElsewhere(try head("Sec-Fetch-Site: none")))
        #expect(!SessionCookie.isFromElsewhere(try head()))
    }

    @Test func `only the value 1 guards`() throws {
        #expect(SessionCookie.isGuarded(try head("Weir-Dashboard: 1")))
        #expect(!SessionCookie.isGuarded(try head("weir-dashboard: 0")))
        #expect(!SessionCookie.isGuarded(try head()))
    }

    @Test func `behind TLS the cookie is secure and otherwise a browser would refuse it`() {
        #expect(
            SessionCookie.opening("s", isSecure: false) == "weir_session=s; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict")
        #expect(SessionCookie.opening("s", isSecure: true).hasSuffix("; HttpOnly; SameSite=Strict; Secure"))
        #expect(SessionCookie.closing(isSecure: true) == "weir_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict; Secure")
    }
}
