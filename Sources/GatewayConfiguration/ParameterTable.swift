// The one place that knows every field. The loader takes names, kinds, bounds and defaults from here, `weir check-config` its messages, and
// docs/configuration.md is printed from it; a field that is not here can't be read, and one that is here can't be misspelt unnoticed.

/// All parameters in the order of the documentation, and what can be asked about them.
public struct ParameterTable: Sendable {
    /// The gateway's table.
    public static let standard = ParameterTable(
        serving + identity + cache + semantic + routes + targets + routeRetry + routeSemantic + providers + prices + limits + overload
            + metering + events + timeouts + retry + upstream + operations)

    /// The parameters in the order of the documentation.
    public let parameters: [Parameter]
    private let byPath: [String: Parameter]
    private let childNames: [String: [String]]

    init(_ parameters: [Parameter]) {
        self.parameters = parameters
        var byPath: [String: Parameter] = [:]
        var childNames: [String: [String]] = [:]
        for parameter in parameters {
            precondition(byPath[parameter.path] == nil, "parameter \(parameter.path) is listed twice")
            byPath[parameter.path] = parameter
            let parts = parameter.path.split(separator: ".")
            for depth in parts.indices {
                let parent = parts[..<depth].joined(separator: ".")
                let name = String(parts[depth])
                if name != "*", !name.hasSuffix("[]"), childNames[parent]?.contains(name) != true {
                    childNames[parent, default: []].append(name)
                }
            }
        }
        self.byPath = byPath
        self.childNames = childNames
    }

    /// The parameter at a path of the table (`routes.*.cache.ttl`), or `nil`.
    public func parameter(at path: String) -> Parameter? { byPath[path] }

    /// The names of the fields a section can have, `providers.*.bases[]` included.
    public func fieldNames(in section: String) -> [String] { childNames[section] ?? [] }
}
