/// Flat server-side metadata of a tenant or a key: at most 16 entries, which a client's own `cf-aig-metadata` can't override.
public struct Metadata: Sendable, Equatable {
    /// A value as it is written into log rows.
    public enum Value: Sendable, Equatable {
        case text(String)
        /// A JSON number, kept as written.
        case number(String)
        case flag(Bool)
    }

    /// One name and its value.
    public struct Entry: Sendable, Equatable {
        /// 1 to 64 bytes.
        public let name: String
        /// Texts are at most 256 bytes.
        public let value: Value
    }

    /// The most entries kept.
    public static let entriesMax = 16
    /// The longest name, in bytes.
    public static let nameBytesMax = 64
    /// The longest text value, in bytes.
    public static let textBytesMax = 256

    /// The entries in the order given, names unique.
    public private(set) var entries: [Entry] = []

    /// No metadata.
    public init() {}

    /// Adds an entry; throws when the table is full, the name is malformed or taken, or the value is too long.
    public mutating func add(_ name: String, _ value: Value) throws(PatternError) {
        guard entries.count < Metadata.entriesMax else { throw PatternError("more than \(Metadata.entriesMax) metadata entries") }
        guard Identifier.isName(name, bytesMax: Metadata.nameBytesMax) else {
            throw PatternError("\"\(printable(name))\" is not a metadata name: \(Identifier.rule(bytesMax: Metadata.nameBytesMax))")
        }
        guard self[name] == nil else { throw PatternError("metadata name \"\(name)\" is given twice") }
        if case .text(let text) = value, text.utf8.count > Metadata.textBytesMax {
            throw PatternError("the value of metadata \"\(name)\" is longer than \(Metadata.textBytesMax) bytes")
        }
        entries.append(Entry(name: name, value: value))
    }

    /// The value of a name, or `nil`.
    public subscript(name: String) -> Value? { entries.first { $0.name == name }?.value }

    /// Whether there is no entry.
    public var isEmpty: Bool { entries.isEmpty }
}
