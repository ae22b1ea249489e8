import Yams

// Yams builds a tree; this file is the gate before and behind it. Before: size, UTF-8, control bytes, and aliases, because Yams hashes the
// keys of mappings while it composes, and a key made of nested aliases takes exponential time. Behind: depth, and names that are not text.

/// Reads one YAML document into nodes that know their lines.
struct YAMLDocument {
    /// The largest file read, in bytes.
    static let bytesMax = 8 << 20
    /// The deepest nesting of lists and mappings.
    static let depthMax = 32

    private let file: String

    /// Parses `bytes`; an empty document is an empty mapping.
    static func parse(_ bytes: [UInt8], file: String) throws(ConfigurationErrors) -> ConfigurationNode {
        let document = YAMLDocument(file: file)
        do {
            return try document.parse(bytes)
        } catch let error as ConfigurationError {
            throw ConfigurationErrors([error])
        } catch let error as YamlError {
            throw ConfigurationErrors([document.translated(error, bytes)])
        } catch {
            throw ConfigurationErrors([document.error(nil, "is not readable as YAML")])
        }
    }

    private func parse(_ bytes: [UInt8]) throws -> ConfigurationNode {
        let text = try checkedText(bytes)
        try refuseAliases(in: bytes)
        // The basic resolver types nothing: every scalar stays text, and its kind is decided by the parameter table.
        let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
        guard let root = try parser.singleRoot() else { return ConfigurationNode(content: .mapping([]), line: 1) }
        let node = try converted(root, depth: 0)
        if case .null = node.content { return ConfigurationNode(content: .mapping([]), line: 1) }
        return node
    }

    // MARK: Before the parser

    private func checkedText(_ bytes: [UInt8]) throws -> String {
        guard bytes.count <= YAMLDocument.bytesMax else {
            throw error(nil, "\(bytes.count) bytes where at most \(YAMLDocument.bytesMax) are allowed")
        }
        if let index = bytes.firstIndex(where: { ($0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D) || $0 == 0x7F }) {
            throw error(line(at: index, in: bytes), "control byte \(bytes[index]) is not allowed")
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { throw error(1, "is UTF-16; save it as UTF-8") }
        guard let text = String(validating: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...], as: UTF8.self) else {
            throw error(line(at: invalidOffset(in: bytes), in: bytes), "is not valid UTF-8 here")
        }
        return text
    }

    /// The length of the longest prefix that is valid UTF-8, found by bisection over line ends: exact to the line.
    private func invalidOffset(in bytes: [UInt8]) -> Int {
        var start = bytes.startIndex
        for end in bytes.indices where bytes[end] == 0x0A {
            if String(validating: bytes[start...end], as: UTF8.self) == nil { return start }
            start = end + 1
        }
        return start
    }

    private func line(at index: Int, in bytes: [UInt8]) -> Int { bytes[..<index].reduce(1) { $1 == 0x0A ? $0 + 1 : $0 } }

    /// Refuses `*name` where an `&name` stands anywhere: over-strict for text that holds both, and never fooled by quoting or comments.
    private func refuseAliases(in bytes: [UInt8]) throws {
        var anchors: Set<ArraySlice<UInt8>> = []
        forEachName(after: 0x26, in: bytes) { name, _ in anchors.insert(name) }
        guard !anchors.isEmpty else { return }
        var found: Int?
        forEachName(after: 0x2A, in: bytes) { name, index in
            if found == nil, anchors.contains(name) { found = index }
        }
        if let found {
            throw error(line(at: found, in: bytes), "YAML anchors and aliases (&name, *name) are not supported; write the value out")
        }
    }

    private func forEachName(after mark: UInt8, in bytes: [UInt8], _ body: (ArraySlice<UInt8>, Int) -> Void) {
        for index in bytes.indices where bytes[index] == mark {
            var end = index + 1
            while end < bytes.count, isNameByte(bytes[end]) { end += 1 }
            if end > index + 1 { body(bytes[(index + 1)..<end], index) }
        }
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }

    // MARK: Behind the parser

    private func converted(_ node: Node, depth: Int) throws -> ConfigurationNode {
        let line = node.mark?.line ?? 1
        guard depth <= YAMLDocument.depthMax else { throw error(line, "is nested deeper than \(YAMLDocument.depthMax) levels") }
        switch node {
        case .scalar(let scalar):
            let isNull = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            return ConfigurationNode(content: isNull ? .null : .scalar(scalar.string), line: line, isQuoted: scalar.style != .plain)
        case .sequence(let sequence):
            var items: [ConfigurationNode] = []
            items.reserveCapacity(sequence.count)
            for item in sequence { items.append(try converted(item, depth: depth + 1)) }
            return ConfigurationNode(content: .list(items), line: line)
        case .mapping(let mapping):
            var fields: [ConfigurationNode.Field] = []
            fields.reserveCapacity(mapping.count)
            for (key, value) in mapping { fields.append(try field(key, value, depth: depth)) }
            return ConfigurationNode(content: .mapping(fields), line: line)
        case .alias:
            throw error(line, "YAML anchors and aliases (&name, *name) are not supported; write the value out")
        }
    }

    private func field(_ key: Node, _ value: Node, depth: Int) throws -> ConfigurationNode.Field {
        let line = key.mark?.line ?? 1
        guard case .scalar(let name) = key else { throw error(line, "a field's name must be a single word, not a list or a mapping") }
        guard name.string != "<<" else { throw error(line, "YAML merge keys (<<) are not supported; write the fields out") }
        return ConfigurationNode.Field(name: name.string, line: line, value: try converted(value, depth: depth + 1))
    }

    // MARK: Messages

    private func error(_ line: Int?, _ message: String) -> ConfigurationError {
        ConfigurationError(file: file, line: line, field: nil, message: message)
    }

    private func translated(_ error: YamlError, _ bytes: [UInt8]) -> ConfigurationError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            return self.error(mark.line, message(for: problem, onLine: mark.line, bytes))
        case .duplicatedKeysInMapping(let duplicates, let context):
            let name = duplicates.first.map { String($0.prefix(64)) } ?? ""
            return self.error(context.mark.line, "field \"\(name)\" is given twice")
        case .reader(let problem, _, _, _):
            return self.error(nil, "is not readable: \(problem)")
        default:
            return self.error(nil, "is not readable as YAML")
        }
    }

    private func message(for problem: String, onLine line: Int, _ bytes: [UInt8]) -> String {
        if problem == "found undefined alias" { return "a value that begins with * must be put in quotes" }
        if problem == "but found another document" { return "only one YAML document per file is allowed (--- stands between two)" }
        if problem.hasPrefix("Maximum nesting level") { return "is nested deeper than \(YAMLDocument.depthMax) levels" }
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        // libyaml notices a tab on its line or on the next one.
        for number in [line, line - 1] where lines.indices.contains(number - 1) {
            if lines[number - 1].prefix(while: { $0 == 0x20 || $0 == 0x09 }).contains(0x09) {
                return "a tab is not allowed as indentation; use spaces"
            }
        }
        return "YAML: \(problem)"
    }
}
