import GatewayModel

/// Which of a metadata name's buckets.
enum MetadataValue: Sendable, Hashable {
    case absent, overflow
    case value([UInt8])
}

/// Whose cells they are, for good: the same through reloads and restarts.
struct SubjectIdentity: Sendable, Hashable {
    var scope: LimitScope
    var selector: LimitSelector
    /// nil unless the selector is a metadata name.
    var value: MetadataValue?

    /// The key under which the state of a cell is stored: `tenant/acme/cost/all/1`, `key/k1/tokens/model=openai%2Fgpt-4o*/1`,
    /// `tenant/acme/requests/metadata=user/value=alice/1`. At most 400 bytes: parts that are too long are replaced by a hash.
    func recordName(_ cell: LimitCell) -> [UInt8] {
        var name: [UInt8] = []
        name.reserveCapacity(96)
        name.append(contentsOf: scope.kind.utf8)
        name.append(0x2F)
        SubjectIdentity.append(scope.id.utf8, max: 96, to: &name)
        name.append(0x2F)
        name.append(contentsOf: cell.measure.rawValue.utf8)
        switch selector {
        case .all: name.append(literal: "/all")
        case .model(let pattern):
            name.append(literal: "/model=")
            SubjectIdentity.append(pattern.utf8, max: 96, to: &name)
        case .metadata(let metadata):
            name.append(literal: "/metadata=")
            SubjectIdentity.append(metadata.utf8, max: 72, to: &name)
        }
        switch value {
        case nil: break
        case .absent: name.append(literal: "/absent")
        case .overflow: name.append(literal: "/overflow")
        case .value(let bytes):
            name.append(literal: "/value=")
            SubjectIdentity.append(bytes, max: 128, to: &name)
        }
        name.append(0x2F)
        name.append(decimal: Int64(cell.ordinal))
        return name
    }

    /// Letters, digits and `._*:@-` as they are, the rest as `%` and two digits; `#` and a hash when that is longer than `max`. FNV-1a of
    /// 128 bits: values made to collide can only displace each other's record, and a record says in full whose it is.
    private static func append(_ bytes: some Sequence<UInt8>, max: Int, to name: inout [UInt8]) {
        let start = name.count
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2E, 0x5F, 0x2A, 0x3A, 0x40, 0x2D: name.append(byte)
            default:
                name.append(0x25)
                name.append(digit(byte >> 4))
                name.append(digit(byte & 15))
            }
            if name.count - start > max { return replace(from: start, byHashOf: bytes, in: &name) }
        }
    }

    private static func replace(from start: Int, byHashOf bytes: some Sequence<UInt8>, in name: inout [UInt8]) {
        name.removeSubrange(start...)
        var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
        for byte in bytes { hash = (hash ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b }
        name.append(0x23)
        for shift in stride(from: 124, through: 0, by: -4) { name.append(digit(UInt8(truncatingIfNeeded: hash >> UInt128(shift)) & 15)) }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
