import EventLoop
import GatewayModel
import Logging
import Routing
import Testing
import Upstream

@testable import GatewayServer

@Suite struct `Health prober` {
    /// A provider on the test's own loop; its answer can be changed at any time.
    private final class Provider: ConnectionDelegate {
        /// The status line after the version; `nil`: it takes the request and says nothing.
        var answer: String? = "200 OK"
        var requests: [String] = []
        private var listener: Listener?
        var port: UInt16 { listener?.boundAddress.port ?? 0 }

        init(_ loop: EventLoop) throws { listener = try loop.listen(.anyLoopback) { [unowned self] in $0.start(delegate: self) } }

        func connection(_ connection: Connection, received bytes: Span<UInt8>) {
            requests.append(bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) })
            guard let answer else { return }
            connection.write(Array("HTTP/1.1 \(answer)\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n".utf8).span)
        }

        func connectionReceivedEnd(_ connection: Connection) { connection.close() }
        func connectionDrained(_ connection: Connection) {}
        func connectionClosed(_ connection: Connection, error: LoopError?) {}
    }

    private final class World {
        let loop: EventLoop
        let provider: Provider
        let counters = CounterBlock()
        let table = HealthTable()
        let prober: HealthProber
        /// Two models of the probed provider, and one of another.
        let own: [TargetHealth]
        let other: TargetHealth

        init() throws {
            ProcessLimits.ignoreBrokenPipes()
            loop = try EventLoop()
            provider = try Provider(loop)
            let pool = table.pool(of: "probed", keys: 1, revision: 0)
            own = ["a", "b"].map { [table] in table.health(of: Target(provider: "probed", model: $0), pool: pool) }
            other = table.health(of: Target(provider: "other", model: "a"), pool: table.pool(of: "other", keys: 1, revision: 0))
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            prober = HealthProber(loop: loop, logger: logger, counters: counters, health: table)
        }

        /// An interval far below what a configuration may say.
        func probe(path: String = "/health?x=1", interval: Int = 10, timeout: Int = 2000) -> HealthProber.Probe {
            HealthProber.Probe(
                provider: "probed", url: "http://127.0.0.1:\(provider.port)\(path)", intervalMilliseconds: interval,
                timeoutMilliseconds: timeout, egress: EgressPolicy(allowsPlainHTTP: true, allowsPrivateNetworks: true))
        }

        var failed: UInt64 { counters.value(of: .healthProbesFailed) }
        var isOut: Bool { own.allSatisfy { $0.reading(at: loop.now).ejection == .healthProbe } }
        var isIn: Bool { own.allSatisfy { $0.reading(at: loop.now).ejection == nil } }

        /// Runs until something holds.
        /// - Returns: false when it did not within ten seconds.
        func run(until condition: () -> Bool) throws -> Bool {
            var isLate = false
            let late = try loop.makeTimer { isLate = true }
            late.start(afterMilliseconds: 10_000)
            var tick: LoopTimer?
            tick = try loop.makeTimer { tick?.start(afterMilliseconds: 1) }
            tick?.start(afterMilliseconds: 0)
            defer {
                late.close()
                tick?.close()
                tick = nil
            }
            while !condition(), !isLate { loop.runOnce() }
            return condition()
        }

        func finish() {
            prober.close()
            loop.close()
        }
    }

    @Test func `a probe is a GET of the path that carries no key`() throws {
        let world = try World()
        defer { world.finish() }
        world.prober.adopt([world.probe()])
        #expect(try world.run { !world.provider.requests.isEmpty })
        let request = try #require(world.provider.requests.first)
        #expect(request.hasPrefix("GET /health?x=1 HTTP/1.1\r\n") && request.hasSuffix("\r\n\r\n"))
        #expect(!request.lowercased().contains("authorization") && !request.lowercased().contains("key"))
    }

    @Test func `two failures eject every model of the provider and nothing else, and a success brings them back`() throws {
        let world = try World()
        defer { world.finish() }
        world.provider.answer = "503 Service Unavailable"
        world.prober.adopt([world.probe(interval: 1000)])
        #expect(try world.run { world.failed == 1 })
        #expect(world.isIn)
        #expect(try world.run { world.failed == 2 })
        #expect(world.isOut && world.other.reading(at: world.loop.now).ejection == nil)
        world.provider.answer = "404 Not Found"
        #expect(try world.run { world.isIn })
        #expect(world.failed == 2 && world.provider.requests.count == 3)
    }

    @Test func `a provider that takes the request and says nothing fails its probe in time`() throws {
        let world = try World()
        defer { world.finish() }
        world.provider.answer = nil
        world.prober.adopt([world.probe(interval: 200, timeout: 100)])
        #expect(try world.run { world.isOut })
        #expect(world.failed >= 2)
    }

    @Test func `nobody listening fails the probe`() throws {
        let world = try World()
        defer { world.finish() }
        var probe = world.probe(interval: 100)
        probe.url = "http://127.0.0.1:1/"
        world.prober.adopt([probe])
        #expect(try world.run { world.isOut })
    }

    @Test func `an address that may not be called is counted and ejects nobody`() throws {
        let world = try World()
        defer { world.finish() }
        var probe = world.probe()
        probe.egress = .publicOnly
        world.prober.adopt([probe])
        #expect(try world.run { world.failed >= 4 })
        #expect(world.isIn && world.provider.requests.isEmpty)
    }

    @Test func `a success does not take back what latency ejected`() throws {
        let world = try World()
        defer { world.finish() }
        world.own[0].eject(.latency, until: MonotonicTime(nanoseconds: .max))
        world.provider.answer = "500 Internal Server Error"
        world.prober.adopt([world.probe(interval: 100)])
        #expect(try world.run { world.own[1].reading(at: world.loop.now).ejection == .healthProbe })
        world.provider.answer = "200 OK"
        #expect(try world.run { world.own[1].reading(at: world.loop.now).ejection == nil })
        #expect(world.own[0].reading(at: world.loop.now).ejection == .latency)
    }

    @Test func `a probe that a reload removes stops, and its ejection ends`() throws {
        let world = try World()
        defer { world.finish() }
        world.provider.answer = "500 Internal Server Error"
        world.prober.adopt([world.probe(interval: 100)])
        #expect(try world.run { world.isOut })
        world.prober.adopt([])
        #expect(world.isIn && world.prober.underWay == 0)
        let (asked, failed) = (world.provider.requests.count, world.failed)
        var isOver = false
        let timer = try world.loop.makeTimer { isOver = true }
        defer { timer.close() }
        timer.start(afterMilliseconds: 300)
        #expect(try world.run { isOver })
        #expect(world.provider.requests.count == asked && world.failed == failed && world.isIn)
    }

    @Test func `a probe that a reload changes is sent anew, and one that it leaves alone is not`() throws {
        let world = try World()
        defer { world.finish() }
        let probe = world.probe(interval: 3_600_000)
        world.prober.adopt([probe])
        #expect(try world.run { world.provider.requests.count == 1 && world.prober.underWay == 0 })
        world.prober.adopt([probe])
        #expect(world.prober.underWay == 0)
        world.prober.adopt([world.probe(path: "/other", interval: 3_600_000)])
        #expect(try world.run { world.provider.requests.count == 2 })
        #expect(world.provider.requests.last?.hasPrefix("GET /other ") == true)
    }

    @Test func `nothing is opened when no probe is configured, and a closed prober is silent`() throws {
        let world = try World()
        defer { world.finish() }
        world.prober.adopt([])
        #expect(world.prober.underWay == 0)
        world.prober.adopt([world.probe()])
        world.prober.close()
        world.prober.adopt([world.probe()])
        for _ in 0..<5 { world.loop.runOnce(waiting: false) }
        #expect(world.provider.requests.isEmpty && world.failed == 0 && world.prober.underWay == 0)
    }
}
