import GatewayModel
import GatewayServer
import JSON

/// What the admin port does with the semantic cache. Confined to the control loop.
struct SemanticHandlers {
    private let control: ControlPlane

    init(_ control: ControlPlane) { self.control = control }

    /// The semantic cache's part of the table.
    var routes: [AdminRoute] {
        [
            AdminRoute("GET", "/semantic", .read, "What the semantic cache does and knows, and its riskiest answers.") { request, done in
                let report = SemanticReport.describe(control.semanticStatus, hasTexts: request.role >= .admin)
                done(EntityTag.tagged(.json(report), ifNoneMatch: request.ifNoneMatch))
            },
            AdminRoute("DELETE", "/semantic/entries/{id}", .admin, "Evicts the answer of an entry with all its questions.") {
                request, done in
                done(evict(request.parameters[0]))
            },
        ]
    }

    private func evict(_ id: String) -> AdminResponse {
        guard let entry = UInt64(id), control.evictSemantic(entry: entry) else {
            return .error(
                GatewayError(
                    status: 404, code: "entry_not_found", message: "The semantic cache has no entry of that id, or not any more."))
        }
        return .json(["evicted": true])
    }
}
