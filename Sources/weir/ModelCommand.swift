import ArgumentParser
import Embedding
import Foundation
import JSON

/// `weir model …`
struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "Installs and inspects the embedding models of the semantic cache.",
        discussion: """
            Models are packed files in the folder models of the data directory. Without them the semantic cache is off, and everything else \
            works.
            """,
        subcommands: [
            ModelInstallCommand.self, ModelListCommand.self, ModelVerifyCommand.self, ModelBenchCommand.self, ModelEmbedCommand.self,
        ])
}

/// Where the models are.
struct ModelOptions: ParsableArguments {
    @OptionGroup var common: CommonOptions

    @Option(name: .long, help: "The folder of models; semantic.models_directory, or models in the data directory, when not given.")
    var directory: String?

    /// The models in force.
    func store() throws -> ModelStore { ModelStore(folder: try directory ?? common.modelsFolder()) }
}

/// Words for models.
enum ModelWords {
    /// A precision by its name.
    static func precision(_ text: String?) throws -> ModelPrecision? {
        switch text {
        case nil: nil
        case "fp32": .float
        case "int8": .int8
        case .some(let other): throw CommandError("--precision: \(other) is neither fp32 nor int8", exitCode: .usage)
        }
    }

    /// A known model by its name.
    static func model(_ name: String) throws -> KnownModel {
        if let model = KnownModel.all.first(where: { $0.name == name }) { return model }
        let names = KnownModel.all.map(\.name).joined(separator: ", ")
        throw CommandError("There is no model \(name). Known are: \(names).", exitCode: .notFound)
    }

    /// Megabytes, for people.
    static func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }

    /// How a failure ends the command.
    static func failure(_ error: EmbeddingModelError) -> CommandError {
        switch error {
        case .notFound: CommandError(error.description, exitCode: .notFound)
        case .wrongSource, .unsuitableSource, .wrongModel: CommandError(error.description, exitCode: .refused)
        default: CommandError(error.description)
        }
    }

    static func json(_ entry: ModelStore.Entry, checked: Bool) -> JSONValue {
        var object = JSONObject()
        object["file"] = .string(entry.fileName)
        switch entry.result {
        case .success(let info):
            object["state"] = .string(checked ? "ok" : "present")
            object["name"] = .string(info.name)
            object["role"] = .string(info.role.name)
            object["precision"] = .string(info.precision.name)
            object["dimensions"] = .number(info.dimensions)
            object["tokens_max"] = .number(info.positions)
            object["vocabulary"] = .number(info.tokens)
            object["bytes"] = .number(info.bytes)
            object["source_sha256"] = .string(info.source.hex)
            object["identity"] = .string(info.identity)
        case .failure(let error):
            object["state"] = .string(error.name)
            object["error"] = .string(error.description)
        }
        return .object(object)
    }

    static func table(_ entries: [ModelStore.Entry], checked: Bool) -> String {
        var table = Table(["MODEL", "ROLE", "PRECISION", "DIMENSIONS", "SIZE", "STATE", "FILE"])
        for entry in entries {
            switch entry.result {
            case .success(let info):
                table.add([
                    info.name, info.role.name, info.precision.name, String(info.dimensions), megabytes(info.bytes),
                    checked ? "ok" : "present", entry.fileName,
                ])
            case .failure(let error): table.add(["-", "-", "-", "-", "-", error.name, entry.fileName])
            }
        }
        return table.text
    }
}

/// `weir model list`
struct ModelListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the installed models, and those that could be.")
    @OptionGroup var options: ModelOptions
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        let store = try options.store()
        let entries = store.list()
        let absent = KnownModel.all.filter { model in
            !model.precisions.contains { precision in entries.contains { $0.fileName == model.fileName(precision) } }
        }
        if json {
            let known = absent.map { JSONValue.string($0.name) }
            return Output.result(
                jsonText([
                    "folder": .string(store.folder), "models": .array(entries.map { ModelWords.json($0, checked: false) }),
                    "not_installed": .array(known),
                ]))
        }
        Output.result(entries.isEmpty ? "No models in \(store.folder)." : ModelWords.table(entries, checked: false))
        for model in absent {
            Output.note("\(model.name) (\(model.role.name), \(model.licence)) is not installed; weir model install fetches it.")
        }
    }
}

/// `weir model verify`
struct ModelVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Reads every installed model whole and checks its checksums.",
        discussion: "Fails if a model is damaged, or if there is none.")
    @OptionGroup var options: ModelOptions
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        let store = try options.store()
        let entries = store.list(verifying: true)
        if json {
            Output.result(
                jsonText(["folder": .string(store.folder), "models": .array(entries.map { ModelWords.json($0, checked: true) })]))
        } else if !entries.isEmpty {
            Output.result(ModelWords.table(entries, checked: true))
        }
        if entries.isEmpty { throw CommandError("No models in \(store.folder); weir model install fetches them.", exitCode: .notFound) }
        let errors = entries.compactMap { if case .failure(let error) = $0.result { error } else { nil } }
        guard errors.isEmpty else { throw CommandError(errors.map(\.description).joined(separator: "\n")) }
    }
}
