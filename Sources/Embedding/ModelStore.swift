import Glibc

/// A folder of packed models.
public struct ModelStore: Sendable {
    /// One file of the folder.
    public struct Entry: Sendable {
        /// Its name in the folder.
        public var fileName: String
        /// What it is, or why it can't be used.
        public var result: Result<ModelInfo, EmbeddingModelError>
    }

    /// The folder.
    public let folder: String

    /// Names a folder; it need not exist.
    public init(folder: String) { self.folder = folder }

    /// The path of a known model.
    public func path(_ model: KnownModel, _ precision: ModelPrecision) -> String { folder + "/" + model.fileName(precision) }

    /// The packed files by name, their headers checked. `verifying` reads each whole for its checksum.
    public func list(verifying: Bool = false) -> [Entry] {
        names().map { name in Entry(fileName: name, result: info(name, verifying)) }
    }

    private func info(_ name: String, _ verifying: Bool) -> Result<ModelInfo, EmbeddingModelError> {
        do throws(EmbeddingModelError) {
            let file = try PackedModel(path: folder + "/" + name, verifying: verifying)
            _ = try file.tokenizer()
            return .success(file.info)
        } catch {
            return .failure(error)
        }
    }

    /// Whether a known model is there, whole and packed from the known source.
    public func has(_ model: KnownModel, _ precision: ModelPrecision) -> Bool {
        guard case .success(let info) = info(model.fileName(precision), true) else { return false }
        return info.source == model.source && info.name == model.name && info.precision == precision
    }

    /// Opens the gate.
    public func openGate(verifying: Bool = true) throws(EmbeddingModelError) -> GateModel {
        try GateModel(path: path(.potion, .int8), verifying: verifying)
    }

    /// Opens the sentence model.
    /// - Parameter precision: which one; `nil` takes fp32 where it is installed, else int8.
    public func openSentence(
        precision: ModelPrecision? = nil, verifying: Bool = true, level: KernelLevel = .best
    ) throws(EmbeddingModelError) -> SentenceModel {
        if let precision { return try SentenceModel(path: path(.miniLM, precision), verifying: verifying, level: level) }
        do throws(EmbeddingModelError) {
            return try SentenceModel(path: path(.miniLM, .float), verifying: verifying, level: level)
        } catch {
            guard case .notFound = error else { throw error }
            guard access(path(.miniLM, .int8), F_OK) == 0 else { throw error }
            return try SentenceModel(path: path(.miniLM, .int8), verifying: verifying, level: level)
        }
    }

    private func names() -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name.hasSuffix(".weir") { names.append(name) }
        }
        return names.sorted()
    }
}
