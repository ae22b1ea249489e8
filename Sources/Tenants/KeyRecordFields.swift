import GatewayModel
import JSON

/// The fields of a record's JSON, each taken once; what is left over at the end is an error.
struct KeyRecordFields {
    private var members: [String: JSONValue] = [:]

    init(_ json: JSONValue) throws(KeyRecordError) {
        guard let object = json.objectValue else { throw KeyRecordError("is not a JSON object") }
        for member in object.members { members[member.key] = member.value }
    }

    /// Refuses fields that nobody asked for.
    func finish() throws(KeyRecordError) {
        if let name = members.keys.min() { throw KeyRecordError("has a field \(printable(name)) that this release does not know") }
    }

    mutating func optionalText(_ name: String) throws(KeyRecordError) -> String? {
        guard let value = members.removeValue(forKey: name) else { return nil }
        guard let text = value.stringValue else { throw malformed(name) }
        return text
    }

    mutating func text(_ name: String) throws(KeyRecordError) -> String {
        guard let text = try optionalText(name) else { throw malformed(name) }
        return text
    }

    mutating func optionalFlag(_ name: String) throws(KeyRecordError) -> Bool? {
        guard let value = members.removeValue(forKey: name) else { return nil }
        guard let flag = value.boolValue else { throw malformed(name) }
        return flag
    }

    mutating func optionalInteger(_ name: String) throws(KeyRecordError) -> Int? {
        guard let value = members.removeValue(forKey: name) else { return nil }
        guard let number = value.intValue else { throw malformed(name) }
        return number
    }

    mutating func optionalTime(_ name: String) throws(KeyRecordError) -> WallTime? {
        try optionalInteger(name).map { WallTime(milliseconds: Int64($0)) }
    }

    mutating func time(_ name: String) throws(KeyRecordError) -> WallTime {
        guard let time = try optionalTime(name) else { throw malformed(name) }
        return time
    }

    mutating func digest(_ name: String) throws(KeyRecordError) -> Digest256 {
        guard let digest = Digest256(hex: try text(name)) else { throw malformed(name) }
        return digest
    }

    mutating func optionalVerifier(_ name: String) throws(KeyRecordError) -> KeyVerifier? {
        guard let text = try optionalText(name) else { return nil }
        guard let verifier = KeyVerifier(text: text) else { throw malformed(name) }
        return verifier
    }

    mutating func verifier(_ name: String) throws(KeyRecordError) -> KeyVerifier {
        guard let verifier = try optionalVerifier(name) else { throw malformed(name) }
        return verifier
    }

    mutating func scopedList(_ name: String, _ subject: ScopedPatternList.Subject) throws(KeyRecordError) -> ScopedPatternList {
        let texts = try texts(name)
        do { return try ScopedPatternList(texts, of: subject) } catch { throw malformed(name) }
    }

    mutating func list(_ name: String) throws(KeyRecordError) -> PatternList {
        let texts = try texts(name)
        do { return try PatternList(texts) } catch { throw malformed(name) }
    }

    mutating func addresses(_ name: String) throws(KeyRecordError) -> AddressList {
        let texts = try texts(name)
        do { return try AddressList(texts) } catch { throw malformed(name) }
    }

    mutating func metadata(_ name: String) throws(KeyRecordError) -> Metadata {
        guard let value = members.removeValue(forKey: name) else { return Metadata() }
        do { return try Metadata(value) } catch { throw malformed(name) }
    }

    mutating func limits(_ name: String) throws(KeyRecordError) -> LimitSet {
        guard let value = members.removeValue(forKey: name) else { return LimitSet() }
        do { return try LimitSet(json: value) } catch { throw malformed(name) }
    }

    private mutating func texts(_ name: String) throws(KeyRecordError) -> [String] {
        guard let value = members.removeValue(forKey: name) else { return [] }
        guard let items = value.arrayValue else { throw malformed(name) }
        var texts: [String] = []
        for item in items {
            guard let text = item.stringValue else { throw malformed(name) }
            texts.append(text)
        }
        return texts
    }

    private func malformed(_ name: String) -> KeyRecordError { KeyRecordError("has a missing or malformed field \(name)") }
}

extension KeyVerifier {
    /// `hmac:` or `sha256:` and 64 hexadecimal digits.
    public var text: String {
        switch self {
        case .hmac(let digest): "hmac:" + digest.hex
        case .sha256(let digest): "sha256:" + digest.hex
        }
    }

    /// Reads `hmac:` or `sha256:` and 64 hexadecimal digits.
    public init?(text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let digest = Digest256(hex: String(parts[1])) else { return nil }
        switch parts[0] {
        case "hmac": self = .hmac(digest)
        case "sha256": self = .sha256(digest)
        default: return nil
        }
    }
}
