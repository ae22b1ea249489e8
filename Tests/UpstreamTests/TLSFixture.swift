import EventLoop
import Foundation
import Upstream

/// A certificate authority and certificates made by the openssl command for one run of the tests, and servers that use them.
enum TLSFixture {
    /// Directory with `ca.pem`, `other-ca.pem` and `good|expired|wrong-name` `.pem` and `.key`; nil when openssl is missing.
    static let directory: String? = make()

    /// Where a command is installed; nil when it is not.
    static func find(_ command: String) -> String? {
        ["/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/opt/homebrew/bin/"].map { $0 + command }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }

    private static func make() -> String? {
        guard let openssl = find("openssl") else { return nil }
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("upstream-tls-" + UUID().uuidString).path
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        var commands = ["ca", "other-ca"].map { "req -x509 \(key) -keyout \($0).key -out \($0).pem -days 2 -subj /CN=\($0)" }
        for (name, host, days) in [("good", "localhost", 2), ("expired", "localhost", -1), ("wrong-name", "elsewhere.example", 2)] {
            commands.append("req \(key) -keyout \(name).key -out \(name).csr -subj /CN=\(host) -addext subjectAltName=DNS:\(host)")
            commands.append(
                "x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -days \(days) -copy_extensions copy -out \(name).pem")
        }
        for command in commands {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: openssl)
            process.arguments = command.split(separator: " ").map { String($0) }
            process.currentDirectoryURL = URL(fileURLWithPath: path)
            process.standardError = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            guard (try? process.run()) != nil else { return nil }
            process.waitUntilExit()
            guard process.terminationStatus == 0 else { return nil }
        }
        return path
    }
}

/// A server process, ended with the test.
final class ServerProcess {
    let port: UInt16
    private let process = Process()
    private let output: String
    private let input = Pipe()

    /// Starts `executable` with arguments made from the port, and waits until it listens.
    init(_ executable: String, in directory: String, _ arguments: (UInt16) -> [String]) throws {
        port = try Self.freePort()
        output = directory + "/out-\(port)"
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments(port)
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        process.standardInput = input
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        try waitUntilListening()
    }

    deinit { kill() }

    /// Ends the process without giving it a chance to say goodbye.
    func kill() {
        guard process.isRunning else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// What the process has printed.
    var printed: String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }

    private static func freePort() throws -> UInt16 {
        let loop = try EventLoop()
        defer { loop.close() }
        return try loop.listen(.anyLoopback) { _ in }.boundAddress.port
    }

    private func waitUntilListening() throws {
        // Looked up in the kernel's table, since a connection would be a first client.
        let needle = ":" + String(port, radix: 16, uppercase: true).leftPadded(to: 4) + " 00000000:0000 0A"
        for _ in 0..<2000 {
            if let table = try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8), table.contains(needle) { return }
            usleep(5000)
        }
        throw UpstreamFailure(.local, "the server process does not listen")
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String { String(repeating: "0", count: max(0, width - count)) + self }
}
