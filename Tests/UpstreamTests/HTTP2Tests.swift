import EventLoop
import Foundation
import GatewayModel
import TestSupport
import Testing
import Upstream

@Suite(
    .enabled(if: TLSFixture.directory != nil, "the openssl command is not installed"),
    .enabled(if: TLSFixture.find("nghttpd") != nil, "nghttpd (nghttp2-server) is not installed"))
struct HTTP2Tests {
    let directory: String
    let server: ServerProcess
    let fixture: Fixture
    static let large = FlowTests.content(12 << 20)

    /// What the servers serve; written once, since the tests run side by side.
    static let areFilesWritten: Bool = {
        guard let directory = TLSFixture.directory else { return false }
        let files = FileManager.default
        return files.createFile(atPath: directory + "/small.txt", contents: Data("small".utf8))
            && files.createFile(atPath: directory + "/large.bin", contents: Data(large))
    }()

    init() throws {
        directory = try #require(TLSFixture.directory)
        let nghttpd = try #require(TLSFixture.find("nghttpd"))
        try #require(Self.areFilesWritten)
        server = try ServerProcess(nghttpd, in: directory) { port in
            ["-a", "127.0.0.1", "-d", ".", "--echo-upload", String(port), "good.key", "good.pem"]
        }
        var options = UpstreamOptions()
        options.authoritiesFile = directory + "/ca.pem"
        fixture = try Fixture(options: options)
    }

    private func get(_ path: String) -> UpstreamRequest {
        UpstreamRequest(method: "GET", url: "https://localhost:\(server.port)/\(path)", egress: local)
    }

    @Test func `transfers share one connection, and each gets its own answer`() throws {
        defer { fixture.finish() }
        let collectors = try (0..<20).map { _ in
            let collector = Collector()
            try fixture.start(get("small.txt"), collector)
            return collector
        }
        #expect(try run(fixture.loop, until: { collectors.allSatisfy { $0.isDone } }))
        for collector in collectors {
            #expect(collector.text == "small" && collector.head?.version == .http2 && collector.head?.status == 200)
        }
        let next = Collector()
        let transfer = try fixture.start(get("small.txt"), next)
        #expect(try run(fixture.loop, until: { next.isDone }))
        #expect(transfer.isReusedConnection)
    }

    @Test func `HTTP 1-1 is spoken where HTTP 2 is not allowed`() throws {
        defer { fixture.finish() }
        var request = get("small.txt")
        request.allowsHTTP2 = false
        // nghttpd speaks nothing else, so that the failure shows what was offered.
        #expect(try fixture.fetch(request).head?.version != .http2)
    }

    @Test(arguments: [nil, UInt64(3_000_000)])
    func `an upload goes up whole and its echo comes back`(length: UInt64?) throws {
        defer { fixture.finish() }
        let content = Array(Self.large.prefix(3_000_000))
        var request = get("echo")
        request.method = "POST"
        request.body = .streamed(length: length)
        let collector = Collector()
        var offset = 0
        collector.onReady = { transfer in
            let piece = Array(content[offset..<min(offset + 50_000, content.count)])
            offset += piece.count
            transfer.send(piece.span)
            if offset == content.count { transfer.finishBody() }
        }
        try fixture.start(request, collector)
        #expect(try run(fixture.loop, until: { collector.isDone }))
        #expect(collector.completions == 1 && collector.body == content, "\(String(describing: collector.failure))")
    }

    @Test func `a whole body goes up as well`() throws {
        defer { fixture.finish() }
        for size in [0, 10, 60_000, 500_000] {
            var request = get("echo")
            request.method = "POST"
            request.body = .bytes(Array(Self.large.prefix(size)))
            let seen = try fixture.fetch(request)
            #expect(seen.completions == 1 && seen.body == Array(Self.large.prefix(size)), "\(size) \(String(describing: seen.failure))")
        }
    }

    @Test func `a paused stream loses nothing`() throws {
        defer { fixture.finish() }
        var random = SplitMix64(seed: 1)
        let collector = Collector()
        collector.onBody = { transfer, _ in if Int.random(in: 0..<20, using: &random) == 0 { transfer.pause() } }
        let transfer = try fixture.start(get("large.bin"), collector)
        #expect(
            try run(fixture.loop) {
                if transfer.isPaused { transfer.resume() }
                return collector.isDone
            })
        #expect(collector.completions == 1 && collector.body == Self.large, "\(String(describing: collector.failure))")
    }

    @Test func `a paused stream does not hold up the others`() throws {
        defer { fixture.finish() }
        let slow = Collector()
        slow.onBody = { transfer, _ in transfer.pause() }
        let paused = try fixture.start(get("large.bin"), slow)
        #expect(try run(fixture.loop, until: { paused.isPaused }))
        try run(fixture.loop, milliseconds: 100)
        let quick = (0..<5).map { _ in Collector() }
        for collector in quick { try fixture.start(get("small.txt"), collector) }
        #expect(try run(fixture.loop, until: { quick.allSatisfy { $0.isDone } }))
        #expect(quick.allSatisfy { $0.text == "small" })
        #expect(fixture.transfers.dropFirst().allSatisfy { $0.isReusedConnection })
        slow.onBody = nil
        paused.resume()
        #expect(try run(fixture.loop, until: { slow.isDone }))
        #expect(slow.body == Self.large)
    }

    @Test func `a cancelled stream leaves the others on its connection alone`() throws {
        defer { fixture.finish() }
        let first = Collector()
        let second = Collector()
        let cancelled = try fixture.start(get("large.bin"), first)
        first.onBody = { transfer, _ in transfer.cancel() }
        try fixture.start(get("large.bin"), second)
        #expect(try run(fixture.loop, until: { cancelled.isFinished && second.isDone }))
        #expect(!first.isDone && second.completions == 1 && second.body == Self.large, "\(String(describing: second.failure))")
    }

    @Test func `a connection that dies under its streams fails them all`() throws {
        defer { fixture.finish() }
        let collectors = [Collector(), Collector(), Collector()]
        for collector in collectors {
            collector.onBody = { transfer, _ in transfer.pause() }
            try fixture.start(get("large.bin"), collector)
        }
        #expect(try run(fixture.loop, until: { !collectors[0].body.isEmpty }))
        server.kill()
        for collector in collectors { collector.onBody = nil }
        #expect(
            try run(fixture.loop) {
                fixture.transfers.forEach { $0.resume() }
                return collectors.allSatisfy { $0.isDone }
            })
        #expect(collectors.allSatisfy { $0.completions == 0 })
    }
}
