import GatewayModel
import Providers
import Tenants

/// The models that a key may use, as `GET /v1/models` tells.
struct ModelCatalog {
    private let models: [ListedModel]

    /// Routes by their names, then `provider/model` for every model that the configuration or the key names. Providers' own lists are under
    /// their native paths: `/openai/v1/models`.
    init(snapshot: GatewaySnapshot, identity: KeyIdentity?) {
        var models: [ListedModel] = []
        if let identity {
            for route in snapshot.routes.values.sorted(by: { $0.name < $1.name }) where ModelCatalog.isAllowed(route, snapshot, identity) {
                models.append(ListedModel(id: route.name, owner: "weir"))
            }
            for target in snapshot.knownModels {
                let name = snapshot.providers.providerNames[target.provider]
                guard snapshot.configuration.isReady(providerAt: target.provider), snapshot.permits(identity, target: target) else {
                    continue
                }
                models.append(ListedModel(id: "\(name)/\(target.model)", owner: name))
            }
        }
        self.models = models
    }

    private static func isAllowed(_ route: RouteState, _ snapshot: GatewaySnapshot, _ identity: KeyIdentity) -> Bool {
        route.targets.contains { snapshot.permits(identity, target: $0) }
    }

    /// The list, or one model of it.
    func body(dialect: Dialect, model: String?) throws(GatewayError) -> [UInt8] {
        var body: [UInt8] = []
        guard let model else {
            appendModelsList(models, dialect: dialect, to: &body)
            return body
        }
        guard let found = models.first(where: { $0.id == model }) else {
            throw GatewayError(
                status: 404, code: "model_not_found",
                message: "This key may use no model of that name. GET /v1/models lists what it may use.",
                param: "model")
        }
        found.append(as: dialect, to: &body)
        return body
    }
}
