public import GatewayModel

extension PathRouter {
    /// The native request that a step makes: what `POST /{provider}/{endpoint}` would be, with the same refusals. Its ranges are positions in
    /// `step.path`, and `step.pathQuery` is its query. `index` is the step's, for the error's `param`: `steps[1].provider` or
    /// `steps[1].endpoint`.
    public func route(_ step: UniversalStep, index: Int) throws(GatewayError) -> NativeRequest {
        let path = step.path
        let query = step.pathQuery
        guard providers.index(of: Array(step.providerName.utf8).span) != nil else {
            throw GatewayError(
                status: 404, code: "unknown_provider", message: "No provider of the name that step \(index) has is configured.",
                param: "steps[\(index)].provider")
        }
        let method: StaticString = "POST"
        var bytes: [UInt8] = []
        bytes.append(literal: method)
        switch route(method: bytes.span, path: path.span, query: query.span, hasAnthropicVersion: false) {
        case .native(let request): return request
        case .refused(let refusal):
            var error = refusal.error
            error.param = "steps[\(index)].endpoint"
            throw error
        default:
            throw GatewayError(
                status: 404, code: "unknown_path", message: "A step calls a provider's own API, and this path is none.",
                param: "steps[\(index)].endpoint")
        }
    }
}
