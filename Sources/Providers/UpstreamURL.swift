import GatewayModel

// The URL that is asked. Every byte of it is either configured or has been checked: no space, control character or line end can be in it.

extension ProviderTable {
    /// Appends the URL of a unified request: the first base of the provider that offers the operation, with the model's name where the path
    /// holds it. Returns the index of that base.
    ///
    /// Throws 501 `dialect_not_supported` where no base offers the operation, 400 `invalid_model` for a name that cannot stand in a path.
    @discardableResult
    public func appendUnifiedURL(
        provider: Int, operation: Operation, model: Span<UInt8>, isStream: Bool, wantsServerSentEvents: Bool, to url: inout [UInt8]
    ) throws(GatewayError) -> Int {
        for entry in compiled[provider].unified where entry.operation == operation {
            url.append(span: entry.beforeModel.span)
            guard let after = entry.afterModel else { return entry.base }
            try appendModel(model, to: &url)
            if isStream, operation == .generateContent {
                url.append(literal: ":streamGenerateContent")
                if wantsServerSentEvents { url.append(literal: "?alt=sse") }
            } else {
                url.append(span: after.span)
            }
            return entry.base
        }
        throw unsupported(provider: provider, operation: operation)
    }

    /// The base that serves an operation on the unified surface, and whether answers may be kept; `nil` where none does.
    public func unifiedOffer(provider: Int, operation: Operation) -> (base: Int, isCacheable: Bool)? {
        for entry in compiled[provider].unified where entry.operation == operation { return (entry.base, entry.isCacheable) }
        return nil
    }

    /// What the request path asks of a base; of the provider's first for `nil` (a native path that no base offers).
    public func traits(provider: Int, base: Int?) -> BaseTraits { compiled[provider].traits[base ?? 0] }

    /// How a base takes the operator's key; the provider's own form for `nil`.
    public func credentialForm(provider: Int, base: Int?) -> CredentialForm {
        base.flatMap { definitions[provider].bases[$0].credential } ?? definitions[provider].credential
    }

    /// Appends the URL of a native request. `path` and `query` are those that were routed. With `removesCredentials` the query fields that
    /// carry a key are left out (a client's own key must not travel beside the operator's), everything else is kept byte for byte.
    ///
    /// Throws 400 `malformed_query` for a query with a space, a control character or a byte above 0x7E.
    public func appendNativeURL(
        _ request: NativeRequest, path: Span<UInt8>, query: Span<UInt8>, removesCredentials: Bool, to url: inout [UInt8]
    ) throws(GatewayError) {
        let mount = compiled[request.provider].mounts[request.mount]
        for piece in mount.pieces {
            switch piece {
            case .literal(let bytes): url.append(span: bytes.span)
            case .segment(let index): url.append(span: path.extracting(nativeSegment(index, in: path, from: request.segmentsStart)))
            }
        }
        if request.addsVersion, let version = mount.versions.first {
            url.append(0x2F)
            url.append(span: version.span)
        }
        url.append(span: path.extracting(request.rest))
        for index in 0..<query.count where query[index] <= 0x20 || query[index] > 0x7E {
            throw GatewayError(status: 400, code: "malformed_query", message: "The query holds a byte that must be percent-encoded.")
        }
        guard query.count > 0 else { return }
        let dropped = removesCredentials ? definitions[request.provider].credentialQuery : []
        if dropped.isEmpty || !names(of: query, include: dropped) {
            url.append(0x3F)
            url.append(span: query)
        } else {
            appendQuery(query, without: dropped, to: &url)
        }
    }

    /// Whether any field of the query is one of those: without, it is passed on byte for byte.
    private func names(of query: Span<UInt8>, include dropped: [String]) -> Bool {
        var fields = QueryFields()
        while let field = fields.next(in: query) {
            if dropped.contains(percentDecoded(query.extracting(field.name))) { return true }
        }
        return false
    }

    private func appendQuery(_ query: Span<UInt8>, without dropped: [String], to url: inout [UInt8]) {
        var isFirst = true
        var fields = QueryFields()
        while let field = fields.next(in: query) {
            let name = percentDecoded(query.extracting(field.name))
            if dropped.contains(name) { continue }
            url.append(isFirst ? 0x3F : 0x26)
            isFirst = false
            url.append(span: query.extracting(field.name.lowerBound..<field.value.upperBound))
        }
    }

    /// Appends a model's name as path bytes. `models/x` and `tunedModels/x` name the collection themselves.
    private func appendModel(_ model: Span<UInt8>, to url: inout [UInt8]) throws(GatewayError) {
        let namesCollection = model.starts(with: "models/") || model.starts(with: "tunedModels/")
        if namesCollection, url.suffix(7).elementsEqual("models/".utf8) { url.removeLast(7) }
        let firstByte = url.count
        for index in 0..<model.count {
            let byte = model[index]
            guard byte > 0x20, byte != 0x7F else { throw ProviderTable.invalidModel }
            if isUnreserved(byte) || byte == 0x2F || byte == 0x3A || byte == 0x40 {
                url.append(byte)
            } else {
                url.append(0x25)
                url.append(contentsOf: [upperHexDigit(byte >> 4), upperHexDigit(byte & 15)])
            }
        }
        // A name of dots or with an empty segment would leave the collection.
        let written = Array("/".utf8) + url[firstByte...]
        guard written.count > 1, PathShapeOfModel.isPlain(written.span) else { throw ProviderTable.invalidModel }
    }

    private static let invalidModel = GatewayError(
        status: 400, code: "invalid_model", message: "The model's name cannot stand in a path.", param: "model")

    private func unsupported(provider: Int, operation: Operation) -> GatewayError {
        let definition = definitions[provider]
        guard definition.hasRequiredParameters else {
            let missing = definition.requiredParameters.filter { definition.parameters[$0]?.isEmpty != false }.joined(separator: ", ")
            return GatewayError(
                status: 503, code: "provider_not_configured", message: "The provider '\(definition.name)' has no value for: \(missing).",
                source: .gateway)
        }
        let offered = definition.bases.flatMap { $0.operations }.filter { $0.operation.kind == operation.kind }.map { $0.operation.name }
        let instead =
            offered.isEmpty
            ? "It offers nothing of that kind."
            : "It offers \(offered.joined(separator: ", ")): call that path, or the native one, /\(definition.name)/…."
        return GatewayError(
            status: 501, code: "dialect_not_supported",
            message: "The provider '\(definition.name)' has no \(operation.name) endpoint, and nothing is translated. \(instead)",
            param: "model")
    }
}

/// The check of `PathShape` for a model's name that has just been encoded.
enum PathShapeOfModel {
    static func isPlain(_ path: Span<UInt8>) -> Bool {
        var index = 1
        while index <= path.count {
            let segment = path.segment(at: index)
            let text = path.extracting(segment)
            if text.count == 0 || text.equals(".") || text.equals("..") { return false }
            index = segment.upperBound + 1
        }
        return true
    }
}

/// The upper-case hexadecimal digit of a value in 0...15, as percent-encoding has it.
func upperHexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x41 &+ value &- 10 }

extension CredentialForm {
    /// Appends `name: value` without a line end. Returns `false`, with nothing appended, for a key that is empty or holds anything but visible
    /// ASCII: such a key could end the line.
    public func appendField(key: Span<UInt8>, to line: inout [UInt8]) -> Bool {
        guard key.count > 0 else { return false }
        for index in 0..<key.count where key[index] <= 0x20 || key[index] > 0x7E { return false }
        line.append(contentsOf: header.utf8)
        line.append(literal: ": ")
        line.append(contentsOf: prefix.utf8)
        line.append(span: key)
        return true
    }
}
