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
    func hasField(named name: String) -> Bool { fields.contains { names($0, name.utf8) } }

    /// Where the values of the fields of that lower-case name stand.
    func values(named name: [UInt8]) -> [Range<Int>] { fields.filter { names($0, name) }.map(\.value) }

    private func names(_ field: HeaderField, _ name: some Swift.Collection<UInt8>) -> Bool {
        guard field.name.count == name.count else { return false }
        var at = field.name.lowerBound
        for expected in name {
            let found = bytes[at]
            guard (0x41...0x5A).contains(found) ? found | 0x20 == expected : found == expected else { return false }
            at += 1
        }
        return true
    }
}
