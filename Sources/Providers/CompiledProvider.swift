import GatewayModel

// A definition in the form that the request path reads: templates cut into byte pieces once, at load. Internal to the module.

/// A mount whose path and URL are cut into pieces.
struct CompiledMount: Sendable {
    /// What one leading segment of the rest must be.
    enum Segment: Sendable {
        case literal([UInt8])
        case parameter([[UInt8]])
        case free
    }

    /// What the upstream URL is put together from.
    enum Piece: Sendable {
        case literal([UInt8])
        /// The request's own segment of that index, which has been checked against `segments`.
        case segment(Int)
    }

    var segments: [Segment]
    var pieces: [Piece]
    /// Versions as bytes; the first is the one that is added. An empty first adds nothing.
    var versions: [[UInt8]]
    var operations: [NativeOperation]
    /// The dialect of paths that are no known operation.
    var dialect: Dialect

    /// The index of the segment that stands for a model (Azure's deployment), where there is one.
    var modelSegment: Int? {
        segments.firstIndex {
            if case .free = $0 { true } else { false }
        }
    }
}

/// One path below a mount that is known to be an operation.
struct NativeOperation: Sendable {
    enum Shape: Sendable {
        /// `POST` of exactly this path.
        case exact
        /// `GET` of this path, or of it with an id behind it.
        case list
        /// `POST` of this path, a model, and `suffix`.
        case model(suffix: [UInt8], isStream: Bool)
    }

    var path: [UInt8]
    var shape: Shape
    var base: Int
    var operation: Operation
    var dialect: Dialect
    var isCacheable: Bool
}

/// One operation of the unified surface: the URL around the model's name, if it holds one.
struct UnifiedOperation: Sendable {
    var operation: Operation
    var base: Int
    var isCacheable: Bool
    var beforeModel: [UInt8]
    /// `nil` where the model is in the body.
    var afterModel: [UInt8]?
}

/// The pieces of one provider.
struct CompiledProvider: Sendable {
    var mounts: [CompiledMount]
    var unified: [UnifiedOperation]
    let traits: [BaseTraits]
    /// Names as bytes, so that header and query fields are compared without a `String`.
    let accountHeaders: [[UInt8]]
    let answerChangingHeaders: [[UInt8]]
    let answerChangingQuery: [[UInt8]]

    init(_ definition: ProviderDefinition) {
        mounts = definition.native.map { CompiledProvider.compile($0, of: definition) }
        unified = []
        traits = definition.bases.map {
            BaseTraits(dialect: $0.dialect, supportsIncludeUsage: $0.supportsIncludeUsage, sendsDoneMarker: $0.sendsDoneMarker)
        }
        accountHeaders = definition.accountHeaders.map { Array($0.utf8) }
        answerChangingHeaders = definition.answerChangingHeaders.map { Array($0.utf8) }
        answerChangingQuery = definition.answerChangingQuery.map { Array($0.utf8) }
        guard definition.hasRequiredParameters else { return }
        for (index, base) in definition.bases.enumerated() {
            for offer in base.operations where !unified.contains(where: { $0.operation == offer.operation }) {
                let url = CompiledProvider.substitute(base.url + offer.path, definition.parameters)
                let (before, after) = cut(url, at: "{model}")
                unified.append(
                    UnifiedOperation(
                        operation: offer.operation, base: index, isCacheable: offer.isCacheable && offer.operation.isCacheable,
                        beforeModel: before, afterModel: after))
            }
        }
    }

    private static func compile(_ mount: NativeMount, of definition: ProviderDefinition) -> CompiledMount {
        var names: [String] = []
        var segments: [CompiledMount.Segment] = []
        for segment in mount.path.split(separator: "/") {
            let name = segment.hasPrefix("{") ? String(segment.dropFirst().dropLast()) : ""
            names.append(name)
            if name.isEmpty {
                segments.append(.literal(Array(segment.utf8)))
            } else if definition.requiredParameters.contains(name) || definition.parameters[name] != nil {
                segments.append(.parameter((definition.parameters[name] ?? []).map { Array($0.utf8) }))
            } else {
                segments.append(.free)
            }
        }
        let versions = mount.versions.map { Array($0.utf8) }
        var operations: [NativeOperation] = []
        for (index, base) in definition.bases.enumerated() where base.url == mount.url || base.url.hasPrefix(mount.url + "/") {
            for offer in base.operations {
                let path = String(base.url.dropFirst(mount.url.count)) + offer.path
                operations += forms(of: path, versions: mount.versions).flatMap {
                    compile(offer, path: $0, base: index, dialect: base.dialect)
                }
            }
        }
        let dialect = operations.first?.dialect ?? definition.bases.first?.dialect ?? .openAI
        for offer in mount.operations {
            operations += forms(of: offer.path, versions: mount.versions).flatMap { compile(offer, path: $0, base: 0, dialect: dialect) }
        }
        return CompiledMount(
            segments: segments, pieces: pieces(of: mount.url, names: names, parameters: definition.parameters), versions: versions,
            operations: operations, dialect: dialect)
    }

    /// A known path in each of the mount's versions, so that `/v1/models/m:generateContent` is what `/v1beta/models/m:generateContent` is.
    private static func forms(of path: String, versions: [String]) -> [String] {
        guard let own = versions.first(where: { !$0.isEmpty && path.hasPrefix("/\($0)/") }) else {
            return versions.first?.isEmpty == true ? [path] + versions.dropFirst().map { "/\($0)\(path)" } : [path]
        }
        let tail = path.dropFirst(own.utf8.count + 1)
        let others = versions.filter { !$0.isEmpty && $0 != own }
        return [path] + others.map { "/\($0)\(tail)" }
    }

    private static func compile(_ offer: OfferedOperation, path: String, base: Int, dialect: Dialect) -> [NativeOperation] {
        let isCacheable = offer.isCacheable && offer.operation.isCacheable
        func made(_ path: [UInt8], _ shape: NativeOperation.Shape) -> NativeOperation {
            NativeOperation(path: path, shape: shape, base: base, operation: offer.operation, dialect: dialect, isCacheable: isCacheable)
        }
        let (before, after) = cut(path, at: "{model}")
        guard let after else { return [made(before, offer.operation == .models ? .list : .exact)] }
        var found = [made(before, .model(suffix: after, isStream: false))]
        if offer.operation == .generateContent {
            found.append(made(before, .model(suffix: Array(":streamGenerateContent".utf8), isStream: true)))
        }
        // Tuned models are a sibling collection of Gemini's `models`.
        let suffix = Array("/models/".utf8)
        guard before.suffix(suffix.count).elementsEqual(suffix) else { return found }
        let tuned = before.dropLast(suffix.count) + Array("/tunedModels/".utf8)
        return found + found.map { made(Array(tuned), $0.shape) }
    }

    private static func pieces(of url: String, names: [String], parameters: [String: [String]]) -> [CompiledMount.Piece] {
        var pieces: [CompiledMount.Piece] = []
        var literal: [UInt8] = []
        var rest = Array(url.utf8)[...]
        while let open = rest.firstIndex(of: 0x7B), let close = rest[open...].firstIndex(of: 0x7D) {
            let name = String(decoding: rest[(open + 1)..<close], as: UTF8.self)
            literal += rest[..<open]
            if let index = names.firstIndex(of: name) {
                pieces.append(.literal(literal))
                pieces.append(.segment(index))
                literal = []
            } else {
                literal += Array((parameters[name]?.first ?? "").utf8)
            }
            rest = rest[(close + 1)...]
        }
        pieces.append(.literal(literal + rest))
        return pieces
    }

    private static func substitute(_ template: String, _ parameters: [String: [String]]) -> String {
        var text = ""
        var rest = Substring(template)
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let name = String(rest[rest.index(after: open)..<close])
            text += rest[..<open]
            text += parameters[name]?.first ?? "{\(name)}"
            rest = rest[rest.index(after: close)...]
        }
        return text + rest
    }
}

/// The bytes before and after the first `mark`; the second is `nil` where there is none.
private func cut(_ text: String, at mark: String) -> ([UInt8], [UInt8]?) {
    let bytes = Array(text.utf8)
    let marker = Array(mark.utf8)
    guard bytes.count >= marker.count else { return (bytes, nil) }
    for start in 0...(bytes.count - marker.count) where bytes[start..<(start + marker.count)].elementsEqual(marker) {
        return (Array(bytes[..<start]), Array(bytes[(start + marker.count)...]))
    }
    return (bytes, nil)
}
