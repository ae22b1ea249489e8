public import GatewayModel

// What a caller may use. A key narrows its tenant: both must allow. Every check is asked again for each target a request may reach.

extension KeyTable {
    /// Whether the caller may use the model at the provider (its canonical name).
    public func allowsModel(_ model: Span<UInt8>, at provider: Span<UInt8>, for identity: KeyIdentity) -> Bool {
        let tenant = Int(identity.tenant.rawValue)
        let key = Int(identity.key)
        guard tenants[tenant].models.isEmpty || tenants[tenant].models.matches(model, at: provider) else { return false }
        return keys[key].models.isEmpty || keys[key].models.matches(model, at: provider)
    }

    /// Whether the caller may use the provider (its canonical name).
    public func allowsProvider(_ provider: Span<UInt8>, for identity: KeyIdentity) -> Bool {
        let tenant = Int(identity.tenant.rawValue)
        let key = Int(identity.key)
        guard tenants[tenant].providers.isEmpty || tenants[tenant].providers.matches(provider) else { return false }
        return keys[key].providers.isEmpty || keys[key].providers.matches(provider)
    }

    /// Whether the caller may use the path below the provider. `isGranted` says that no grant is needed: the operation is one of the
    /// provider's listed ones, or the request carries the client's own provider key.
    ///
    /// `path` begins with `/` and must be in normal form already: decoded once, without `.` and `..` segments.
    public func allowsPath(_ path: Span<UInt8>, at provider: Span<UInt8>, isGranted: Bool, for identity: KeyIdentity) -> Bool {
        let tenant = Int(identity.tenant.rawValue)
        let key = Int(identity.key)
        guard isGranted || tenants[tenant].pathGrants.matches(path, at: provider) else { return false }
        return keys[key].paths.isEmpty || keys[key].paths.matches(path, at: provider)
    }

    /// The refusal of a request, or `nil`. An empty model is not checked: the operation has none.
    public func permits(
        _ identity: KeyIdentity, model: Span<UInt8>, provider: Span<UInt8>, path: Span<UInt8>, isPathGranted: Bool
    ) -> GatewayError? {
        if !allowsProvider(provider, for: identity) { return KeyTable.refusal("provider_not_allowed", "provider", provider, param: nil) }
        if !allowsPath(path, at: provider, isGranted: isPathGranted, for: identity) {
            return KeyTable.refusal("path_not_allowed", "path", path, param: nil)
        }
        if !model.isEmpty, !allowsModel(model, at: provider, for: identity) {
            return KeyTable.refusal("model_not_allowed", "model", model, param: "model")
        }
        return nil
    }

    @inline(never)
    private static func refusal(_ code: String, _ subject: String, _ name: Span<UInt8>, param: String?) -> GatewayError {
        var bytes: [UInt8] = []
        for index in 0..<min(name.count, 128) { bytes.append(name[index]) }
        let shown = printable(String(decoding: bytes, as: UTF8.self))
        return GatewayError(
            status: 403, code: code,
            message: "This key may not use the \(subject) \"\(shown)\". Ask the gateway's operator to allow it, or choose another.",
            param: param)
    }
}
