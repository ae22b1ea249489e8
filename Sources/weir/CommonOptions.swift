import ArgumentParser
import Foundation
import GatewayConfiguration
import GatewayModel
import JSON
import Storage
import Tenants

/// Where the configuration and the data are.
struct CommonOptions: ParsableArguments {
    @Option(name: .long, help: "The configuration file.")
    var config = "config/weir.yaml"

    @Option(name: .long, help: "The folder of stores, keys and tokens; the configuration's data_directory when not given.")
    var dataDirectory: String?

    /// Reads the configuration. Every error is told, one line each, with file, line and field.
    func load() throws -> GatewayConfigurationSnapshot {
        do {
            return try ConfigurationLoader.load(path: config, environment: ProcessInfo.processInfo.environment)
        } catch {
            throw CommandError(error.description, exitCode: .configuration)
        }
    }

    /// The data folder in force.
    func folder(_ configuration: GatewayConfigurationSnapshot) -> String { dataDirectory ?? configuration.dataDirectory }

    /// Where the gateway looks for models. With a data directory, and no configuration where it would be, nothing else is asked.
    func modelsFolder() throws -> String {
        if let dataDirectory, !FileManager.default.fileExists(atPath: config) { return dataDirectory + "/models" }
        let configuration = try load()
        return configuration.semantic.modelsDirectory ?? folder(configuration) + "/models"
    }
}

/// A command's way to what it works on: the running gateway, or the store.
enum Target {
    case gateway(AdminClient)
    case store(KeyStore)

    /// The running gateway of this data folder where there is one: whoever holds the key store's lock. Otherwise the store itself.
    static func open(_ options: CommonOptions) throws -> Target {
        let configuration = try options.load()
        let folder = options.folder(configuration)
        try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        do {
            return .store(try KeyStore.open(dataDirectory: folder))
        } catch {
            if error.code == .inUse { return .gateway(try client(configuration, folder)) }
            throw CommandError(error.message, exitCode: .store)
        }
    }

    /// The client of the gateway that runs here, for what only a running one can tell.
    static func client(_ options: CommonOptions) throws -> AdminClient {
        let configuration = try options.load()
        return try client(configuration, options.folder(configuration))
    }

    /// The client of the gateway that runs on a data folder.
    static func client(_ configuration: GatewayConfigurationSnapshot, _ folder: String) throws -> AdminClient {
        let token: String
        if let secret = configuration.admin.secret {
            token = secret.reveal()
        } else {
            do {
                guard let bytes = try PrivateFile.read(folder + "/" + TokenFiles.adminName) else {
                    throw CommandError(
                        "There is no \(folder)/\(TokenFiles.adminName); is a gateway running on this folder?", exitCode: .unavailable)
                }
                token = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            } catch let error as PrivateFileError {
                throw CommandError(error.description, exitCode: .unavailable)
            }
        }
        let address = configuration.admin.listen.address.description
        let host = address == "0.0.0.0" ? "127.0.0.1" : address == "::" ? "::1" : address
        return AdminClient(host: host, port: AdminPortFile.port(in: folder) ?? configuration.admin.listen.port, token: token)
    }
}

/// The port the admin listener got, for configurations that ask for port 0.
enum AdminPortFile {
    static let name = "admin.port"

    static func port(in folder: String) -> UInt16? {
        guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)) else { return nil }
        return UInt16(String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    static func write(_ port: UInt16, in folder: String) {
        // Without the file the commands use the configuration's port, so a failure is no reason to stop.
        try? PrivateFile.create(folder + "/" + name, Array("\(port)\n".utf8), replacing: true)
    }
}

/// The admin port's tokens: random, 0600, made on first start.
enum TokenFiles {
    static let adminName = "admin.token"
    static let readName = "read.token"
}

/// Percent-encodes one path segment or query value.
func encoded(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~"))) ?? text
}

/// JSON for scripts: sorted as given, one line.
func jsonText(_ value: JSONValue) -> String {
    var bytes: [UInt8] = []
    value.write(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
}

/// Comma-separated options.
enum Lists {
    /// The entries as the admin API takes them. An empty text is refused: a script's unset variable must not mean "everything".
    static func json(_ text: String, of name: String) throws -> JSONValue {
        do {
            return .array(try KeyOptions.list(text).map { .string($0) })
        } catch {
            throw CommandError("--\(name.replacingOccurrences(of: "_", with: "-")): \(error)", exitCode: .usage)
        }
    }
}
