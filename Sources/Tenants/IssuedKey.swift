/// A key just made or rotated, with its secret: the only moment at which the secret is known. Prints without it.
public struct IssuedKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The key as it is stored.
    public let key: VirtualKey
    private let secret: String

    init(key: VirtualKey, secret: String) {
        self.key = key
        self.secret = secret
    }

    /// `wk_` and 43 characters, to be shown once.
    public func revealSecret() -> String { secret }

    /// The key's id.
    public var description: String { "IssuedKey(\(key.id))" }

    /// The key's id.
    public var debugDescription: String { description }

    /// A mirror without children.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
