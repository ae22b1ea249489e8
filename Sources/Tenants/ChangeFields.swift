import GatewayModel
import JSON

/// The fields of a change sent to the admin API. Every field that nobody took is refused: a caller can't set what it was not offered.
struct ChangeFields {
    private var members: [String: JSONValue] = [:]
    private let prefix: String

    init(_ json: JSONValue, prefix: String = "") throws(KeyStoreError) {
        self.prefix = prefix
        guard let object = json.objectValue else { throw KeyStoreError(.invalidValue, "A change is a JSON object of fields.") }
        for member in object.members { members[member.key] = member.value }
    }

    func finish() throws(KeyStoreError) {
        guard let name = members.keys.min() else { return }
        throw KeyStoreError(.invalidValue, "The field \(printable(prefix + name)) can't be set here.", field: printable(prefix + name))
    }

    /// The value of a field: `nil` where it is not given, `.null` where it is to be reset.
    mutating func take(_ name: String) -> JSONValue? { members.removeValue(forKey: name) }

    mutating func text(_ name: String) throws(KeyStoreError) -> String? {
        guard let value = take(name) else { return nil }
        if value.isNull { return "" }
        guard let text = value.stringValue else { throw malformed(name, "must be a text") }
        return text
    }

    mutating func flag(_ name: String) throws(KeyStoreError) -> Bool? {
        guard let value = take(name) else { return nil }
        guard let flag = value.boolValue else { throw malformed(name, "must be true or false") }
        return flag
    }

    /// A field that may be reset: `.some(nil)` for `null`.
    mutating func optional<Value>(_ name: String, _ read: (JSONValue) -> Value?, _ rule: String) throws(KeyStoreError) -> Value?? {
        guard let value = take(name) else { return nil }
        if value.isNull { return .some(nil) }
        guard let read = read(value) else { throw malformed(name, rule) }
        return .some(read)
    }

    /// A list built from texts; `null` and `[]` both mean that nothing is narrowed.
    mutating func list<List>(_ name: String, _ build: ([String]) throws(PatternError) -> List) throws(KeyStoreError) -> List? {
        guard let value = take(name) else { return nil }
        var texts: [String] = []
        if !value.isNull {
            guard let items = value.arrayValue else { throw malformed(name, "must be a list of texts") }
            for item in items {
                guard let text = item.stringValue else { throw malformed(name, "must be a list of texts") }
                texts.append(text)
            }
        }
        do { return try build(texts) } catch { throw malformed(name, error.description) }
    }

    mutating func metadata(_ name: String) throws(KeyStoreError) -> Metadata? {
        guard let value = take(name) else { return nil }
        if value.isNull { return Metadata() }
        do { return try Metadata(value) } catch { throw malformed(name, error.description) }
    }

    /// A change of limits; errors name the part at fault.
    mutating func limits(_ name: String) throws(KeyStoreError) -> LimitSetChange? {
        guard let value = take(name) else { return nil }
        do { return try LimitSetChange(value) } catch { throw KeyStoreError(error, in: prefix + name) }
    }

    func malformed(_ name: String, _ rule: String) -> KeyStoreError {
        KeyStoreError(.invalidValue, "\(prefix)\(name): \(rule).", field: prefix + name)
    }
}

extension KeyStoreError {
    /// Limits that are wrong, in the field of that name.
    init(_ error: LimitSyntaxError, in field: String) {
        let path = error.steps.isEmpty ? field : field + "." + error.path
        self.init(.invalidValue, "\(path): \(error.message).", field: path)
    }
}

extension LimitSetChange {
    /// Puts the change into the limits of a key or tenant.
    func apply(to limits: inout LimitSet) throws(KeyStoreError) {
        do { limits = try applied(to: limits) } catch { throw KeyStoreError(error, in: "limits") }
    }
}
