import Providers
import Tenants

/// The operator's keys by provider: those listed in `provider_credentials`, else the one in the provider's usual environment variable.
struct CredentialReader {
    /// The most keys of one provider.
    static let countMax = 20

    let secrets: SecretReader

    /// The keys by the provider's index in the table; empty where there are none.
    func credentials(_ root: Section, _ providers: ProviderTable) -> [[Secret]] {
        var found = [[Secret]?](repeating: nil, count: providers.definitions.count)
        for field in root.namedNodes("provider_credentials") {
            let path = "provider_credentials." + root.shown(field.name)
            guard let index = providers.index(of: field.name) else {
                root.context.report(field.line, path, "is not a provider" + providers.hint(for: field.name))
                continue
            }
            if found[index] != nil {
                root.context.report(field.line, path, "is given twice, under two of its names")
                continue
            }
            guard let references = root.texts(in: field.value, countMax: CredentialReader.countMax, field: path) else { continue }
            if references.isEmpty { root.context.report(field.line, path, "is an empty list") }
            found[index] = references.compactMap { secret($0, root, field.line, path) }
        }
        return found.enumerated().map { index, keys in keys ?? usual(providers[index], root) }
    }

    private func usual(_ definition: ProviderDefinition, _ root: Section) -> [Secret] {
        guard let name = definition.credentialVariable, secrets.environment[name]?.isEmpty == false else { return [] }
        return secret("env:" + name, root, nil, "providers.\(definition.name).key_env").map { [$0] } ?? []
    }

    private func secret(_ reference: String, _ root: Section, _ line: Int?, _ path: String) -> Secret? {
        do {
            return try secrets.secret(reference)
        } catch {
            root.context.report(line, path, error.message)
            return nil
        }
    }
}

extension ProviderTable {
    /// The names of all providers and their aliases.
    var allNames: [String] { definitions.flatMap { [$0.name] + $0.aliases } }

    /// `; did you mean X?`, or nothing.
    func hint(for name: String) -> String { NearestName.of(name, among: allNames).map { "; did you mean \($0)?" } ?? "" }
}
