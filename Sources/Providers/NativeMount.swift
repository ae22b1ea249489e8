import GatewayModel

/// Where `/{provider}/{rest}` leads: how the rest of a native path becomes an upstream URL.
///
/// A provider's mounts are tried in order; the first whose `path` fits takes the request. Fitting compares whole segments: a literal segment
/// must be equal, `{name}` of a configured parameter must equal one of its configured values (so the client never chooses a host), and any
/// other `{name}` takes one segment of an id's characters (Azure's deployment), which then stands for the model.
public struct NativeMount: Sendable, Equatable {
    /// Leading segments of the rest, without slashes at either end, such as `{resource}/{deployment}`; empty fits everything.
    public var path: String
    /// The absolute URL that replaces `/{provider}/{path}`, without a trailing slash; the same `{name}`s as in `path` may stand in it.
    public var url: String
    /// Version segments that the rest may begin with. The first is added where the rest begins with none; `""` as the first adds nothing.
    public var versions: [String]
    /// Operations by what follows `url` (and version), for mounts under which no base of the provider lies. Those of bases that lie under
    /// `url` are known without being listed.
    public var operations: [OfferedOperation]

    /// Makes a mount. Nothing is validated here: see `ProviderDefinition.problems()`.
    public init(path: String = "", url: String, versions: [String] = [], operations: [OfferedOperation] = []) {
        self.path = path
        self.url = url
        self.versions = versions
        self.operations = operations
    }
}
