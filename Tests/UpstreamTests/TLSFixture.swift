import EventLoop
import Foundation
import Upstream

/// A certificate authority and certificates made by the openssl command for one run of the tests, and servers that use them.
enum TLSFixture {
    /// Directory with `ca.pem`, `other-ca.pem` and `good|expired|wrong-name` `.pem` and `.key`; nil when openssl is missing.
    static let directory: String? = make()

    /// Where a command is installed; nil when it is not.
    static func find(_ command: String) -> String? {
        ["/usr/bin/", "/usr/sbin/", "/usr/local/bin/"].map { $0 + command }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }

    private static func make() -> String? {
        guard let openssl = find("openssl") else { return nil }
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("upstream-tls-" + UUID().uuidString).path
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        atexit { if let directory = TLSFixture.directory { try? FileManager.default.removeItem(atPath: directory) } }
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
        for _ in 0..<1000 {
            if isListening() { return }
            usleep(5000)
        }
        throw UpstreamFailure(.local, "the server process does not listen")
    }

    private func isListening() -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
