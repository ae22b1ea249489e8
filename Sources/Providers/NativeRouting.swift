import GatewayModel

// Native paths: which mount takes the rest, which operation it is, and the URL that it becomes.

extension PathRouter {
    /// Below a provider's name; `start` is the position after it.
    func routeNative(_ path: Span<UInt8>, _ call: PathCall, provider: Int, from start: Int, isAccountShape: Bool) -> RoutedRequest {
        let mounts = providers.compiled[provider].mounts
        let dialect = mounts.first?.dialect ?? call.dialect
        guard start + 1 < path.count else {
            return Refusal.notFound(
                "unknown_path", "After the provider's name comes the path of its API, such as /openai/v1/chat/completions.", dialect)
        }
        for index in mounts.indices {
            guard let end = mounts[index].end(in: path, from: start) else { continue }
            return classify(path, call, mounts[index], provider, index, start, end, isAccountShape)
        }
        return Refusal.notFound(
            "unknown_path",
            "No configured resource, region or mount of this provider fits the path. The values that a path may name are the operator's.",
            dialect)
    }

    private func classify(
        _ path: Span<UInt8>, _ call: PathCall, _ mount: CompiledMount, _ provider: Int, _ index: Int, _ start: Int, _ end: Int,
        _ isAccountShape: Bool
    ) -> RoutedRequest {
        let first = path.segment(at: end + 1)
        let hasVersion = mount.isVersion(path.extracting(first))
        if hasVersion, mount.isVersion(path.extracting(path.segment(at: first.upperBound + 1))) {
            return Refusal.doubledPrefix(mount.dialect)
        }
        let addsVersion = !hasVersion && mount.versions.first?.isEmpty == false
        var request = NativeRequest(
            provider: provider, mount: index, base: nil, operation: .other, dialect: mount.dialect, isCacheable: false,
            segmentsStart: start + 1,
            rest: end..<path.count, addsVersion: addsVersion, model: nil, isGeminiStream: false,
            wantsServerSentEvents: call.wantsServerSentEvents, isAccountShape: isAccountShape)
        let tail = path.extracting(path.tail(from: end))
        let version = addsVersion ? mount.versions[0] : []
        for position in mount.operations.indices {
            guard let model = mount.operations[position].match(call.method, version: version, tail: tail) else { continue }
            request.base = mount.operations[position].base
            request.operation = mount.operations[position].operation
            request.dialect = mount.operations[position].dialect
            request.isCacheable = mount.operations[position].isCacheable
            if case .model(_, let isStream) = mount.operations[position].shape { request.isGeminiStream = isStream }
            if model.count > 0 { request.model = percentDecoded(tail.extracting(model)) }
            break
        }
        if request.model == nil, let segment = mount.modelSegment {
            request.model = percentDecoded(path.extracting(nativeSegment(segment, in: path, from: start + 1)))
        }
        return .native(request)
    }
}

/// The `index`-th segment from a position on.
func nativeSegment(_ index: Int, in path: Span<UInt8>, from start: Int) -> Range<Int> {
    var segment = path.segment(at: start)
    for _ in 0..<index { segment = path.segment(at: segment.upperBound + 1) }
    return segment
}

extension CompiledMount {
    /// The position after the mount's segments in a path whose rest begins at `start`; `nil` where they do not fit.
    func end(in path: Span<UInt8>, from start: Int) -> Int? {
        var end = start
        for segment in segments {
            let range = path.segment(at: end + 1)
            guard range.count > 0, CompiledMount.fits(path.extracting(range), segment) else { return nil }
            end = range.upperBound
        }
        return end
    }

    private static func fits(_ text: Span<UInt8>, _ segment: Segment) -> Bool {
        switch segment {
        case .literal(let bytes): return text.equals(bytes)
        case .parameter(let values):
            for value in values where text.equals(value) { return true }
            return false
        case .free:
            for index in 0..<text.count where !isUnreserved(text[index]) { return false }
            return true
        }
    }

    /// Whether a segment is one of the mount's versions.
    func isVersion(_ segment: Span<UInt8>) -> Bool {
        guard segment.count > 0 else { return false }
        for version in versions where segment.equals(version) { return true }
        return false
    }
}

extension NativeOperation {
    /// Whether a request is this operation: the range of the model's name in `tail` (empty where the path holds none), or `nil`.
    ///
    /// `version` is put in front of the tail unless empty. Letters of either case are the same: a provider that ignores case must not be
    /// asked for an operation under a name that hides it.
    func match(_ method: Method, version: [UInt8], tail: Span<UInt8>) -> Range<Int>? {
        let prefix = version.isEmpty ? 0 : version.count + 1
        guard path.count >= prefix else { return nil }
        let own = path.span.extracting(prefix..<path.count)
        if prefix > 0, !path.span.extracting(1..<prefix).equals(version) { return nil }
        switch shape {
        case .exact:
            return method == .post && tail.equalsIgnoringCase(own) ? 0..<0 : nil
        case .list:
            guard method == .get || method == .head, tail.count >= own.count else { return nil }
            guard tail.extracting(0..<own.count).equalsIgnoringCase(own) else { return nil }
            if tail.count == own.count { return 0..<0 }
            return tail[own.count] == 0x2F ? (own.count + 1)..<tail.count : nil
        case .model(let suffix, _):
            guard method == .post, tail.count > own.count + suffix.count else { return nil }
            let model = own.count..<(tail.count - suffix.count)
            guard tail.extracting(0..<own.count).equalsIgnoringCase(own) else { return nil }
            return tail.extracting(model.upperBound..<tail.count).equalsIgnoringCase(suffix.span) ? model : nil
        }
    }
}
