import EventLoop
import Testing

struct SocketAddressTests {
    @Test(arguments: ["127.0.0.1:8787", "[::1]:8787", "0.0.0.0:0", "[2001:db8::1]:65535"])
    func `a socket address survives parsing and printing`(text: String) throws {
        #expect(try #require(SocketAddress(text)).description == text)
    }

    @Test(arguments: [
        "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "::1:80", "[127.0.0.1]:80", "[::1]", ":80", "host:80",
        "127.0.0.1:080000", "[::1:80", "127.0.0.1:8O",
    ])
    func `a malformed socket address is refused`(text: String) {
        #expect(SocketAddress(text) == nil)
    }
}
