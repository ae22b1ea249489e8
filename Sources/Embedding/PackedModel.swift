// The packed file of one model: all that it needs, laid out so that it is used straight from the mapping. Little-endian.
//
//   0    "WEIRMODL"
//   8    u32 version   12  u32 role (1 gate, 2 sentence)   16  u32 precision (0 float, 1 int8)   20  u32 number of sections
//   24   u64 bytes of the file
//   32   SHA-256 of the source's model file
//   64   u64 checksum of everything from 256 on (see BodyChecksum)
//   72   u32 dimensions   76  u32 layers   80  u32 heads   84  u32 inner width   88  u32 positions   92  u32 tokens
//   96   name, UTF-8, zero-padded to 64 bytes
//   248  u64 XXH3 of bytes 0..<248
//   256  sections: name (32 bytes, zero-padded), u64 offset (a multiple of 64), u64 bytes; 48 bytes each
//        their contents
//
// Version 1: floats are IEEE 754 binary32, words of a float model binary16; matrices packed as embedding_kernels.h says.

public import GatewayModel
internal import Hashing

/// What a model is for.
public enum ModelRole: UInt32, Sendable {
    /// Cheap, always on: tells what is surely not similar.
    case gate = 1
    /// The judge of similarity.
    case sentence = 2

    /// The name in listings.
    public var name: String { self == .gate ? "gate" : "sentence" }
}

/// How a model's matrices are stored.
public enum ModelPrecision: UInt32, Sendable {
    /// Floats, word vectors as half floats.
    case float = 0
    /// Bytes, with a scale for each output or word.
    case int8 = 1

    /// The name in listings and options.
    public var name: String { self == .float ? "fp32" : "int8" }
}

/// What is known of a packed model without its weights.
public struct ModelInfo: Sendable, Equatable {
    /// Its name, such as `all-MiniLM-L6-v2`.
    public var name: String
    /// What it is for.
    public var role: ModelRole
    /// How its matrices are stored.
    public var precision: ModelPrecision
    /// Elements of a vector.
    public var dimensions: Int
    /// Most tokens of a text, [CLS] and [SEP] included.
    public var positions: Int
    /// Tokens in the vocabulary.
    public var tokens: Int
    /// Bytes of the packed file.
    public var bytes: Int
    /// SHA-256 of the file it was packed from.
    public var source: Digest256
    var layers = 0
    var heads = 0
    var inner = 0

    /// Tells vectors of different models apart, precision included: vectors with another identity must not be compared.
    public var identity: String { "\(name)/\(precision.name)/\(dimensions)/\(source.hex.prefix(12))/\(PackedModel.version)" }
}

/// A packed model's file, mapped.
final class PackedModel: Sendable {
    /// The version of the format that this program writes and reads.
    static let version: UInt32 = 1
    static let magic = Array("WEIRMODL".utf8)
    static let headerBytes = 256
    static let sectionBytes = 48
    static let sectionsMax = 256
    static let alignment = 64

    let path: String
    let info: ModelInfo
    let bytes: ModelBytes
    private let sections: [String: Range<Int>]

    /// Maps a file and checks its header, the places of its sections and, if asked, the checksum of everything.
    init(path: String, verifying: Bool) throws(EmbeddingModelError) {
        let bytes = try ModelBytes(mapping: path)
        let (info, sectionCount) = try Self.header(bytes, path)
        sections = try Self.sections(bytes, path, sectionCount)
        if verifying {
            // Read rather than walked through the mapping, so that the whole model does not count as memory of this process.
            let found = try BodyChecksum.of(path: path, from: Self.headerBytes)
            guard found == bytes.uint64(at: 64) else { throw .damaged(path: path, "the checksum does not hold") }
        }
        self.path = path
        self.info = info
        self.bytes = bytes
    }

    private static func header(_ bytes: ModelBytes, _ path: String) throws(EmbeddingModelError) -> (ModelInfo, Int) {
        guard bytes.count >= 8, (0..<8).allSatisfy({ bytes.base.load(fromByteOffset: $0, as: UInt8.self) == magic[$0] }) else {
            throw .notAModel(path: path)
        }
        guard bytes.count >= headerBytes else { throw .damaged(path: path, "it is cut within its header") }
        let version = bytes.uint32(at: 8)
        guard version == self.version else { throw .unsupportedVersion(path: path, version: version) }
        let head = Array(UnsafeRawBufferPointer(start: bytes.base, count: 248))
        guard xxh3(head.span) == bytes.uint64(at: 248) else { throw .damaged(path: path, "the header's checksum does not hold") }
        guard bytes.uint64(at: 24) == UInt64(bytes.count) else {
            throw .damaged(path: path, "it has \(bytes.count) bytes and was written with \(bytes.uint64(at: 24))")
        }
        let count = Int(bytes.uint32(at: 20))
        guard let role = ModelRole(rawValue: bytes.uint32(at: 12)), let precision = ModelPrecision(rawValue: bytes.uint32(at: 16)),
            let source = Digest256(bytes: head[32..<64].span), count <= sectionsMax
        else { throw .damaged(path: path, "its header makes no sense") }
        let info = ModelInfo(
            name: String(decoding: head[96..<160].prefix { $0 != 0 }, as: UTF8.self), role: role, precision: precision,
            dimensions: Int(bytes.uint32(at: 72)), positions: Int(bytes.uint32(at: 88)), tokens: Int(bytes.uint32(at: 92)),
            bytes: bytes.count, source: source, layers: Int(bytes.uint32(at: 76)), heads: Int(bytes.uint32(at: 80)),
            inner: Int(bytes.uint32(at: 84)))
        guard isSensible(info) else { throw .damaged(path: path, "its measures make no sense") }
        return (info, count)
    }

    /// What the kernels rely on.
    private static func isSensible(_ info: ModelInfo) -> Bool {
        guard (1..<1 << 22).contains(info.tokens), (2...4096).contains(info.positions) else { return false }
        guard (16...4096).contains(info.dimensions), info.dimensions % 16 == 0 else { return false }
        if info.role == .gate { return true }
        return (1...64).contains(info.layers) && info.heads * 32 == info.dimensions && (16...16384).contains(info.inner)
            && info.inner % 16 == 0
    }

    private static func sections(
        _ bytes: ModelBytes, _ path: String, _ count: Int
    ) throws(EmbeddingModelError) -> [String: Range<Int>] {
        guard bytes.count >= headerBytes + count * sectionBytes else { throw .damaged(path: path, "it is cut within its table") }
        var sections: [String: Range<Int>] = [:]
        for index in 0..<count {
            let entry = headerBytes + index * sectionBytes
            let name = (0..<32).map { bytes.base.load(fromByteOffset: entry + $0, as: UInt8.self) }.prefix { $0 != 0 }
            let offset = bytes.uint64(at: entry + 32)
            let length = bytes.uint64(at: entry + 40)
            guard offset <= UInt64(bytes.count), length <= UInt64(bytes.count) - offset, offset % UInt64(alignment) == 0 else {
                throw .damaged(path: path, "a section lies outside of it")
            }
            sections[String(decoding: name, as: UTF8.self)] = Int(offset)..<Int(offset + length)
        }
        return sections
    }

    /// Where a section begins, of exactly the bytes that the measures call for.
    func section(_ name: String, bytes count: Int) throws(EmbeddingModelError) -> UnsafeRawPointer {
        guard let range = sections[name] else { throw .damaged(path: path, "section \(name) is absent") }
        guard range.count == count else { throw .damaged(path: path, "section \(name) has \(range.count) bytes, not \(count)") }
        return bytes.base + range.lowerBound
    }

    /// A section of floats.
    func floats(_ name: String, _ count: Int) throws(EmbeddingModelError) -> UnsafePointer<Float> {
        try section(name, bytes: 4 * count).assumingMemoryBound(to: Float.self)
    }

    /// The vocabulary, checked.
    func tokenizer() throws(EmbeddingModelError) -> WordPieceTokenizer {
        guard let range = sections["vocabulary"], let vocabulary = Vocabulary(bytes, at: range.lowerBound, count: range.count),
            vocabulary.count == info.tokens
        else { throw .damaged(path: path, "its vocabulary makes no sense") }
        return WordPieceTokenizer(vocabulary)
    }
}
