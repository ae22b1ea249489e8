import GatewayModel
import HTTP1

extension RequestHead {
    /// The query's place; empty at the head's start where there is none.
    var queryRange: Range<Int> { query ?? 0..<0 }

    /// Whether a body follows.
    var hasBody: Bool {
        switch bodyFraming {
        case .none, .length(0): false
        default: true
        }
    }

    /// The length the client declared.
    var declaredBodyLength: UInt64? {
        if case .length(let count) = bodyFraming { return count }
        return nil
    }

    /// Whether a field of that lower-case name is there.
    func hasField(named name: String) -> Bool { fields.contains { names($0, name) } }

    /// Where the values of the fields of that lower-case name stand.
    func values(named name: String) -> [Range<Int>] { fields.filter { names($0, name) }.map(\.value) }

    private func names(_ field: HeaderField, _ name: String) -> Bool {
        guard field.name.count == name.utf8.count else { return false }
        return zip(bytes[field.name], name.utf8).allSatisfy { (found, expected) in (0x41...0x5A).contains(found) ? found | 0x20 == expected : found == expected }
    }
}

/// `Accept-Encoding` (RFC 9110 section 12.5.3), as far as the gateway cares.
enum AcceptEncoding {
    /// Whether an unencoded answer is acceptable: unless `identity` or `*` is given a weight of 0.
    static func allowsIdentity(_ value: String) -> Bool {
        var star = true
        for part in value.split(separator: ",") {
            let pieces = part.split(separator: ";")
            guard let coding = pieces.first?.trimmed.lowercased() else { continue }
            let isRefused = pieces.dropFirst().contains { piece in
                let pair = piece.split(separator: "=", maxSplits: 1)
                return pair.count == 2 && pair[0].trimmed.lowercased() == "q" && (Double(pair[1].trimmed) ?? 1) == 0
            }
            if coding == "identity" { return !isRefused }
            if coding == "*" { star = !isRefused }
        }
        return star
    }
}
