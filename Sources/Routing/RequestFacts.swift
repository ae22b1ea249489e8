public import GatewayModel

/// What a route may know of a request.
public struct RequestFacts: Sendable {
    /// What is asked for.
    public var operation: Operation
    /// The model as the client named it.
    public var model: String
    /// Whether a stream is asked for.
    public var isStream: Bool
    /// Whether tools are defined.
    public var hasTools: Bool
    /// Whether images are in it.
    public var hasImages: Bool
    /// Whether the answer must be JSON.
    public var wantsJSON: Bool
    /// The prompt's length in tokens, by estimate; 0 when not known.
    public var inputTokens: Int
    /// The most tokens the answer may have, as the client says; 0 when it does not.
    public var outputTokens: Int
    /// The tenant's id.
    public var tenant: String
    /// The virtual key's id.
    public var key: String
    /// Metadata, at most 16 entries; of entries with one name the first counts.
    public var metadata: [(name: String, value: String)]

    /// Makes a set of facts.
    public init(
        operation: Operation, model: String = "", isStream: Bool = false, hasTools: Bool = false, hasImages: Bool = false,
        wantsJSON: Bool = false, inputTokens: Int = 0, outputTokens: Int = 0, tenant: String = "", key: String = "",
        metadata: [(name: String, value: String)] = []
    ) {
        self.operation = operation
        self.model = model
        self.isStream = isStream
        self.hasTools = hasTools
        self.hasImages = hasImages
        self.wantsJSON = wantsJSON
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.tenant = tenant
        self.key = key
        self.metadata = metadata
    }

    /// The value of a field; `nil` where the request has none.
    func value(of field: RouteField) -> String? {
        switch field {
        case .metadata(let name): metadata.first { $0.name == name }?.value
        case .tenant: tenant.isEmpty ? nil : tenant
        case .key: key.isEmpty ? nil : key
        case .model: model.isEmpty ? nil : model
        case .operation: operation.name
        case .stream: isStream ? "true" : "false"
        case .tools: hasTools ? "true" : "false"
        case .images: hasImages ? "true" : "false"
        case .json: wantsJSON ? "true" : "false"
        case .size: PromptSize(tokens: inputTokens).rawValue
        }
    }

    /// Why a target cannot serve this request; `nil` when it can.
    func misfit(_ capabilities: TargetCapabilities) -> SkipReason? {
        if hasTools, !capabilities.tools { return .lacks(.tools) }
        if hasImages, !capabilities.images { return .lacks(.images) }
        if wantsJSON, !capabilities.jsonMode { return .lacks(.jsonMode) }
        if let window = capabilities.contextTokens {
            let (sum, overflow) = max(inputTokens, 0).addingReportingOverflow(max(outputTokens, 0))
            let needed = overflow ? Int.max : sum
            if needed > window { return .contextTooSmall(needed: needed, available: window) }
        }
        return nil
    }
}
