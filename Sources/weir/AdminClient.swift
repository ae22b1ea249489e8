// The commands' way to a running gateway: one blocking HTTP/1.1 request to its admin port on this machine.

import Foundation
import GatewayModel
import JSON

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// One request at a time, each on a connection of its own.
struct AdminClient {
    let host: String
    let port: UInt16
    let token: String

    /// What came back.
    struct Response {
        let status: Int
        let body: [UInt8]

        /// The body as JSON.
        func json() throws -> JSONValue {
            do {
                return try JSONValue(parsing: body.span)
            } catch {
                throw CommandError("The admin port answered something that is not JSON.", exitCode: .unavailable)
            }
        }
    }

    /// Sends a request and waits at most a minute for the answer.
    func send(_ method: String, _ path: String, body: JSONValue? = nil) throws -> Response {
        let descriptor = try connectSocket()
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var payload: [UInt8] = []
        body?.write(to: &payload)
        bytes.append(contentsOf: "\(method) \(path) HTTP/1.1\r\nhost: \(host):\(port)\r\nauthorization: Bearer \(token)\r\n".utf8)
        bytes.append(contentsOf: "connection: close\r\ncontent-type: application/json\r\ncontent-length: \(payload.count)\r\n\r\n".utf8)
        bytes.append(contentsOf: payload)
        try writeAll(bytes, to: descriptor)
        return try parse(try readAll(from: descriptor))
    }

    /// Sends a request and turns an error answer into an error.
    func call(_ method: String, _ path: String, body: JSONValue? = nil) throws -> JSONValue {
        let response = try send(method, path, body: body)
        guard response.status < 300 else { throw error(response) }
        return try response.json()
    }

    /// What an error answer says.
    func error(_ response: Response) -> CommandError {
        let message = (try? response.json())?["error"]?["message"]?.stringValue ?? "The admin port answered \(response.status)."
        return CommandError(message, exitCode: response.status == 404 ? .notFound : .refused)
    }

    /// Follows a stream of server-sent events until it ends or `body` throws. A gateway that says nothing for a minute, not even that it is there,
    /// is taken to be gone.
    func follow(_ path: String, _ body: (_ event: String, _ data: [UInt8]) throws -> Void) throws {
        let descriptor = try connectSocket()
        defer { close(descriptor) }
        // In HTTP/1.0 the stream comes as it is, without chunks around it.
        let head = "GET \(path) HTTP/1.0\r\nhost: \(host):\(port)\r\nauthorization: Bearer \(token)\r\naccept: text/event-stream\r\n\r\n"
        try writeAll(Array(head.utf8), to: descriptor)
        var lines = EventStreamReader()
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { throw CommandError("The gateway says nothing any more.", exitCode: .unavailable) }
            if count == 0 { break }
            try lines.take(buffer[..<count], body)
        }
        guard lines.status == 200 else {
            let message = (try? JSONValue(parsing: lines.rest.span))?["error"]?["message"]?.stringValue
            throw CommandError(message ?? "The admin port answered \(lines.status ?? 0).", exitCode: .refused)
        }
    }

    private func connectSocket() throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let first = list else {
            throw CommandError("The admin address \(host):\(port) can't be resolved.", exitCode: .unavailable)
        }
        defer { freeaddrinfo(list) }
        let descriptor = socket(first.pointee.ai_family, first.pointee.ai_socktype, 0)
        guard descriptor >= 0 else { throw CommandError("No socket: \(String(cString: strerror(errno))).", exitCode: .unavailable) }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            close(descriptor)
            throw CommandError("No gateway answers at \(host):\(port).", exitCode: .unavailable)
        }
        return descriptor
    }

    private func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws {
        var offset = 0
        while offset < bytes.count {
            let sent = bytes[offset...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard sent > 0 else { throw CommandError("The admin port closed the connection.", exitCode: .unavailable) }
            offset += sent
        }
    }

    private func readAll(from descriptor: Int32) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            guard count > 0 else { throw CommandError("No answer from the admin port in time.", exitCode: .unavailable) }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    private func parse(_ bytes: [UInt8]) throws -> Response {
        let separator = Array("\r\n\r\n".utf8)
        guard bytes.count > 12, let end = bytes.indices.first(where: { bytes[$0...].starts(with: separator) }),
            let status = Int(String(decoding: bytes[9..<12], as: UTF8.self))
        else { throw CommandError("The admin port did not answer in HTTP.", exitCode: .unavailable) }
        return Response(status: status, body: Array(bytes[(end + 4)...]))
    }
}
