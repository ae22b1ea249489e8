import GatewayModel
import Tenants
import Testing

@testable import GatewayConfiguration

@Suite struct DefaultsTests {
    @Test func `an empty file is the documented defaults`() throws {
        for text in ["", "# nothing\n", "{}", "---\n", "cache:\nroutes:\n"] {
            let snapshot = try load(text)
            #expect(snapshot.listen.description == "127.0.0.1:8787")
            #expect(snapshot.admin.listen.description == "127.0.0.1:8788")
            #expect(snapshot.admin.secret == nil)
            #expect(snapshot.dataDirectory == ".weir")
            #expect(snapshot.cache.standard.isEnabled)
            #expect(snapshot.cache.standard.ttlSeconds == 3600)
            #expect(snapshot.cache.entryBytesMax == 256 << 10)
            #expect(snapshot.cache.bytesMax == 8 << 30)
            #expect(snapshot.limits.bodyBytesMax == 32 << 20)
            #expect(snapshot.limits.headerTimeoutMilliseconds == 10_000)
            #expect(snapshot.limits.keepAliveTimeoutMilliseconds == 75_000)
            #expect(snapshot.overload.inFlightPerTenantMax == 256)
            #expect(snapshot.timeouts.connectMilliseconds == 2000)
            #expect(snapshot.timeouts.firstByteStreamMilliseconds == 60_000)
            #expect(snapshot.timeouts.firstByteMilliseconds == 600_000)
            #expect(snapshot.timeouts.streamTotalMilliseconds == 1_800_000)
            #expect(snapshot.drain.deadlineMilliseconds == 30_000)
            #expect(!snapshot.demo.isEnabled)
            #expect(snapshot.trustedNetworks.texts == ["127.0.0.0/8", "::1"])
            let keys = snapshot.credentials.flatMap(\.self)
            #expect(keys.isEmpty)
        }
    }

    @Test func `the shipped file loads, with the demo route and without any key`() throws {
        let snapshot = try ConfigurationLoader.load(path: repository + "/config/weir.yaml", environment: [:])
        #expect(snapshot.route(named: "fast")?.targets == [Target(provider: "demo", model: "demo-chat")])
        #expect(snapshot.demo.isEnabled)
        let demo = try #require(snapshot.providers.index(of: "demo"))
        #expect(snapshot.isReady(providerAt: demo))
        #expect(!snapshot.isReady(providerAt: try #require(snapshot.providers.index(of: "openai"))))
    }

    @Test func `a provider is ready once its key is in the environment`() throws {
        let snapshot = try load("", environment: ["OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": ""])
        let openai = try #require(snapshot.providers.index(of: "openai"))
        #expect(snapshot.credentials[openai].map { $0.reveal() } == ["sk-1"])
        #expect(snapshot.isReady(providerAt: openai))
        #expect(!snapshot.isReady(providerAt: try #require(snapshot.providers.index(of: "anthropic"))))
    }

    @Test func `durations and sizes are read in every unit`() throws {
        let snapshot = try load(
            """
            cache: {ttl: 5m, ttl_max: 30d, bytes_max: 1GiB, entry_bytes_max: 64KiB, stale_if_error: 1h, body_bytes_max: 1MB}
            timeouts: {connect: 500ms, first_byte: 30s, idle: 1_500, stream_total: 1h}
            limits: {body_bytes_max: 1024, header_bytes_max: 65536B}
            """)
        #expect(snapshot.cache.standard.ttlSeconds == 300)
        #expect(snapshot.cache.ttlSeconds == 1...2_592_000)
        #expect(snapshot.cache.bytesMax == 1 << 30)
        #expect(snapshot.cache.entryBytesMax == 65_536)
        #expect(snapshot.cache.bodyBytesMax == 1_000_000)
        #expect(snapshot.cache.standard.staleIfErrorSeconds == 3600)
        #expect(snapshot.timeouts.connectMilliseconds == 500)
        #expect(snapshot.timeouts.firstByteMilliseconds == 30_000)
        #expect(snapshot.timeouts.idleMilliseconds == 1500)
        #expect(snapshot.timeouts.streamTotalMilliseconds == 3_600_000)
        #expect(snapshot.limits.bodyBytesMax == 1024)
        #expect(snapshot.limits.headerBytesMax == 65_536)
    }

    @Test(arguments: ["", "-", "1x", "s", "1 5", "1.5s", "0x10", "_1", "1_", "1e3", "٣s", "1,000"])
    func `what is no quantity is malformed`(_ text: String) {
        #expect(throws: Quantity.Problem.malformed) { try Quantity.duration(text, unitMilliseconds: 1000) }
        #expect(throws: Quantity.Problem.malformed) { try Quantity.size(text) }
        #expect(throws: Quantity.Problem.malformed) { try Quantity.count(text) }
    }

    @Test func `a quantity that does not fit an integer is too large, not a trap`() {
        #expect(throws: Quantity.Problem.tooLarge) { try Quantity.count("99999999999999999999999") }
        #expect(throws: Quantity.Problem.tooLarge) { try Quantity.size("9223372036854775807TiB") }
        #expect(throws: Quantity.Problem.tooLarge) { try Quantity.duration("9223372036854775807d", unitMilliseconds: 1) }
        #expect(throws: Quantity.Problem.tooLarge) { try Quantity.size("-9223372036854775807KiB") }
        #expect(throws: Quantity.Problem.malformed) { try Quantity.number("nan") }
        #expect(throws: Quantity.Problem.malformed) { try Quantity.number("1e999") }
    }

    @Test func `a misspelt name finds its neighbour and nonsense finds none`() {
        let names = ["ttl", "ttl_max", "enabled", "in_flight_max"]
        #expect(NearestName.of("tll", among: names) == "ttl")
        #expect(NearestName.of("enabeld", among: names) == "enabled")
        #expect(NearestName.of("inflight_max", among: names) == "in_flight_max")
        #expect(NearestName.of("zzz", among: names) == nil)
        #expect(NearestName.of(String(repeating: "x", count: 1000), among: names) == nil)
        #expect(NearestName.editDistance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
        #expect(NearestName.editDistance(Array("ab".utf8), Array("ba".utf8)) == 1)
    }

    @Test func `20 errors are told and the 21st is counted`() {
        let fields = { (count: Int) in "cache:\n" + (1...count).map { "  wrong\($0): 1\n" }.joined() }
        #expect(refusals(fields(20)).count == 20)
        let lines = refusals(fields(21))
        #expect(lines.count == 21)
        #expect(lines.last == "… and 1 more")
        #expect(lines.first == "weir.yaml:2: cache.wrong1: is not a known field")
    }

    @Test func `errors of several sections are told in one go, in the order of the file`() {
        let lines = refusals("log: {level: loud}\ncache: {ttl: -1}\nroutes: {fast: nowhere/x}\n")
        #expect(lines.map { $0.prefix(12) } == ["weir.yaml:1:", "weir.yaml:2:", "weir.yaml:3:"])
    }

    @Test func `a missing file is told by its name`() {
        let error = #expect(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.load(path: "/nonexistent/weir.yaml", environment: [:])
        }
        #expect(error?.description == "/nonexistent/weir.yaml: can't be read: No such file or directory")
        let folder = #expect(throws: ConfigurationErrors.self) { try ConfigurationLoader.load(path: repository, environment: [:]) }
        #expect(folder?.description == "\(repository): can't be read: is a folder")
        #expect(refusals("providers_file: gone.yaml") == ["gone.yaml: can't be read: No such file or directory"])
    }

    @Test func `the shipped providers file holds nothing but providers`() {
        let lines = refusals("providers_file: other.yaml", files: ["other.yaml": "cache: {ttl: 1}\nproviders: {}\n"])
        #expect(lines == ["other.yaml:1: cache: does not belong in this file"])
    }

    // MARK: Admin

    @Test func `the admin port leaves loopback only with a long secret and a TLS proxy`() throws {
        let secret = ["TOKEN": String(repeating: "t", count: 32)]
        let address = "listen: {admin: 0.0.0.0:8788}\n"
        #expect(refusals(address + "admin: {behind_tls_proxy: true}").count == 1)
        #expect(refusals(address + "admin: {secret: env:TOKEN}", environment: secret).count == 1)
        #expect(
            refusals(
                address + "admin: {secret: env:TOKEN, behind_tls_proxy: true}", environment: ["TOKEN": String(repeating: "t", count: 31)]
            ).count == 1)
        let snapshot = try load(address + "admin: {secret: env:TOKEN, behind_tls_proxy: true}", environment: secret)
        #expect(snapshot.admin.secret?.byteCount == 32)
        #expect(try load("listen: {admin: \"[::1]:9000\"}").admin.listen.description == "[::1]:9000")
        #expect(refusals("admin: {secret: env:TOKEN, read_secret: env:TOKEN}", environment: secret).count == 1)
    }

    @Test(arguments: [
        "127.0.0.1", "8787", ":8787", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:8787", "[127.0.0.1]:1", "[::1]", "host:1",
        "127.1:1", "1.2.3.4:0x1",
    ])
    func `a listen address is exact`(_ text: String) {
        #expect(ListenAddress(text) == nil)
    }

    // MARK: Cache policy

    @Test func `a route goes before the tenant and the tenant before the defaults`() throws {
        let snapshot = try load(
            """
            cache: {ttl: 100, stale_if_error: 7}
            routes:
              short: {targets: demo/demo-chat, cache: {ttl: 10, max_temperature: 0.5, store_tool_calls: true}}
              off: {targets: demo/demo-chat, cache: {enabled: false}}
              plain: demo/demo-chat
            """)
        let plainTenant = Tenant(id: "a")
        let slowTenant = Tenant(id: "b", cacheTTLSeconds: 50)
        let (short, off, plain) = (snapshot.route(named: "short"), snapshot.route(named: "off"), snapshot.route(named: "plain"))
        #expect(snapshot.cachePolicy(route: nil, tenant: plainTenant).ttlSeconds == 100)
        #expect(snapshot.cachePolicy(route: plain, tenant: slowTenant).ttlSeconds == 50)
        #expect(snapshot.cachePolicy(route: short, tenant: slowTenant).ttlSeconds == 10)
        #expect(snapshot.cachePolicy(route: short, tenant: plainTenant).maxTemperature == 0.5)
        #expect(snapshot.cachePolicy(route: short, tenant: plainTenant).storesToolCalls)
        #expect(snapshot.cachePolicy(route: short, tenant: plainTenant).staleIfErrorSeconds == 7)
        #expect(!snapshot.cachePolicy(route: off, tenant: plainTenant).isEnabled)
        #expect(snapshot.cachePolicy(route: plain, tenant: plainTenant).isEnabled)
    }

    @Test func `a tenant that switched caching off is not cached by any route`() throws {
        let snapshot = try load("routes: {r: {targets: demo/demo-chat, cache: {enabled: true}}}")
        #expect(!snapshot.cachePolicy(route: snapshot.route(named: "r"), tenant: Tenant(id: "a", isCacheEnabled: false)).isEnabled)
        let off = try load("cache: {enabled: false}")
        #expect(off.cachePolicy(route: nil, tenant: Tenant(id: "a", isCacheEnabled: true)).isEnabled)
        #expect(!off.cachePolicy(route: nil, tenant: Tenant(id: "a")).isEnabled)
    }
}
