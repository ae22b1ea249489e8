import GatewayModel
import Providers

/// The target that is asked, and how. Made in phase 6, before anything is looked up, because the cache is looked up under it.
struct UpstreamPlan {
    /// Index in the snapshot's provider table.
    var provider: Int
    /// The model's name at the provider; empty where the operation has none.
    var model: String
    /// The alias the client called, if it did.
    var route: RouteState?
    /// The base that serves a unified request; `nil` on native paths.
    var base: ProviderBase?
    /// The form of the provider's credential on this path.
    var form: CredentialForm
    /// Whether `stream_options.include_usage` is added for this stream (and the extra event hidden from a client that did not ask).
    var injectsUsage = false
}
