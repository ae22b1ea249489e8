/// Why a model can't be used. Each names the file; none ends the gateway: without a model the semantic cache is off.
public enum EmbeddingModelError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no such file.
    case notFound(path: String)
    /// The system gives an error (`errno`) on opening, reading or writing.
    case unreadable(path: String, code: Int32)
    /// Not a packed model at all.
    case notAModel(path: String)
    /// A packed model of another version of the format.
    case unsupportedVersion(path: String, version: UInt32)
    /// A packed model, but not the one that is asked for.
    case wrongModel(path: String, String)
    /// Shorter or longer than it was written, a checksum that does not hold, or contents that contradict each other.
    case damaged(path: String, String)
    /// The source's SHA-256 is not the known one.
    case wrongSource(path: String, expected: String, found: String)
    /// A source that can't be packed: a tensor is absent or of another shape, the vocabulary is not WordPiece.
    case unsuitableSource(path: String, String)

    /// One line for people.
    public var description: String {
        switch self {
        case .notFound(let path): "\(path): no such model; weir model install fetches it"
        case .unreadable(let path, let code): "\(path): system error \(code)"
        case .notAModel(let path): "\(path): not a packed model"
        case .unsupportedVersion(let path, let version):
            "\(path): packed in format \(version), this program reads \(PackedModel.version); run weir model install again"
        case .wrongModel(let path, let what): "\(path): \(what)"
        case .damaged(let path, let what): "\(path): damaged: \(what); run weir model install again"
        case .wrongSource(let path, let expected, let found): "\(path): SHA-256 is \(found), expected \(expected)"
        case .unsuitableSource(let path, let what): "\(path): \(what)"
        }
    }

    /// A short name for counters and JSON.
    public var name: String {
        switch self {
        case .notFound: "model_not_found"
        case .unreadable: "model_unreadable"
        case .notAModel: "not_a_model"
        case .unsupportedVersion: "model_version"
        case .wrongModel: "wrong_model"
        case .damaged: "model_damaged"
        case .wrongSource: "wrong_source"
        case .unsuitableSource: "unsuitable_source"
        }
    }
}
