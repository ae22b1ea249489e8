import GatewayModel
import Providers

/// The target that is asked, and how. Made in phase 6, before anything is looked up, because the cache is looked up under it. Immutable: most
/// phases hold it, and none pays for a copy.
final class UpstreamPlan {
    /// Index in the snapshot's provider table.
    let provider: Int
    /// The model's name at the provider; empty where the operation has none.
    let model: String
    /// The alias the client called, if it did.
    let route: RouteState?
    /// The base that serves a unified request; `nil` on native paths.
    let base: ProviderBase?
    /// The form of the provider's credential on this path.
    let form: CredentialForm
    /// Whether `stream_options.include_usage` is added for this stream (and the extra event hidden from a client that did not ask).
    let injectsUsage: Bool

    init(provider: Int, model: String, route: RouteState?, base: ProviderBase?, form: CredentialForm, injectsUsage: Bool = false) {
        self.provider = provider
        self.model = model
        self.route = route
        self.base = base
        self.form = form
        self.injectsUsage = injectsUsage
    }
}
