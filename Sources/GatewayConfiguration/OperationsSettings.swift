/// How log lines look and which are written.
public struct LogSettings: Sendable, Equatable {
    /// The form of a line.
    public enum Format: String, Sendable, CaseIterable { case text, json }
    /// The least severe level written, by swift-log's names.
    public enum Level: String, Sendable, CaseIterable { case trace, debug, info, notice, warning, error }

    /// The form of a line.
    public let format: Format
    /// The least severe level written.
    public let level: Level

    init(_ section: Section) {
        format = section.choice("format", Format.self) ?? .text
        level = section.choice("level", Level.self) ?? .info
    }
}

/// What happens on SIGTERM.
public struct DrainSettings: Sendable, Equatable {
    /// From `/readyz` saying no to connections no longer being accepted.
    public let announceDelayMilliseconds: Int
    /// From then on, how long running requests may take.
    public let deadlineMilliseconds: Int

    init(_ section: Section) {
        announceDelayMilliseconds = section.integer("announce_delay")
        deadlineMilliseconds = section.integer("deadline")
    }
}

/// The demo provider and tenant.
public struct DemoSettings: Sendable, Equatable {
    /// Whether the demo tenant and its key are made on first start.
    public let isEnabled: Bool
    /// Where `weir demo-provider` listens.
    public let listen: ListenAddress
    /// The tenant's id.
    public let tenant: String

    init(listen: ListenAddress, tenant: String, _ section: Section) {
        isEnabled = section.flag("enabled")
        self.listen = listen
        self.tenant = tenant
    }
}
