import Testing
import Upstream

@testable import GatewayServer

@Suite struct `Private hosts` {
    @Test func `a name that only begins like a permitted host is not permitted`() {
        #expect(EgressPolicy.isHost("10.0.0.1", of: "http://10.0.0.1/v1"))
        #expect(EgressPolicy.isHost("10.0.0.1", of: "http://10.0.0.1:8000"))
        #expect(EgressPolicy.isHost("[::1]", of: "http://[::1]:8000/"))
        #expect(EgressPolicy.isHost("models.internal", of: "https://Models.internal"))
        #expect(!EgressPolicy.isHost("10.0.0.1", of: "http://10.0.0.10/v1"))
        #expect(!EgressPolicy.isHost("models.internal", of: "https://models.internal.example.com/v1"))
        #expect(!EgressPolicy.isHost("models.internal", of: "https://x"))
    }
}
