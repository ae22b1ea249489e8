public import Providers
public import Tenants

/// Turns the provider names in policies into canonical ones, so that `gemini/*` and `google-ai-studio/*` mean the same, and refuses names that
/// no provider has: a policy that can never match is a slip. Also for the lists of keys made by command and admin API.
public struct PolicyNames: Sendable {
    private let table: ProviderTable

    /// Makes it for the providers of one configuration.
    public init(_ table: ProviderTable) { self.table = table }

    /// A list of model patterns.
    public func models(_ texts: [String]) throws(PatternError) -> ScopedPatternList {
        var canonical: [String] = []
        for text in texts { canonical.append(try scoped(text)) }
        return try ScopedPatternList(canonical, of: .model)
    }

    /// A list of path patterns.
    public func paths(_ texts: [String]) throws(PatternError) -> ScopedPatternList {
        var canonical: [String] = []
        for text in texts { canonical.append(try scoped(text)) }
        return try ScopedPatternList(canonical, of: .path)
    }

    /// A list of provider patterns.
    public func providers(_ texts: [String]) throws(PatternError) -> PatternList {
        var canonical: [String] = []
        for text in texts { canonical.append(try self.canonical(text)) }
        return try PatternList(canonical)
    }

    private func scoped(_ text: String) throws(PatternError) -> String {
        guard let slash = text.firstIndex(of: "/"), slash != text.startIndex else { return text }
        return try canonical(String(text[..<slash])) + text[slash...]
    }

    private func canonical(_ name: String) throws(PatternError) -> String {
        if name.contains("*") { return name }
        guard let index = table.index(of: name) else {
            throw PatternError("\"\(name.prefix(64))\" is not a provider" + table.hint(for: name))
        }
        return table[index].name
    }
}
