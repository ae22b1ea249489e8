/// A refusal by which a provider says that this request does not suit this model, so that another model may take it.
public enum ProviderRefusal: String, Sendable, CaseIterable {
    /// The prompt, or it and the answer asked for, does not fit the model or the provider's bounds.
    case contextLength = "context_length"
    /// The provider's content filter or usage policy refused it.
    case contentFilter = "content_filter"
}
