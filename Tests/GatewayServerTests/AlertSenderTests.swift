import EventLoop
import GatewayModel
import Logging
import Synchronization
import Testing
import Upstream

@testable import GatewayServer

@Suite struct `Alert sender` {
    /// Keeps log lines.
    private final class Lines: Sendable {
        private let kept = Mutex<[String]>([])
        var all: [String] { kept.withLock { $0 } }
        func add(_ line: String) { kept.withLock { $0.append(line) } }

        struct Handler: LogHandler {
            let lines: Lines
            var logLevel = Logger.Level.trace
            var metadata = Logger.Metadata()
            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { metadata[key] }
                set { metadata[key] = newValue }
            }
            func log(event: LogEvent) { lines.add("\(event.message) \(event.metadata ?? [:])") }
        }
    }

    /// A webhook on the test's own loop that gives one answer after the other, the last one for ever.
    private final class Webhook: ConnectionDelegate {
        var answers: [String]
        var requests: [String] = []
        private var buffers: [ObjectIdentifier: String] = [:]
        private var listener: Listener?
        var port: UInt16 { listener?.boundAddress.port ?? 0 }

        init(_ loop: EventLoop, _ answers: [String]) throws {
            self.answers = answers
            listener = try loop.listen(.anyLoopback) { [unowned self] in $0.start(delegate: self) }
        }

        func connection(_ connection: Connection, received bytes: Span<UInt8>) {
            let text = bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
            let request = (buffers[ObjectIdentifier(connection)] ?? "") + text
            guard request.hasSuffix("}") else { return buffers[ObjectIdentifier(connection)] = request }
            buffers[ObjectIdentifier(connection)] = nil
            requests.append(request)
            let answer = answers.count > 1 ? answers.removeFirst() : answers[0]
            let reply = Array("HTTP/1.1 \(answer)\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n".utf8)
            connection.write(reply.span)
        }

        func connectionReceivedEnd(_ connection: Connection) { connection.close() }
        func connectionDrained(_ connection: Connection) {}
        func connectionClosed(_ connection: Connection, error: LoopError?) {}
    }

    private final class World {
        let loop: EventLoop
        let webhook: Webhook
        let counters = CounterBlock()
        let lines = Lines()
        let sender: AlertSender

        init(_ answers: [String], alertsMax: Int = 100, policy: @escaping (String) -> EgressPolicy = World.alertPolicy) throws {
            ProcessLimits.ignoreBrokenPipes()
            loop = try EventLoop()
            webhook = try Webhook(loop, answers)
            var limits = AlertQueue.Limits()
            limits.alertsMax = alertsMax
            limits.pausesMilliseconds = [10, 20]
            let lines = lines
            let logger = Logger(label: "test") { _ in Lines.Handler(lines: lines) }
            sender = AlertSender(loop: loop, logger: logger, counters: counters, limits: limits, policy: policy)
        }

        static func alertPolicy(_ url: String) -> EgressPolicy { .make(alertURL: url, privateHosts: [], privateRanges: []) }

        var url: String { "http://127.0.0.1:\(webhook.port)/hook/secret-path?token=secret-query" }
        var sent: UInt64 { counters.value(of: .alertsSent) }
        var failed: UInt64 { counters.value(of: .alertsFailed) }

        /// Runs until no alert is pending.
        /// - Returns: false when some still were after ten seconds.
        func settle() throws -> Bool {
            var isLate = false
            let late = try loop.makeTimer { isLate = true }
            late.start(afterMilliseconds: 10_000)
            // What ends before the loop waits for events is seen at the next tick.
            var tick: LoopTimer?
            tick = try loop.makeTimer { tick?.start(afterMilliseconds: 1) }
            tick?.start(afterMilliseconds: 0)
            defer {
                late.close()
                tick?.close()
                tick = nil
            }
            while sender.pending > 0, !isLate { loop.runOnce() }
            return sender.pending == 0
        }

        func finish() {
            sender.close()
            loop.close()
        }
    }

    private let body = Array("{\"budget\":\"b\"}".utf8)

    @Test func `an alert arrives as JSON with its bearer`() throws {
        let world = try World(["204 No Content"])
        defer { world.finish() }
        world.sender.send(body, to: world.url, bearer: "secret-bearer")
        #expect(try world.settle())
        let request = try #require(world.webhook.requests.first)
        #expect(
            request.hasPrefix("POST /hook/secret-path?token=secret-query HTTP/1.1\r\n") && request.hasSuffix("\r\n\r\n{\"budget\":\"b\"}"))
        #expect(request.contains("Content-Type: application/json\r\n") && request.contains("Authorization: Bearer secret-bearer\r\n"))
        #expect(world.sent == 1 && world.failed == 0 && world.webhook.requests.count == 1)
    }

    @Test(arguments: ["500 Internal Server Error", "429 Too Many Requests"])
    func `a webhook that fails twice is asked a third time`(answer: String) throws {
        let world = try World([answer, answer, "200 OK"])
        defer { world.finish() }
        world.sender.send(body, to: world.url, bearer: nil)
        #expect(try world.settle())
        #expect(world.webhook.requests.count == 3 && world.sent == 1 && world.failed == 0)
    }

    @Test func `a webhook that always fails is given up after three tries, and no secret is logged`() throws {
        let world = try World(["503 Service Unavailable"])
        defer { world.finish() }
        world.sender.send(body, to: world.url, bearer: "secret-bearer")
        #expect(try world.settle())
        #expect(world.webhook.requests.count == 3 && world.sent == 0 && world.failed == 1)
        let log = world.lines.all.joined(separator: "\n")
        #expect(world.lines.all.count == 3 && log.contains("status 503") && log.contains("http://127.0.0.1:\(world.webhook.port)"))
        #expect(!log.contains("secret") && !log.contains("budget\""))
    }

    @Test(arguments: ["302 Found", "308 Permanent Redirect", "404 Not Found"])
    func `a redirect is not followed and a refusal is not repeated`(answer: String) throws {
        let world = try World([answer])
        defer { world.finish() }
        world.sender.send(body, to: world.url, bearer: nil)
        #expect(try world.settle())
        #expect(world.webhook.requests.count == 1 && world.failed == 1)
    }

    @Test func `nobody listening is tried three times`() throws {
        let world = try World(["200 OK"])
        defer { world.finish() }
        world.sender.send(body, to: "http://127.0.0.1:1/", bearer: nil)
        #expect(try world.settle())
        #expect(world.failed == 1 && world.lines.all.count == 3)
    }

    @Test(arguments: [
        "http://example.com/secret", "https://10.0.0.1/secret", "https://user:secret@example.com/", "https://169.254.169.254/secret",
        "ftp://x/secret", "",
    ])
    func `a URL that may not be called fails at once`(url: String) throws {
        let world = try World(["200 OK"])
        defer { world.finish() }
        world.sender.send(body, to: url, bearer: nil)
        #expect(try world.settle())
        #expect(world.failed == 1 && world.lines.all.count == 1 && !world.lines.all[0].contains("secret"))
    }

    @Test func `a bearer that would split the request is not sent`() throws {
        let world = try World(["200 OK"])
        defer { world.finish() }
        world.sender.send(body, to: world.url, bearer: "secret\r\nX-Evil: 1")
        #expect(try world.settle())
        #expect(world.webhook.requests.isEmpty && world.failed == 1 && !world.lines.all[0].contains("secret"))
    }

    @Test func `a burst beyond the queue drops the oldest that wait and counts them`() throws {
        let world = try World(["200 OK"], alertsMax: 6)
        defer { world.finish() }
        for index in 0..<9 { world.sender.send(Array("{\"n\":\(index)}".utf8), to: world.url, bearer: nil) }
        #expect(world.sender.pending == 6)
        #expect(try world.settle())
        #expect(world.sent == 6 && world.failed == 3)
        let arrived = world.webhook.requests.compactMap { $0.split(separator: "{").last.map(String.init) }.sorted()
        #expect(arrived == [0, 1, 2, 3, 7, 8].map { "\"n\":\($0)}" })
    }

    @Test func `a closed sender is silent`() throws {
        let world = try World(["200 OK"])
        defer { world.finish() }
        world.sender.send(body, to: world.url, bearer: nil)
        world.sender.close()
        world.sender.send(body, to: world.url, bearer: nil)
        for _ in 0..<5 { world.loop.runOnce(waiting: false) }
        #expect(world.sent == 0 && world.failed == 0 && world.lines.all.isEmpty)
    }

    @Test(arguments: [
        ("https://hooks.example.com/x", false, false), ("http://hooks.example.com/x", false, false), ("http://127.0.0.1:9/x", true, true),
        ("https://127.0.0.1/x", false, true), ("http://localhost:9/", true, true), ("http://[::1]:9/", true, true),
        ("http://localhost.example.com/", false, false), ("http://127.0.0.1.example.com/", false, false),
        ("http://10.0.0.1/", false, false),
        ("http://127.0.0.1@example.com/", false, false),
    ])
    func `plain HTTP and loopback are for URLs that name loopback`(url: String, plain: Bool, loopback: Bool) throws {
        let policy = World.alertPolicy(url)
        #expect(policy.allowsPlainHTTP == plain && policy.permits(IPAddress(ipv4: 0x7F00_0001)) == loopback)
        #expect(!policy.permits(IPAddress(ipv4: 0x0A00_0001)) && !policy.permits(IPAddress(ipv4: 0xA9FE_A9FE)))
        #expect(policy.permits(IPAddress(ipv4: 0x0808_0808)))
    }

    @Test func `hosts and addresses that the operator lists are allowed`() throws {
        let range = try #require(AddressRange("10.1.0.0/16"))
        let named = EgressPolicy.make(alertURL: "https://hooks.internal/x", privateHosts: ["hooks.internal"], privateRanges: [range])
        #expect(named.permits(IPAddress(ipv4: 0xC0A8_0001)) && !named.allowsPlainHTTP)
        let other = EgressPolicy.make(alertURL: "https://other.internal/x", privateHosts: ["hooks.internal"], privateRanges: [range])
        #expect(!other.permits(IPAddress(ipv4: 0xC0A8_0001)) && other.permits(IPAddress(ipv4: 0x0A01_0001)))
    }
}
