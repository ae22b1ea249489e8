import GatewayModel
import Tenants
import Testing

@testable import GatewayServer

@Suite struct `Client address behind trusted proxies` {
    private func client(_ fields: String...) throws -> String {
        let peer = try #require(IPAddress("10.0.0.1"))
        var forwarded = ForwardedFor(peer: peer, proxies: try AddressList(["10.0.0.0/8", "fd00::/8"]))
        for field in fields {
            let bytes = Array(field.utf8)
            forwarded.read(bytes.span)
        }
        return forwarded.client.description
    }

    @Test func `the nearest address that is no proxy is the client, not the one it claims to speak for`() throws {
        #expect(try client("1.1.1.1, 203.0.113.9") == "203.0.113.9")
        #expect(try client("1.1.1.1 ,\t203.0.113.9, 10.2.3.4,fd00::1") == "203.0.113.9")
        #expect(try client("2001:db8::7") == "2001:db8::7")
    }

    @Test func `a field the client sent first does not hide the one its proxy added`() throws {
        #expect(try client("10.9.9.9", "203.0.113.9") == "203.0.113.9")
        #expect(try client("1.1.1.1", "203.0.113.9, 10.2.3.4") == "203.0.113.9")
        #expect(try client("203.0.113.9", "10.2.3.4") == "203.0.113.9")
    }

    @Test(arguments: [
        "", " ", ",", "unknown", "203.0.113.9, unknown, 10.2.3.4", "203.0.113.9:80", "[2001:db8::7]", "10.2.3.4", "1.1.1.1\0",
    ])
    func `without a readable address nearest to the proxies the peer counts`(field: String) throws {
        #expect(try client(field) == "10.0.0.1")
    }

    @Test func `what is left of an unreadable element is not believed, what is right of it is`() throws {
        #expect(try client("1.1.1.1, unknown, 203.0.113.9, 10.2.3.4") == "203.0.113.9")
    }
}
