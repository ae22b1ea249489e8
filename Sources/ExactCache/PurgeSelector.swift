import GatewayModel
import Hashing

/// What a purge removes.
public indirect enum PurgeSelector: Sendable, Equatable {
    /// Everything.
    case all
    /// What a tenant's requests filled.
    case tenant(String)
    /// One entry.
    case key(Digest256)
    /// What a virtual key's requests filled.
    case keyID(String)
    /// What a model answered: its name at the provider, or `provider/name`.
    case model(String)
    /// What was stored with a tag.
    case tag(String)
    /// What was complete before a moment.
    case before(WallTime)
    /// What was stored in a namespace.
    case namespace(String)
    /// What all of these select.
    case every([PurgeSelector])

    /// Whether it selects the record in `bytes`. One that can't be read is selected: it might be meant.
    func selects(_ bytes: Span<UInt8>, digest: Digest256) -> Bool {
        guard let view = CacheRecordView(bytes, digest: digest) else { return true }
        return selects(view, digest: digest, in: bytes)
    }

    /// Whether it selects a record. Hashes of the header are compared first; names decide.
    package func selects(_ view: CacheRecordView, digest: Digest256, in bytes: Span<UInt8>) -> Bool {
        switch self {
        case .all: true
        case .tenant(let id): PurgeSelector.isText(id, CacheRecordLayout.tenantHashAt, view.tenantRange, bytes)
        case .key(let key): key == digest
        case .keyID(let id): PurgeSelector.isText(id, CacheRecordLayout.keyHashAt, view.keyIDRange, bytes)
        case .model(let name): PurgeSelector.isModel(name, view, bytes)
        case .tag(let tag): !view.tagsRange.isEmpty && view.tags(in: bytes).contains(tag)
        case .before(let time): view.created < time
        case .namespace(let name): PurgeSelector.isText(name, CacheRecordLayout.namespaceHashAt, view.namespaceRange, bytes)
        case .every(let selectors): selectors.allSatisfy { $0.selects(view, digest: digest, in: bytes) }
        }
    }

    /// A model's own name may hold slashes, so both readings of a name with one are tried.
    private static func isModel(_ name: String, _ view: CacheRecordView, _ bytes: Span<UInt8>) -> Bool {
        if isText(name, CacheRecordLayout.modelHashAt, view.modelRange, bytes) { return true }
        guard let slash = name.utf8.firstIndex(of: 0x2F) else { return false }
        let model = String(name[name.utf8.index(after: slash)...])
        return isText(model, CacheRecordLayout.modelHashAt, view.modelRange, bytes)
            && view.text(view.providerRange, in: bytes) == name[..<slash]
    }

    /// Whether a text of the record is `text`: by its hash in the header first, which decides nearly always.
    private static func isText(_ text: String, _ hashAt: Int, _ range: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        let hash = xxh3(Array(text.utf8).span)
        guard bytes.withUnsafeBytes({ $0.number(hashAt, UInt64.self) }) == hash else { return false }
        return bytes.extracting(range).withUnsafeBufferPointer { $0.elementsEqual(text.utf8) }
    }
}

/// How a purge ended.
public struct PurgeResult: Sendable, Equatable {
    /// Records removed from the store; pending ones are not counted.
    public var removed: Int
    /// Why the store could not be purged wholly; then what is left may still be served, and the purge must be repeated.
    public var error: StoreErrorText?

    /// A failure as text.
    public typealias StoreErrorText = String
}

/// A moment between purges. A request takes one before it asks the upstream and hands it in with the answer: what a purge between the two
/// selects isn't stored.
public struct PurgeEpoch: Sendable, Equatable {
    let value: UInt64
}
