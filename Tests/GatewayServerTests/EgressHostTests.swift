import Testing
import Upstream

@testable import GatewayServer

@Suite struct `Private hosts` {
    @Test(arguments: [
        ("http://10.0.0.10/v1", "10.0.0.10"), ("http://10.0.0.1:8000", "10.0.0.1"), ("http://[::1]:8000/", "[::1]"),
        ("https://Models.internal", "models.internal"), ("https://models.internal.example.com/v1", "models.internal.example.com"),
        ("", ""), ("https:", ""),
    ])
    func `a permitted host is the whole host of a URL, not its beginning`(_ url: String, _ host: String) {
        #expect(EgressPolicy.host(of: url) == host)
    }
}
