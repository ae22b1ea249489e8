import Providers

// What is checked of a provider once it is put together: each URL by the rules of egress, then everything else by the definition itself.

/// Checks definitions and their URLs.
struct ProviderChecks {
    let egress: EgressSettings

    /// Reports what is wrong; returns the definition with private addresses allowed where the operator listed its host.
    func checked(_ definition: ProviderDefinition, _ section: Section) -> ProviderDefinition {
        var definition = definition
        var isSound = true
        var isListed = false
        let urls =
            definition.bases.enumerated().map { ("bases[\($0.offset)].url", $0.element.url) }
            + definition.native.enumerated().map { ("native[\($0.offset)].url", $0.element.url) }
        var reported: Set<String> = []
        for (field, template) in urls {
            for text in ProviderChecks.expanded(template, definition) {
                do {
                    isListed = try check(try EndpointURL(text), definition) || isListed
                } catch {
                    isSound = false
                    if reported.insert(error.message).inserted { report(field, error.message, section) }
                }
            }
        }
        if isListed { definition.allowsPrivateAddresses = true }
        guard isSound else { return definition }
        for problem in definition.problems() { report(problem.field, problem.message, section) }
        return definition
    }

    /// Whether the URL needed the operator's list; throws where it is not allowed.
    private func check(_ url: EndpointURL, _ definition: ProviderDefinition) throws(EndpointURL.Problem) -> Bool {
        let isPrivateListed = egress.allowsPrivate(url.host)
        if url.host.isPrivate, !definition.allowsPrivateAddresses, !isPrivateListed {
            throw EndpointURL.Problem(
                "\(url.shownHost) is a private or loopback host; list it in egress.allow_private or set allow_private: true")
        }
        let isHTTPListed = egress.allowsHTTP(url.host)
        if url.scheme == "http", !definition.allowsPrivateAddresses, !isPrivateListed, !isHTTPListed {
            throw EndpointURL.Problem("plain http sends keys in the clear; use https, or list \(url.hostText) in egress.allow_http")
        }
        return isPrivateListed || (isHTTPListed && url.scheme == "http")
    }

    /// A short-form `url` stands for bases that the file does not have, so that is the field to name.
    private func report(_ field: String, _ message: String, _ section: Section) {
        let first = field.prefix { $0 != "[" && $0 != "." && $0 != "," }
        let isFromURL = (first == "bases" || first == "native") && !section.has(String(first)) && section.has("url")
        let name = isFromURL ? "url" : String(first)
        section.context.report(section.line(of: name), section.path(of: isFromURL ? "url" : field), message)
    }

    /// A template with every combination's hosts: each value of each parameter in turn. What has no value is left out of the check, for the
    /// provider can't be asked then.
    private static func expanded(_ template: String, _ definition: ProviderDefinition) -> [String] {
        var texts = [template]
        for (name, values) in definition.parameters where template.contains("{\(name)}") {
            texts = texts.flatMap { text in values.map { replace("{\(name)}", in: text, by: $0) } }
        }
        // A client's own segment (Azure's deployment) stands in the path only; any letter will do for the check.
        return texts.map { text in
            var text = text
            for name in definition.requiredParameters { text = replace("{\(name)}", in: text, by: "x") }
            return text
        }.map(withoutVariables)
    }

    private static func replace(_ mark: String, in text: String, by value: String) -> String {
        var parts: [Substring] = []
        var rest = text[...]
        while let range = rest.firstRange(of: mark) {
            parts.append(rest[..<range.lowerBound])
            rest = rest[range.upperBound...]
        }
        return (parts + [rest]).joined(separator: value)
    }

    private static func withoutVariables(_ text: String) -> String {
        guard let mark = text.firstRange(of: "://") else { return text }
        let rest = text[mark.upperBound...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let path = rest[slash...].filter { $0 != "{" && $0 != "}" }
        return text[..<slash] + path
    }
}
