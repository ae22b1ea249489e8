/// Names that are not free for providers, accounts, gateways or routes, because a fixed path begins with them or might one day.
public enum ReservedNames {
    /// First path segments that mean something of the gateway's own.
    public static let firstSegments: [String] = [
        "v1", "v1alpha", "v1beta", "v2", "weir", "compat", "dynamic", "healthz", "readyz", "livez", "metrics", "stats", "logs", "keys",
        "tenants", "cache", "config", "admin", "dashboard", "api", "favicon.ico", "robots.txt", "openapi.json",
    ]

    /// What stands after `/v1/` in some provider's API, so that `/v1/{account}/…` must not begin with it.
    public static let unifiedSegments: [String] = [
        "chat", "responses", "completions", "embeddings", "models", "messages", "files", "batches", "moderations", "audio", "images",
        "assistants", "threads", "vector_stores", "uploads", "fine_tuning", "fine-tunes", "conversations", "realtime", "containers",
        "evals",
        "videos", "organization", "organizations", "skills", "complete", "engines", "edits", "rerank", "tunedModels", "cachedContents",
        "upload",
    ]

    /// Whether a name may not be given to a provider, a gateway or a route.
    public static func isReserved(_ name: String) -> Bool { firstSegments.contains(name.lowercased()) }

    /// Whether a name may not be given to an account: it stands where the operations of the unified surface do.
    public static func isReservedAccount(_ name: String) -> Bool {
        let lowered = name.lowercased()
        return firstSegments.contains(lowered) || unifiedSegments.contains { $0.lowercased() == lowered }
    }
}
