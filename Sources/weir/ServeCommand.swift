import Admin
import ArgumentParser
import EventLoop
import ExactCache
import Foundation
import GatewayConfiguration
import GatewayModel
import GatewayServer
import Hashing
import Logging
import Storage
import Tenants

/// `weir serve`: the gateway.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves clients on the data port and operators on the admin port.",
        discussion: """
            SIGTERM or SIGINT drains: readiness turns false at once, what is under way may finish until drain.deadline, a second signal cuts it.
            SIGHUP reads the configuration again; a wrong one is refused and the old one keeps serving.
            """)

    @OptionGroup var common: CommonOptions

    func run() throws {
        let configuration = try common.load()
        let folder = common.folder(configuration)
        ProcessLimits.ignoreBrokenPipes()
        ProcessLimits.forbidCoreDumps()
        let openFiles = Int(clamping: ProcessLimits.raiseOpenFileLimit())
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandError("The data folder \(folder) can't be made: \(error.localizedDescription)", exitCode: .store)
        }
        let sink = LogSink(format: configuration.log.format == .json ? .json : .text, level: configuration.log.level.loggerLevel)
        defer { sink.close() }
        let logger = Logger(label: "weir") { sink.handler(label: $0) }
        try serve(configuration, folder: folder, openFiles: openFiles, logger: logger, sink: sink)
    }

    private func serve(
        _ configuration: GatewayConfigurationSnapshot, folder: String, openFiles: Int, logger: Logger, sink: LogSink
    ) throws {
        let loop = try EventLoop()
        let control: ControlPlane
        do {
            let common = self.common
            control = try ControlPlane(
                loop: loop, configuration: configuration,
                options: ControlPlane.Options(
                    dataDirectory: folder,
                    loadConfiguration: { () throws(ConfigurationErrors) in
                        try ConfigurationLoader.load(path: common.config, environment: ProcessInfo.processInfo.environment)
                    }, storeChecker: Self.storeChecker, version: Version.number, logger: logger, openFilesMax: openFiles,
                    droppedLogLines: { sink.dropped },
                    didReload: { sink.level = $0.log.level.loggerLevel }))
        } catch {
            throw CommandError(error.message, exitCode: error.code == .inUse ? .unavailable : .store)
        }
        if configuration.demo.isEnabled { try makeDemoKey(control, configuration, folder) }
        let admin = try makeAdmin(control, configuration, folder)
        do {
            let address = try admin.listen(try socketAddress(configuration.admin.listen))
            AdminPortFile.write(address.port, in: folder)
            try control.start()
            logger.notice(
                "Ready",
                metadata: [
                    "data": "\(control.dataAddress)", "admin": "\(address)", "version": "\(Version.number)", "commit": "\(Version.commit)",
                ])
        } catch let error as LoopError {
            control.close()
            throw CommandError(
                "The gateway can't listen on \(configuration.listen) and \(configuration.admin.listen): \(error)."
                    + (error.isAddressInUse ? " Is another one running there?" : ""),
                exitCode: .unavailable)
        }
        try installSignals(loop, control, admin, logger)
        control.becomeReady()
        loop.run()
        admin.close()
        control.close()
        loop.close()
        logger.notice("Stopped")
    }

    /// A tenant and a key to try the gateway with, made on first start; the key's file outlives restarts.
    private func makeDemoKey(_ control: ControlPlane, _ configuration: GatewayConfigurationSnapshot, _ folder: String) throws {
        let path = folder + "/demo.key"
        do {
            let tenant = configuration.demo.tenant
            let exists = control.keyStore.keys.contains { $0.tenant == tenant && $0.revoked == nil }
            if try PrivateFile.read(path) != nil, exists { return }
            let issued = try control.keyStore.createKey(tenant: tenant, label: "demo", makesTenant: true, now: .now())
            try PrivateFile.create(path, Array(issued.revealSecret().utf8) + [0x0A], replacing: true)
            control.publishKeys {}
        } catch let error as KeyStoreError {
            throw CommandError(error.message, exitCode: .store)
        } catch let error as PrivateFileError {
            throw CommandError(error.description, exitCode: .store)
        }
    }

    private func socketAddress(_ address: ListenAddress) throws -> SocketAddress {
        guard let socket = SocketAddress(address.description) else {
            throw CommandError("\(address) is not an address to listen on.", exitCode: .configuration)
        }
        return socket
    }

    private func makeAdmin(_ control: ControlPlane, _ configuration: GatewayConfigurationSnapshot, _ folder: String) throws -> AdminServer {
        let admin = try configuration.admin.secret.map { Array($0.reveal().utf8) } ?? Self.token(folder + "/" + TokenFiles.adminName)
        let read = try configuration.admin.readSecret.map { Array($0.reveal().utf8) } ?? Self.token(folder + "/" + TokenFiles.readName)
        do {
            return try AdminServer(
                control: control, adminToken: admin, readToken: read, hosts: configuration.admin.hosts,
                version: (Version.number, Version.commit))
        } catch {
            throw CommandError(error.description, exitCode: .configuration)
        }
    }

    /// The token in a file, made at random on first start.
    private static func token(_ path: String) throws -> [UInt8] {
        do {
            if let bytes = try PrivateFile.read(path) {
                return Array(String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines).utf8)
            }
            let token = Array(try SecureRandom.bytes(32).map { String(format: "%02x", $0) }.joined().utf8)
            try PrivateFile.create(path, token + [0x0A])
            return token
        } catch let error as PrivateFileError {
            throw CommandError(error.description, exitCode: .store)
        }
    }

    /// Looks at a suspect store in a child process: a damaged file kills the child, not the gateway.
    private static let storeChecker: @Sendable (String) -> StoreVerdict = { path in
        let kind = path.hasSuffix("/" + KeyStore.folderName) ? "keys" : path.hasSuffix("/ring") ? "ring" : "cache"
        return ChildProcessCheck(executable: "/proc/self/exe") { ["store", "check", kind, "--quick", "--path", $0] }.run(path: path)
    }

    private func installSignals(_ loop: EventLoop, _ control: ControlPlane, _ admin: AdminServer, _ logger: Logger) throws {
        for number in [SIGTERM, SIGINT] {
            _ = try loop.onSignal(number) { control.drain { loop.stop() } }
        }
        _ = try loop.onSignal(SIGHUP) {
            control.reload { result in
                if case .success(let lines) = result {
                    for line in lines { logger.warning("A change takes a restart", metadata: ["field": "\(line)"]) }
                }
            }
        }
    }
}

extension LogSettings.Level {
    /// swift-log's level of that name.
    fileprivate var loggerLevel: Logger.Level { Logger.Level(rawValue: rawValue) ?? .info }
}
