import GatewayModel
import JSON
import Testing

@testable import Admin

@Suite struct SessionDeskTests {
    private final class Clock {
        var now = MonotonicTime(nanoseconds: 1_000_000_000)
    }

    private let clock = Clock()
    private let adminToken = String(repeating: "a", count: 32)
    private let readToken = String(repeating: "r", count: 32)

    private func desk() throws -> SessionDesk {
        let tokens = try #require(AdminTokens(admin: Array(adminToken.utf8), read: Array(readToken.utf8)))
        let clock = self.clock
        return SessionDesk(tokens: tokens, isSecure: false) { clock.now }
    }

    private func request(_ body: String, session: [UInt8]? = nil, peer: UInt32 = 0x7F00_0001) -> AdminRequest {
        AdminRequest(
            method: "POST", segments: ["session"], body: Array(body.utf8), session: session, peer: IPAddress(ipv4: peer))
    }

    private func signIn(_ token: String, peer: UInt32 = 0x7F00_0001, _ desk: SessionDesk) -> AdminResponse {
        desk.open(request("{\"token\":\"\(token)\"}", peer: peer))
    }

    private func json(_ response: AdminResponse) throws -> JSONValue {
        let body = response.body
        return try JSONValue(parsing: body.span)
    }

    private func secret(_ response: AdminResponse) throws -> [UInt8] {
        let cookie = try #require(response.fields.first { $0.name.description == "set-cookie" }?.value)
        return Array(try #require(cookie.split(separator: ";").first).dropFirst("weir_session=".count).utf8)
    }

    @Test func `each token opens a session of its own role`() throws {
        let desk = try desk()
        for (token, role) in [(adminToken, AdminRole.admin), (readToken, .read)] {
            let response = signIn(token, desk)
            #expect(response.status == 204)
            #expect(desk.role(of: try secret(response)) == role)
        }
        #expect(try secret(signIn(readToken, desk)) != secret(signIn(readToken, desk)))
    }

    @Test(arguments: ["", "[]", "{", "{}", "{\"token\":1}", "{\"token\":null}", "{\"token\":\"x\",\"role\":\"admin\"}"])
    func `a malformed body is 400 and counts for no failure`(_ body: String) throws {
        let desk = try desk()
        for _ in 0..<20 { #expect(desk.open(request(body)).status == 400) }
        #expect(signIn("wrong", desk).status == 401)
    }

    @Test func `the eleventh wrong token of a minute is told to wait and a good one is not slowed`() throws {
        let desk = try desk()
        for _ in 0..<SessionDesk.failuresPerMinuteMax { #expect(signIn("wrong", desk).status == 401) }
        let refused = signIn("wrong", desk)
        #expect(refused.status == 429)
        #expect(refused.fields.contains { $0.name.description == "retry-after" && $0.value == "60" })
        #expect(signIn(readToken, desk).status == 204)
        #expect(signIn("wrong", peer: 0x7F00_0002, desk).status == 401)
        clock.now = clock.now.adding(milliseconds: 60_000)
        #expect(signIn("wrong", desk).status == 401)
    }

    @Test func `signing in again ends the session before`() throws {
        let desk = try desk()
        let first = try secret(signIn(readToken, desk))
        let second = try secret(desk.open(request("{\"token\":\"\(adminToken)\"}", session: first)))
        #expect(desk.role(of: first) == .anyone)
        #expect(desk.role(of: second) == .admin)
    }

    @Test func `signing out ends the session and takes the cookie away`() throws {
        let desk = try desk()
        let secret = try secret(signIn(adminToken, desk))
        let response = desk.close(request("", session: secret))
        #expect(response.status == 204)
        #expect(response.fields.contains { $0.value.hasPrefix("weir_session=; Max-Age=0") })
        #expect(desk.role(of: secret) == .anyone)
    }

    @Test func `a token has no end and a session has`() throws {
        let desk = try desk()
        var asking = request("")
        asking.role = .admin
        let byToken = try json(desk.describe(asking))
        #expect(byToken["role"] == "admin")
        #expect(byToken["expires_at"] == .null)
        asking.session = try secret(signIn(adminToken, desk))
        let bySession = try json(desk.describe(asking))
        #expect(bySession["expires_at"]?.stringValue?.hasSuffix("Z") == true)
    }
}
