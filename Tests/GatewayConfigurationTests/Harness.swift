import Foundation
import Testing

@testable import GatewayConfiguration

/// The repository's folder.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

/// Loads a configuration given as text, with the shipped providers beside it and further files by path.
func load(
    _ yaml: String, environment: [String: String] = [:], files: [String: String] = [:]
) throws(ConfigurationErrors) -> GatewayConfigurationSnapshot {
    try load(bytes: Array(yaml.utf8), environment: environment, files: files)
}

func load(
    bytes: [UInt8], environment: [String: String] = [:], files: [String: String] = [:]
) throws(ConfigurationErrors) -> GatewayConfigurationSnapshot {
    try ConfigurationLoader.load(path: "weir.yaml", environment: environment) { (path) throws(ConfigurationLoader.FileProblem) in
        if path == "weir.yaml" { return bytes }
        if let text = files[path] { return Array(text.utf8) }
        if path == "providers.yaml" { return shippedProviders }
        throw ConfigurationLoader.FileProblem(reason: "No such file or directory")
    }
}

/// `config/providers.yaml`, read once.
private let shippedProviders = (try? ConfigurationLoader.readFromDisk(repository + "/config/providers.yaml")) ?? []

/// Two providers, for tests that load hundreds of files and care about none of the shipped ones. `providers_file: few.yaml` names it.
let fewProviders = """
    providers:
      openai: {url: https://api.openai.com/v1, key_env: OPENAI_API_KEY}
      demo: {url: "http://127.0.0.1:8789/v1", allow_private: true, local: true}
    """

/// The lines with which a configuration is refused; empty when it is accepted.
func refusals(_ yaml: String, environment: [String: String] = [:], files: [String: String] = [:]) -> [String] {
    do {
        _ = try load(yaml, environment: environment, files: files)
        return []
    } catch {
        return error.description.split(separator: "\n").map(String.init)
    }
}
