import GatewayModel

// The unified surface and Cloudflare's shape: everything below /v1, /v1beta and /compat.

extension PathRouter {
    /// Below `/v1`; `start` is the position after it.
    func routeVersioned(_ path: Span<UInt8>, _ call: PathCall, from start: Int) -> RoutedRequest {
        let second = path.segment(at: start + 1)
        let name = path.extracting(second)
        let tail = path.extracting(path.tail(from: start))
        if tail.count == 0 { return Refusal.unknownPath(call.dialect) }
        if name.equals("v1") || name.equals("v1beta") || name.equals("v1alpha") { return Refusal.doubledPrefix(call.dialect) }
        if name.equals("models") { return routeModels(path, call, from: second.upperBound, dialect: call.dialect) }
        if let fixed = routeFixed(tail, call) { return fixed }
        if PathRouter.contains(ReservedNames.unifiedSegments, name) { return unavailable(name, tail, call) }
        return routeAccount(path, call, account: second)
    }

    /// The operations that are served here, by what follows the version.
    private func routeFixed(_ tail: Span<UInt8>, _ call: PathCall) -> RoutedRequest? {
        let operation: Operation
        switch tail.count {
        case 17 where tail.equals("/chat/completions"): operation = .chatCompletions
        case 10 where tail.equals("/responses"): operation = .responses
        case 12 where tail.equals("/completions"): operation = .completions
        case 11 where tail.equals("/embeddings"): operation = .embeddings
        case 9 where tail.equals("/messages"): operation = .messages
        case 22 where tail.equals("/messages/count_tokens"): operation = .countTokens
        default: return nil
        }
        let dialect: Dialect = operation == .messages || operation == .countTokens ? .anthropic : .openAI
        guard call.method == .post else { return Refusal.wrongMethod("POST", dialect) }
        return .unified(UnifiedRequest(operation: operation, dialect: dialect))
    }

    /// Paths that exist at providers but not here.
    private func unavailable(_ name: Span<UInt8>, _ tail: Span<UInt8>, _ call: PathCall) -> RoutedRequest {
        if name.equals("messages") {
            let isBatch = tail.starts(with: "/messages/batches")
            return isBatch ? Refusal.stateful("/anthropic/v1/messages/batches", .anthropic) : Refusal.unknownPath(.anthropic)
        }
        if name.equals("responses") { return Refusal.stateful("/{provider}/v1/responses/{id}, such as /openai/v1/responses/{id}", .openAI) }
        if name.equals("chat"), tail.starts(with: "/chat/completions/") {
            return Refusal.stateful("/{provider}/v1/chat/completions/{id}, such as /openai/v1/chat/completions/{id}", .openAI)
        }
        if name.equals("chat") || name.equals("completions") || name.equals("embeddings") { return Refusal.unknownPath(call.dialect) }
        let text = String(decoding: name.copied(), as: UTF8.self)
        let example = call.dialect == .anthropic ? "anthropic" : "openai"
        return Refusal.stateful("/{provider}/v1/\(text), such as /\(example)/v1/\(text)", call.dialect)
    }

    /// Below `/v1beta`: Gemini's own version.
    func routeGemini(_ path: Span<UInt8>, _ call: PathCall, from start: Int) -> RoutedRequest {
        let second = path.segment(at: start + 1)
        let name = path.extracting(second)
        if name.equals("v1") || name.equals("v1beta") || name.equals("v1alpha") { return Refusal.doubledPrefix(.gemini) }
        if name.equals("models") || name.equals("tunedModels") {
            return routeModels(path, call, from: second.upperBound, dialect: .gemini)
        }
        if name.count == 0 { return Refusal.unknownPath(.gemini) }
        return Refusal.stateful("/google-ai-studio/v1beta/…", .gemini)
    }

    /// `GET …/models[/{id}]`, or Gemini's `POST …/models/{model}:{method}`; `start` is the position after `models`.
    private func routeModels(_ path: Span<UInt8>, _ call: PathCall, from start: Int, dialect: Dialect) -> RoutedRequest {
        let range = path.tail(from: start)
        let rest = path.extracting(range)
        guard rest.count > 1 else {
            guard call.method == .get || call.method == .head else { return Refusal.wrongMethod("GET, HEAD", dialect) }
            return .unified(UnifiedRequest(operation: .models, dialect: dialect))
        }
        let id = rest.extracting(1..<rest.count)
        if let colon = id.lastIndex(of: 0x3A), colon > 0 {
            let method = id.extracting((colon + 1)..<id.count)
            if let operation = PathRouter.geminiOperation(method) {
                guard call.method == .post else { return Refusal.wrongMethod("POST", .gemini) }
                let model = percentDecoded(id.extracting(0..<colon))
                return .unified(
                    UnifiedRequest(
                        operation: operation, dialect: .gemini, model: model, isGeminiStream: method.equals("streamGenerateContent"),
                        wantsServerSentEvents: call.wantsServerSentEvents))
            }
            if call.method == .post { return Refusal.stateful("/google-ai-studio/v1beta/models/{model}:{method}", .gemini) }
        }
        guard call.method == .get || call.method == .head else { return Refusal.wrongMethod("GET, HEAD", dialect) }
        return .unified(UnifiedRequest(operation: .models, dialect: dialect, model: percentDecoded(id)))
    }

    /// The operation of a Gemini method name.
    static func geminiOperation(_ method: Span<UInt8>) -> Operation? {
        if method.equals("generateContent") || method.equals("streamGenerateContent") { return .generateContent }
        if method.equals("countTokens") { return .geminiCountTokens }
        if method.equals("embedContent") { return .embedContent }
        if method.equals("batchEmbedContents") { return .batchEmbedContents }
        return nil
    }

    /// Cloudflare's OpenAI-compatible surface; `start` is the position after `compat`. A version may stand in between.
    func routeCompatible(_ path: Span<UInt8>, _ call: PathCall, from start: Int) -> RoutedRequest {
        let second = path.segment(at: start + 1)
        let from = path.extracting(second).equals("v1") ? second.upperBound : start
        let name = path.segment(at: from + 1)
        if path.extracting(name).equals("models") { return routeModels(path, call, from: name.upperBound, dialect: .openAI) }
        return routeFixed(path.extracting(path.tail(from: from)), call) ?? Refusal.unknownPath(call.dialect)
    }

    /// `/v1/{account}/{gateway}` and what lies below it.
    private func routeAccount(_ path: Span<UInt8>, _ call: PathCall, account: Range<Int>) -> RoutedRequest {
        let gateway = path.segment(at: account.upperBound + 1)
        let provider = path.segment(at: gateway.upperBound + 1)
        let isConfigured = accepts(path.extracting(account), among: accounts) && accepts(path.extracting(gateway), among: gateways)
        guard gateway.count > 0, isConfigured, !PathRouter.contains(ReservedNames.firstSegments, path.extracting(gateway)) else {
            return unknownAccount(path, call, account: account)
        }
        if provider.count == 0 {
            guard call.method == .post else { return Refusal.wrongMethod("POST", .openAI) }
            return .universal(account: account, gateway: gateway)
        }
        let name = path.extracting(provider)
        if name.equals("compat") { return routeCompatible(path, call, from: provider.upperBound) }
        if let index = providers.index(of: name) {
            return routeNative(path, call, provider: index, from: provider.upperBound, isAccountShape: true)
        }
        return providers.index(of: path.extracting(account)) != nil
            ? unknownAccount(path, call, account: account) : Refusal.unknownProvider(call.dialect)
    }

    private func unknownAccount(_ path: Span<UInt8>, _ call: PathCall, account: Range<Int>) -> RoutedRequest {
        if providers.index(of: path.extracting(account)) != nil {
            return Refusal.notFound(
                "unknown_path", "A provider's native path has no version in front of its name: /{provider}/v1/…, not /v1/{provider}/….",
                call.dialect)
        }
        return Refusal.notFound(
            "unknown_account",
            "Below /v1/ lie the unified surface and /v1/{account}/{gateway}/{provider}/… of configured account and gateway "
                + "names; this is neither.", call.dialect)
    }

    /// Whether a name is configured, or well-formed where none is.
    private func accepts(_ name: Span<UInt8>, among configured: [[UInt8]]) -> Bool {
        guard configured.isEmpty else {
            for candidate in configured where name.equals(candidate) { return true }
            return false
        }
        guard name.count <= 64 else { return false }
        for index in 0..<name.count where !isUnreserved(name[index]) { return false }
        return true
    }
}
