/// A secret value that prints, dumps and interpolates as `<redacted>`. It leaves only through `reveal()`, so every use can be searched for.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    /// Wraps a value.
    public init(_ value: String) { self.value = value }

    /// The value itself, for the one place that sends or compares it.
    public func reveal() -> String { value }

    /// The length in UTF-8 bytes, which checks may speak of.
    public var byteCount: Int { value.utf8.count }

    /// Always `<redacted>`.
    public var description: String { "<redacted>" }

    /// Always `<redacted>`.
    public var debugDescription: String { "<redacted>" }

    /// A mirror without children: `dump` and debuggers that reflect see nothing.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
