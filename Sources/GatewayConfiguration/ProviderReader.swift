import GatewayModel
import Providers
import Tenants

// A provider's fields laid over a definition: the shipped one of that name, or an empty one. Only what is given changes.

/// Reads the `providers:` section of one file.
struct ProviderReader {
    let environment: [String: String]

    /// The definition that a section makes of `base`; problems are reported, and what has problems is left as it was.
    func definition(_ section: Section, over base: ProviderDefinition) -> ProviderDefinition {
        var definition = base
        if section.has("aliases") { definition.aliases = section.texts("aliases") }
        if let name = section.optionalText("key_env") {
            if SecretReader.isVariableName(name) {
                definition.credentialVariable = name
            } else {
                section.report("key_env", "must be the name of an environment variable")
            }
        }
        if section.has("bases") { definition.bases = section.items("bases").compactMap(base(_:)) }
        if section.has("native") { definition.native = section.items("native").map(mount(_:)) }
        if let form = credentialForm(section, "auth") {
            definition.credential = form
            if let field = FieldName.allCases.first(where: { $0.name == form.header }) { definition.clientCredentialFields = [field] }
        }
        readLists(section, &definition)
        if let flag = section.optionalFlag("allow_private") { definition.allowsPrivateAddresses = flag }
        if let flag = section.optionalFlag("local") { definition.isLocal = flag }
        if let url = section.optionalText("url") {
            apply(url, section, &definition)
        } else if definition.bases.isEmpty, !section.has("bases") {
            section.context.report(section.line, section.path, "is no shipped provider, so it needs a url, or bases")
        }
        return definition
    }

    private func readLists(_ section: Section, _ definition: inout ProviderDefinition) {
        if section.has("client_auth") {
            definition.clientCredentialFields = section.texts("client_auth").compactMap { name in
                if let field = FieldName.allCases.first(where: { $0.name == name }) { return field }
                section.report("client_auth", "\"\(section.shown(name))\" is not one of authorization, x-api-key, api-key, x-goog-api-key")
                return nil
            }
        }
        if section.has("allowed") {
            definition.allowedKinds = Set(
                section.texts("allowed").compactMap { name in
                    if let kind = Operation.Kind(rawValue: name) { return kind }
                    let kinds = Operation.Kind.allCases.map(\.rawValue)
                    section.report("allowed", "\"\(section.shown(name))\" is not one of \(kinds.joined(separator: ", "))")
                    return nil
                })
        }
        if section.has("key_query") { definition.answerChangingQuery = section.texts("key_query") }
        if section.has("key_headers") { definition.answerChangingHeaders = section.texts("key_headers") }
        if section.has("drop_headers") { definition.accountHeaders = section.texts("drop_headers") }
        if section.has("drop_query") { definition.credentialQuery = section.texts("drop_query") }
        if section.has("required") { definition.requiredParameters = section.texts("required") }
        for (name, values) in parameters(section) { definition.parameters[name] = values }
    }

    // MARK: Parts

    private func base(_ section: Section) -> ProviderBase? {
        guard let dialect = section.choice("dialect", DialectName.self)?.dialect else {
            if !section.has("dialect") { section.report("dialect", "is missing; one of openai, anthropic, gemini") }
            return nil
        }
        if !section.has("url") { section.report("url", "is missing") }
        if !section.has("operations") { section.report("operations", "is missing; at least one operation is needed") }
        return ProviderBase(
            dialect: dialect, url: section.text("url"), operations: operations(section), credential: credentialForm(section, "auth"),
            defaultHeaders: headers(section), supportsIncludeUsage: section.flag("include_usage"),
            sendsDoneMarker: section.flag("done_marker"))
    }

    private func mount(_ section: Section) -> NativeMount {
        if !section.has("url") { section.report("url", "is missing") }
        return NativeMount(
            path: section.text("path"), url: section.text("url"), versions: section.texts("versions"), operations: operations(section))
    }

    private func operations(_ section: Section) -> [OfferedOperation] {
        section.namedNodes("operations").compactMap { field -> OfferedOperation? in
            let path = section.path(of: "operations") + "." + section.shown(field.name)
            guard let operation = Operation.allCases.first(where: { $0.name == field.name && $0 != .other }) else {
                let names = Operation.allCases.filter { $0 != .other }.map(\.name)
                let hint = NearestName.of(field.name, among: names).map { "; did you mean \($0)?" } ?? ""
                section.context.report(field.line, path, "is not an operation" + hint)
                return nil
            }
            switch field.value.content {
            case .scalar(let text): return OfferedOperation(operation, path: text)
            case .mapping(let fields): return offer(of: operation, fields, path, section)
            case .list, .null:
                section.context.report(field.line, path, "must be a path, or {path: /p, cache: false}")
                return nil
            }
        }
    }

    private func offer(
        of operation: Operation, _ fields: [ConfigurationNode.Field], _ path: String, _ section: Section
    ) -> OfferedOperation? {
        var offer: OfferedOperation?
        var isCacheable = true
        for field in fields {
            switch (field.name, field.value.text) {
            case ("path", let text?): offer = OfferedOperation(operation, path: text)
            case ("cache", "true"): isCacheable = true
            case ("cache", "false"): isCacheable = false
            default:
                section.context.report(field.line, path, "must be {path: /p, cache: true or false}")
                return nil
            }
        }
        guard var offer else {
            section.context.report(section.line(of: "operations"), path, "must have a path")
            return nil
        }
        offer.isCacheable = isCacheable
        return offer
    }

    private func headers(_ section: Section) -> [HeaderDefault] {
        section.namedNodes("headers").compactMap { field in
            if let text = field.value.text { return HeaderDefault(name: field.name.lowercased(), value: text) }
            section.context.report(field.line, section.path(of: "headers") + "." + section.shown(field.name), "must be a text")
            return nil
        }
    }

    private func credentialForm(_ section: Section, _ name: String) -> CredentialForm? {
        guard let node = section.node(name) else { return nil }
        let rule = "must be bearer, x-api-key, api-key, x-goog-api-key, or {header: NAME, prefix: \"TEXT \"}"
        if let text = node.text, let form = CredentialForm(name: text) { return form }
        guard case .mapping(let fields) = node.content else {
            section.report(name, rule)
            return nil
        }
        var form = CredentialForm(header: "")
        for field in fields {
            switch (field.name, field.value.text) {
            case ("header", let text?): form.header = text.lowercased()
            case ("prefix", let text?): form.prefix = text
            default: section.context.report(field.line, section.path(of: name), rule)
            }
        }
        if form.header.isEmpty { section.report(name, rule) }
        return form
    }

    private func parameters(_ section: Section) -> [(String, [String])] {
        section.namedNodes("parameters").compactMap { field in
            let path = section.path(of: "parameters") + "." + section.shown(field.name)
            guard let texts = section.texts(in: field.value, countMax: 50, field: path) else { return nil }
            var values: [String] = []
            for text in texts {
                guard text.hasPrefix("env:") else {
                    values.append(text)
                    continue
                }
                let name = String(text.dropFirst(4))
                if let value = environment[name], !value.isEmpty {
                    values.append(value)
                } else {
                    section.context.report(field.line, path, "environment variable \(section.shown(name)) is not set")
                }
            }
            return (field.name, values)
        }
    }

    // MARK: The short form

    /// `url` alone: an OpenAI-style provider, or the shipped one at another place.
    private func apply(_ text: String, _ section: Section, _ definition: inout ProviderDefinition) {
        guard !section.has("bases") else { return section.report("url", "can't stand beside bases, which have urls of their own") }
        let url: EndpointURL
        do {
            url = try EndpointURL(text)
        } catch {
            return section.report("url", error.message)
        }
        if definition.bases.isEmpty {
            definition.bases = [ProviderReader.openAIBase(at: text)]
            definition.native = [ProviderReader.mount(at: url)]
        } else {
            guard url.path.isEmpty else { return section.report("url", "must be scheme, host and port only for a shipped provider") }
            for index in definition.bases.indices { definition.bases[index].url.replaceOrigin(with: url.origin) }
            for index in definition.native.indices { definition.native[index].url.replaceOrigin(with: url.origin) }
        }
    }

    private static func openAIBase(at url: String) -> ProviderBase {
        ProviderBase(
            dialect: .openAI, url: url,
            operations: [
                OfferedOperation(.chatCompletions, path: "/chat/completions"), OfferedOperation(.responses, path: "/responses"),
                OfferedOperation(.completions, path: "/completions"), OfferedOperation(.embeddings, path: "/embeddings"),
                OfferedOperation(.moderations, path: "/moderations"), OfferedOperation(.models, path: "/models"),
            ])
    }

    /// The native mount beside an OpenAI-style base: its version segment, if it ends with one, may be left out by clients.
    private static func mount(at url: EndpointURL) -> NativeMount {
        let last = url.path.split(separator: "/").last.map(String.init) ?? ""
        let isVersion = last.hasPrefix("v") && last.dropFirst().first?.isNumber == true
        guard isVersion else { return NativeMount(url: url.origin + url.path) }
        return NativeMount(url: url.origin + url.path.dropLast(last.count + 1), versions: [last])
    }
}

/// The names of dialects in YAML.
enum DialectName: String {
    case openai, anthropic, gemini

    var dialect: Dialect? { Dialect(name: rawValue) }
}

extension String {
    /// Puts another scheme, host and port before the path of a URL.
    fileprivate mutating func replaceOrigin(with origin: String) {
        guard let mark = firstRange(of: "://") else { return }
        let path = self[mark.upperBound...].drop { $0 != "/" }
        self = origin + path
    }
}
