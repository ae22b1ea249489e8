import EventLoop
import GatewayModel
import Glibc
import Testing
import Upstream

struct EgressTests {
    /// Every way to write an address that must not be reached, as a URL's host.
    static let forbidden = [
        "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "017700000001", "0x7f.1", "localhost", "[::1]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]", "[2002:7f00:1::]",
        "0.0.0.0",
        "0", "[::]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "[::ffff:a9fe:a9fe]", "0xa9fea9fe", "100.64.0.1",
        "[fe80::1]",
        "[fd00::1]", "[fc00::1]", "224.0.0.1", "[ff02::1]", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "[2001:db8::1]",
        "[100::1]",
    ]

    @Test(arguments: forbidden)
    func `an address that is not public is refused before any packet, however it is written`(host: String) throws {
        let fixture = try Fixture { _, connection in connection.answer("secret") }
        defer { fixture.finish() }
        var request = fixture.get()
        request.url = "http://\(host):\(fixture.server.port)/"
        request.egress = EgressPolicy(allowsPlainHTTP: true)
        let seen = try fixture.fetch(request)
        #expect(seen.failure?.kind == .egressRefused, "\(String(describing: seen.failure))")
        #expect(seen.failure?.requestBytesSent == false && seen.heads == 0)
        #expect(fixture.server.connections.isEmpty)
    }

    @Test func `a private network may be allowed as a whole, metadata services only by name`() throws {
        let policy = EgressPolicy(allowsPrivateNetworks: true)
        for text in ["127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "fd00::1", "::1", "::ffff:10.0.0.1", "8.8.8.8"] {
            #expect(policy.permits(try #require(IPAddress(text))), "\(text)")
        }
        for text in ["169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "192.0.2.1", "::ffff:169.254.169.254"] {
            #expect(!policy.permits(try #require(IPAddress(text))), "\(text)")
        }
    }

    @Test func `a listed range is allowed to its edges, in every spelling, and multicast never`() throws {
        let ranges = try ["169.254.169.0/24", "10.0.0.0/30", "224.0.0.0/4", "::1"].map { try #require(AddressRange($0)) }
        let policy = EgressPolicy(allowedRanges: ranges)
        for text in ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::10.0.0.3", "10.0.0.3", "::1"] {
            #expect(policy.permits(try #require(IPAddress(text))), "\(text)")
        }
        for text in ["169.254.170.0", "10.0.0.4", "127.0.0.1", "224.0.0.1"] {
            #expect(!policy.permits(try #require(IPAddress(text))), "\(text)")
        }
    }

    @Test func `a listed address is reached and one beside it is not`() throws {
        let fixture = try Fixture { _, connection in connection.answer("listed") }
        defer { fixture.finish() }
        var request = fixture.get()
        request.egress = EgressPolicy(allowsPlainHTTP: true, allowedRanges: [try #require(AddressRange("127.0.0.1"))])
        #expect(try fixture.fetch(request).text == "listed")
        request.url = "http://127.0.0.2:\(fixture.server.port)/"
        #expect(try fixture.fetch(request).failure?.kind == .egressRefused)
    }

    @Test(arguments: [
        "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "dict://127.0.0.1/", "ldap://127.0.0.1/", "smb://127.0.0.1/x",
        "HTTPS://example.com/", "http://127.0.0.1/", "127.0.0.1/", "//127.0.0.1/", "", "unix:/x", "javascript:0",
    ])
    func `another scheme than https is refused at once, and http unless allowed`(url: String) throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        let failure = #expect(throws: UpstreamFailure.self) {
            try fixture.start(UpstreamRequest(method: "GET", url: url, egress: .publicOnly), Collector())
        }
        #expect(failure?.kind == .egressRefused)
    }

    @Test(arguments: [
        "/a\r\nInjected: 1", "/a b", "/a\n", "/\0", "/é", "/#fragment", "/a\\b", "/\u{7f}", "/\t",
    ])
    func `a byte that could split a request is refused in the URL`(path: String) throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        #expect(throws: UpstreamFailure.self) { try fixture.start(fixture.get(path), Collector()) }
        #expect(fixture.driver.inFlight == 0)
    }

    @Test(arguments: ["user:pass@127.0.0.1", "127.0.0.1@evil", "", "a,b", "exa mple", "h%41st"])
    func `a host with user information or odd bytes is refused`(host: String) throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        var request = fixture.get()
        request.url = "http://\(host)/"
        #expect(throws: UpstreamFailure.self) { try fixture.start(request, Collector()) }
    }

    @Test(arguments: ["GET /x HTTP/1.1\r\nX:", "G ET", "", "GET\r\n", String(repeating: "A", count: 33)])
    func `a method that is no token is refused`(method: String) throws {
        let fixture = try Fixture()
        defer { fixture.finish() }
        var request = fixture.get()
        request.method = method
        #expect(throws: UpstreamFailure.self) { try fixture.start(request, Collector()) }
    }

    @Test func `a URL at the length limit is sent and one beyond is refused`() throws {
        let fixture = try Fixture { _, connection in connection.answer("") }
        defer { fixture.finish() }
        let room = 16_384 - fixture.server.url("").utf8.count
        #expect(try fixture.fetch(fixture.get("/" + String(repeating: "x", count: room - 1))).completions == 1)
        #expect(throws: UpstreamFailure.self) { try fixture.start(fixture.get("/" + String(repeating: "x", count: room)), Collector()) }
    }

    @Test func `proxies and credentials of the environment are ignored`() async {
        await #expect(processExitsWith: .success) {
            let fixture = try Fixture { _, connection in connection.answer("direct") }
            let trap = try ScriptedServer(fixture.loop) { _, connection in connection.answer("proxied") }
            for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
                setenv(name, "http://127.0.0.1:\(trap.port)", 1)
            }
            var pattern = Array("/tmp/upstream-tests-XXXXXX".utf8CString)
            guard let made = mkdtemp(&pattern) else { exit(2) }
            let home = String(cString: made)
            setenv("HOME", home, 1)
            guard let file = fopen(home + "/.netrc", "w") else { exit(3) }
            fputs("default login someone password secret\n", file)
            fclose(file)
            let seen = try fixture.fetch(fixture.get())
            unlink(home + "/.netrc")
            rmdir(home)
            guard seen.text == "direct", trap.connections.isEmpty else { exit(4) }
            guard fixture.server.requests.first?.value(of: "authorization") == nil else { exit(5) }
            exit(0)
        }
    }
}
