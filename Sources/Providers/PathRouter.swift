import GatewayModel

/// Says what a method and a path ask for, before any body is read. Works on raw bytes; the common paths allocate nothing.
///
/// Fixed paths win over patterns. Nothing here looks at who is calling: policy is applied to the answer.
public final class PathRouter: Sendable {
    let providers: ProviderTable
    let accounts: [[UInt8]]
    let gateways: [[UInt8]]

    /// Makes a router. With no account names (or no gateway names) any well-formed one that is not reserved is accepted.
    public init(providers: ProviderTable, accounts: [String] = [], gateways: [String] = []) {
        self.providers = providers
        self.accounts = accounts.map { Array($0.utf8) }
        self.gateways = gateways.map { Array($0.utf8) }
    }

    /// Routes one request. `path` is the raw target up to `?`, `query` what follows it; `hasAnthropicVersion` says whether the request has
    /// an `anthropic-version` field, which makes it Anthropic's in shared paths and in errors.
    public func route(
        method: Span<UInt8>, path: Span<UInt8>, query: Span<UInt8>, hasAnthropicVersion: Bool
    ) -> RoutedRequest {
        if method.equals("POST"), let operation = PathRouter.fixedOperation(path) {
            return .unified(UnifiedRequest(operation: operation, dialect: operation == .messages ? .anthropic : .openAI))
        }
        let dialect: Dialect = hasAnthropicVersion ? .anthropic : path.starts(with: "/v1beta/") ? .gemini : .openAI
        guard let shape = PathShape(path) else { return Refusal.malformedPath(dialect) }
        let routed = route(path, PathCall(method: method, query: query, dialect: dialect))
        guard shape.hasEncodedSlash else { return routed }
        switch routed {
        case .unified(let request) where request.model != nil: return routed
        case .native(let request) where request.operation == .models || request.model != nil: return routed
        case .refused(let refusal) where refusal.error.status != 404: return routed
        default: return Refusal.malformedPath(routed.dialect)
        }
    }

    /// The paths that nearly every request has. Compared whole, so no other check is needed.
    private static func fixedOperation(_ path: Span<UInt8>) -> Operation? {
        switch path.count {
        case 20: path.equals("/v1/chat/completions") ? .chatCompletions : nil
        case 13: path.equals("/v1/responses") ? .responses : nil
        case 12: path.equals("/v1/messages") ? .messages : nil
        case 14: path.equals("/v1/embeddings") ? .embeddings : nil
        case 15: path.equals("/v1/completions") ? .completions : nil
        default: nil
        }
    }

    @inline(never)
    private func route(_ path: Span<UInt8>, _ call: PathCall) -> RoutedRequest {
        let first = path.segment(at: 1)
        let name = path.extracting(first)
        if let provider = providers.index(of: name) {
            return routeNative(path, call, provider: provider, from: first.upperBound, isAccountShape: false)
        }
        if name.equals("v1") { return routeVersioned(path, call, from: first.upperBound) }
        if name.equals("v1beta") || name.equals("v1alpha") { return routeGemini(path, call, from: first.upperBound) }
        if name.equals("compat") { return routeCompatible(path, call, from: first.upperBound) }
        if name.equals("healthz") || name.equals("readyz"), first.upperBound == path.count {
            guard call.method == .get || call.method == .head else { return Refusal.wrongMethod("GET, HEAD", .openAI) }
            return .health(name.equals("healthz") ? .live : .ready)
        }
        if name.equals("weir") { return routeTenant(path, call, from: first.upperBound) }
        if PathRouter.contains(ReservedNames.unifiedSegments, name) { return Refusal.missingVersion(call.dialect) }
        if name.count == 0 || PathRouter.contains(ReservedNames.firstSegments, name) { return Refusal.unknownPath(call.dialect) }
        return Refusal.unknownProvider(call.dialect)
    }

    private func routeTenant(_ path: Span<UInt8>, _ call: PathCall, from start: Int) -> RoutedRequest {
        let endpoint = path.segment(at: start + 1)
        let name = path.extracting(endpoint)
        if name.equals("usage"), endpoint.upperBound == path.count {
            return call.method == .get ? .tenant(.usage) : Refusal.wrongMethod("GET", .openAI)
        }
        let id = path.segment(at: endpoint.upperBound + 1)
        guard name.equals("feedback"), id.upperBound == path.count, PathRouter.isUUID(path.extracting(id)) else {
            return Refusal.notFound(
                "unknown_path", "Below /weir/ there are GET /weir/usage and POST /weir/feedback/{log-id}.", call.dialect)
        }
        return call.method == .post ? .tenant(.feedback(logID: id)) : Refusal.wrongMethod("POST", .openAI)
    }

    private static func isUUID(_ text: Span<UInt8>) -> Bool {
        guard text.count == 36 else { return false }
        for index in 0..<36 {
            let isDash = index == 8 || index == 13 || index == 18 || index == 23
            guard isDash ? text[index] == 0x2D : hexValue(of: text[index]) != nil else { return false }
        }
        return true
    }

    static func contains(_ names: [String], _ name: Span<UInt8>) -> Bool {
        guard name.count > 0, name.count <= 64 else { return false }
        let text = String(decoding: name.copied(), as: UTF8.self)
        return names.contains(text)
    }
}

/// The verbs that mean something to the router.
enum Method {
    case get, head, post, other

    init(_ bytes: Span<UInt8>) {
        self = bytes.equals("POST") ? .post : bytes.equals("GET") ? .get : bytes.equals("HEAD") ? .head : .other
    }
}

/// What the router knows of a request besides its path.
struct PathCall {
    let method: Method
    /// In whose shape a refusal is told, before a path says otherwise.
    let dialect: Dialect
    /// Whether the query asks Gemini for server-sent events.
    let wantsServerSentEvents: Bool

    init(method: Span<UInt8>, query: Span<UInt8>, dialect: Dialect) {
        self.method = Method(method)
        self.dialect = dialect
        if let value = QueryFields.value(of: "alt", in: query) {
            wantsServerSentEvents = query.extracting(value).equals("sse")
        } else {
            wantsServerSentEvents = false
        }
    }
}

extension Span where Element == UInt8 {
    /// The path segment that begins at `start`, up to the next `/` or the end; empty at the end.
    @inline(__always) func segment(at start: Int) -> Range<Int> {
        guard start < count else { return count..<count }
        return start..<(firstIndex(of: 0x2F, from: start) ?? count)
    }

    /// What follows position `start` of a path, a single closing slash left out: `/chat/completions/` is `/chat/completions`.
    @inline(__always) func tail(from start: Int) -> Range<Int> {
        guard start < count else { return count..<count }
        return start..<(self[count - 1] == 0x2F ? count - 1 : count)
    }
}
