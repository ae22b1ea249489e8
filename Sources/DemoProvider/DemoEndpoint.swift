import GatewayModel

/// What a path of the demo provider means.
///
/// A leading `v1`, `v1beta` or `openai` segment is skipped, so that every way a client builds its base URL leads to the same place.
enum DemoEndpoint: Equatable {
    /// A call with a JSON body.
    case operation(Operation, pathModel: String?, isStreamingPath: Bool, usesEventStream: Bool)
    /// The list of models.
    case models(Dialect)
    /// One model.
    case model(Dialect, id: String)
    /// `GET /demo/calls`: counters. A `contains` in the query counts only requests whose head or body has that text.
    case calls
    /// `GET /demo/requests`: the last requests as they came.
    case requests
    /// `GET /demo/waiting/NAME`: how many answers are held under a name.
    case waiting(name: String)
    /// `POST /demo/release/NAME`: lets them go, and all that come later.
    case release(name: String)
    /// Where `demo-redirect` points: nobody should come here.
    case redirected
    case unknown

    /// - Parameter client: the dialect that the head speaks of, for lists of models, whose path two dialects share.
    init(method: String, path: String, query: String, client: Dialect = .openAI) {
        var segments = path.split(separator: "/").map { DemoEndpoint.decode($0) }
        if segments.first == "demo" {
            self = DemoEndpoint.control(Array(segments.dropFirst()))
            return
        }
        let isBeta = segments.first == "v1beta"
        if segments.first == "v1" || isBeta { segments.removeFirst() }
        let isCompatible = segments.first == "openai"
        if isCompatible { segments.removeFirst() }
        let rest = segments.joined(separator: "/")
        if method == "GET" {
            self = DemoEndpoint.reading(rest, isBeta && !isCompatible ? .gemini : client)
        } else {
            self = DemoEndpoint.calling(rest, query: query)
        }
    }

    private static func control(_ segments: [String]) -> DemoEndpoint {
        switch (segments.first, segments.count) {
        case ("calls", 1): .calls
        case ("requests", 1): .requests
        case ("redirected", _): .redirected
        case ("waiting", 2): .waiting(name: segments[1])
        case ("release", 2): .release(name: segments[1])
        default: .unknown
        }
    }

    private static func reading(_ rest: String, _ dialect: Dialect) -> DemoEndpoint {
        if rest == "models" { return .models(dialect) }
        guard rest.hasPrefix("models/") else { return .unknown }
        return .model(dialect, id: String(rest.dropFirst("models/".count)))
    }

    private static func calling(_ rest: String, query: String) -> DemoEndpoint {
        let plain: [String: Operation] = [
            "chat/completions": .chatCompletions, "completions": .completions, "responses": .responses, "embeddings": .embeddings,
            "moderations": .moderations, "messages": .messages, "messages/count_tokens": .countTokens,
        ]
        if let operation = plain[rest] {
            return .operation(operation, pathModel: nil, isStreamingPath: false, usesEventStream: true)
        }
        let methods: [String: Operation] = [
            "generateContent": .generateContent, "streamGenerateContent": .generateContent, "countTokens": .geminiCountTokens,
            "embedContent": .embedContent, "batchEmbedContents": .batchEmbedContents,
        ]
        guard rest.hasPrefix("models/"), let colon = rest.lastIndex(of: ":") else { return .unknown }
        let method = String(rest[rest.index(after: colon)...])
        let model = String(rest[rest.index(rest.startIndex, offsetBy: "models/".count)..<colon])
        guard let operation = methods[method], !model.isEmpty else { return .unknown }
        return .operation(
            operation, pathModel: model, isStreamingPath: method == "streamGenerateContent",
            usesEventStream: query.split(separator: "&").contains("alt=sse"))
    }

    /// Percent-decoding; a malformed escape stays as it is.
    static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        let units = Array(text.utf8)
        var index = 0
        while index < units.count {
            if units[index] == 0x25, index + 2 < units.count, let high = hexValue(of: units[index + 1]),
                let low = hexValue(of: units[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(units[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
