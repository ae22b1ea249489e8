import EventLoop
import Foundation
import Glibc
import JSON
import Testing

@testable import DemoProvider

/// A demo provider and one client, both on the test's own thread: the loop turns while the client waits.
final class Session {
    let loop: EventLoop
    private let server: Server
    private(set) var descriptor: Int32 = -1

    init() throws {
        loop = try EventLoop()
        server = try Server(loop: loop, address: .anyLoopback)
        connect()
    }

    /// Another connection instead of the current one, which is closed.
    func connect() {
        leave()
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = server.boundAddress.port.bigEndian
        target.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        _ = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    func leave() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    func finish() {
        leave()
        server.close()
        loop.close()
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    func post(_ path: String, _ body: String, fields: String = "") {
        send("POST \(path) HTTP/1.1\r\nHost: demo\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
    }

    enum End: Equatable { case open, closed, reset }

    /// What arrives until it holds `text`, the connection ends, or ten seconds have passed.
    func receive(until text: String? = nil) throws -> (text: String, end: End) {
        let guardTimer = try loop.makeTimer {}
        defer { guardTimer.close() }
        guardTimer.start(afterMilliseconds: 10_000)
        // Turns must come while only the kernel has something to do.
        var tick: LoopTimer?
        tick = try loop.makeTimer { tick?.start(afterMilliseconds: 1) }
        tick?.start(afterMilliseconds: 0)
        defer {
            tick?.close()
            tick = nil
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while guardTimer.isRunning {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                received += buffer[..<count]
                let sofar = String(decoding: received, as: UTF8.self)
                if let text, sofar.contains(text) { return (sofar, .open) }
            } else if count == 0 || errno != EAGAIN {
                return (String(decoding: received, as: UTF8.self), count == 0 ? .closed : .reset)
            } else {
                loop.runOnce()
            }
        }
        return (String(decoding: received, as: UTF8.self), .open)
    }
}

@Suite struct ServerTests {
    private func chat(_ model: String, stream: Bool = false, _ text: String = "Hello") -> String {
        #"{"model":"\#(model)","stream":\#(stream),"messages":[{"role":"user","content":"\#(text)"}]}"#
    }

    @Test func `each fresh answer has its own id and a wanted identity makes two answers equal`() throws {
        let session = try Session()
        defer { session.finish() }
        session.post("/v1/chat/completions", chat("demo-chat"))
        #expect(try session.receive(until: "}\n").text.contains("chatcmpl-demo-1\""))
        session.post("/v1/chat/completions", chat("demo-chat"))
        #expect(try session.receive(until: "}\n").text.contains("chatcmpl-demo-2\""))
        session.post("/v1/chat/completions", chat("demo-chat"), fields: "X-Demo-Id: same\r\n")
        let first = try session.receive(until: "}\n").text
        session.post("/v1/chat/completions", chat("demo-chat"), fields: "X-Demo-Id: same\r\n")
        #expect(try session.receive(until: "}\n").text == first)
    }

    @Test func `pipelined requests are answered in order even when the first takes longer`() throws {
        let session = try Session()
        defer { session.finish() }
        let slow = chat("demo-slow-30ms")
        session.send(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: d\r\nContent-Length: \(slow.utf8.count)\r\n\r\n\(slow)GET /v1/models/last HTTP/1.1\r\nHost: d\r\n\r\n"
        )
        let text = try session.receive(until: "\"id\":\"last\"").text
        let first = try #require(text.range(of: "chatcmpl-demo-1"))
        let second = try #require(text.range(of: "\"id\":\"last\""))
        #expect(first.lowerBound < second.lowerBound)
    }

    @Test func `a held answer goes out when its name is released and later ones are not held`() throws {
        let session = try Session()
        defer { session.finish() }
        session.post("/v1/chat/completions", chat("demo-wait-gate"))
        session.send("GET /demo/waiting/gate HTTP/1.1\r\nHost: d\r\n\r\n")
        #expect(try session.isSilent())
        try session.release("gate")
        #expect(try session.receive(until: "\"waiting\":0").text.contains("You said: Hello"))
        session.post("/v1/chat/completions", chat("demo-wait-gate"))
        #expect(try session.receive(until: "}\n").text.contains("You said: Hello"))
    }

    @Test(arguments: ["demo-rst", "demo-rst-stream-0"])
    func `a reset is a reset and not an orderly end`(model: String) throws {
        let session = try Session()
        defer { session.finish() }
        session.post("/v1/chat/completions", chat(model, stream: true))
        #expect(try session.receive().end == .reset)
    }

    @Test func `a cut stream ends without its last chunk`() throws {
        let session = try Session()
        defer { session.finish() }
        session.post("/v1/chat/completions", chat("demo-cut-stream", stream: true))
        let (text, end) = try session.receive()
        #expect(end == .closed)
        #expect(text.components(of: "data: ") == 3 && !text.hasSuffix("0\r\n\r\n"))
    }

    @Test func `a client that leaves is counted as aborted`() throws {
        let session = try Session()
        defer { session.finish() }
        session.post("/v1/chat/completions", chat("demo-hang", stream: false, "gone"))
        #expect(try session.isSilent())
        session.connect()
        session.send("GET /demo/calls?contains=gone HTTP/1.1\r\nHost: d\r\n\r\n")
        #expect(try session.receive(until: "}}").text.contains(#""states":{"aborted":1}"#))
    }

    @Test func `bad requests get 400 and the connection survives those that are only JSON errors`() throws {
        let session = try Session()
        defer { session.finish() }
        session.post("/v1/messages", "{")
        #expect(try session.receive(until: "}}").text.contains(#"{"type":"error","error":{"type":"invalid_request_error""#))
        session.post("/v1/chat/completions", chat("demo-chat"))
        #expect(try session.receive(until: "}\n").text.hasPrefix("HTTP/1.1 200"))
        session.send("GET / HTTP/1.1\r\n\r\n")
        let (text, end) = try session.receive()
        #expect(text.hasPrefix("HTTP/1.1 400") && end != .open)
    }

    @Test func `what came in can be read back with its headers`() throws {
        let session = try Session()
        defer { session.finish() }
        session.post("/v1/chat/completions", chat("demo-chat"), fields: "Authorization: Bearer canary\r\n")
        _ = try session.receive(until: "}\n")
        session.send("GET /demo/requests?contains=canary HTTP/1.1\r\nHost: d\r\n\r\n")
        #expect(try session.receive(until: "]").text.contains(#"["authorization","Bearer canary"]"#))
    }

    @Test func `the body is gzip only when asked`() throws {
        let session = try Session()
        defer { session.finish() }
        session.post("/v1/chat/completions", chat("demo-chat"), fields: "Accept-Encoding: gzip;q=0, deflate\r\n")
        #expect(!(try session.receive(until: "}\n").text.contains("content-encoding")))
        session.post("/v1/chat/completions", chat("demo-chat"), fields: "Accept-Encoding: br, gzip\r\n")
        #expect(try session.receive(until: "\r\n\r\n").text.contains("content-encoding: gzip"))
    }
}

extension Session {
    /// Whether nothing comes for a while of the loop's own turns; the request is in by then.
    func isSilent() throws -> Bool {
        var isOver = false
        let timer = try loop.makeTimer { isOver = true }
        timer.start(afterMilliseconds: 20)
        while !isOver { loop.runOnce() }
        timer.close()
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK)) < 0
    }

    /// Releases a name over a connection of its own.
    func release(_ name: String) throws {
        let held = descriptor
        descriptor = -1
        connect()
        send("POST /demo/release/\(name) HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n")
        _ = try receive(until: "}")
        leave()
        descriptor = held
    }
}

extension String {
    /// How often a text occurs.
    func components(of text: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.range(of: text) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }
}
