import EventLoop
import Foundation
import Testing
import Upstream

@Suite(.enabled(if: TLSFixture.directory != nil, "the openssl command is not installed"))
struct TLSTests {
    let directory: String
    let openssl: String

    init() throws {
        directory = try #require(TLSFixture.directory)
        openssl = try #require(TLSFixture.find("openssl"))
    }

    private func server(_ certificate: String, _ extra: [String] = []) throws -> ServerProcess {
        try ServerProcess(openssl, in: directory) { port in
            ["s_server", "-accept", "127.0.0.1:\(port)", "-cert", certificate + ".pem", "-key", certificate + ".key"] + extra
        }
    }

    private func fixture(trusting authority: String = "ca") throws -> Fixture {
        var options = UpstreamOptions()
        options.authoritiesFile = directory + "/" + authority + ".pem"
        return try Fixture(options: options)
    }

    private func request(_ port: UInt16) -> UpstreamRequest {
        var request = UpstreamRequest(method: "GET", url: "https://localhost:\(port)/", egress: local)
        request.fields.append("Authorization", "Bearer canary-secret")
        request.timeouts.connect = 5000
        return request
    }

    @Test func `a certificate of a trusted authority for the right name is accepted`() throws {
        let server = try server("good", ["-www"])
        let fixture = try fixture()
        defer { fixture.finish() }
        let seen = try fixture.fetch(request(server.port))
        #expect(seen.head?.status == 200, "\(String(describing: seen.failure))")
    }

    @Test(arguments: [("expired", "ca"), ("wrong-name", "ca"), ("good", "other-ca")])
    func `a certificate that is expired, for another name or of another authority ends the transfer before a byte of the request`(
        certificate: String, authority: String
    ) throws {
        let server = try server(certificate)
        let fixture = try fixture(trusting: authority)
        defer { fixture.finish() }
        let seen = try fixture.fetch(request(server.port))
        #expect(seen.failure?.kind == .tls && seen.failure?.requestBytesSent == false)
        #expect(seen.failure?.detail.lowercased().contains("certificate") == true)
        #expect(!server.printed.contains("canary"))
    }

    @Test func `the system's authorities do not vouch for a private one`() throws {
        let server = try server("good")
        let fixture = try Fixture()
        defer { fixture.finish() }
        #expect(try fixture.fetch(request(server.port)).failure?.kind == .tls)
    }

    @Test func `a server that speaks only TLS 1-1 is refused`() throws {
        let server = try server("good", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
        let fixture = try fixture()
        defer { fixture.finish() }
        let seen = try fixture.fetch(request(server.port))
        #expect(seen.failure?.kind == .tls && seen.failure?.requestBytesSent == false)
        #expect(!server.printed.contains("canary"))
    }

    @Test func `plain HTTP on a TLS port is a TLS failure, not an answer`() throws {
        let fixture = try fixture()
        defer { fixture.finish() }
        var received: [UInt8] = []
        fixture.server.onBytes = { connection, bytes in
            received += bytes
            connection.answer("plain", status: "400 Bad Request")
        }
        let seen = try fixture.fetch(request(fixture.server.port))
        #expect(seen.failure?.kind == .tls && seen.heads == 0)
        #expect(!String(decoding: received, as: UTF8.self).contains("canary"))
    }

    @Test func `a TLS server that says hello and then nothing is given up at the connect deadline`() throws {
        let fixture = try fixture()
        defer { fixture.finish() }
        fixture.server.onBytes = { _, _ in }
        var request = request(fixture.server.port)
        request.timeouts.connect = 100
        #expect(try fixture.fetch(request).failure?.kind == .connectTimeout)
    }
}
