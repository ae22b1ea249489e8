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
        name += scope.kind.utf8
        name.append(0x2F)
        SubjectIdentity.append(Array(scope.id.utf8), max: 96, to: &name)
        name.append(0x2F)
        name += cell.measure.rawValue.utf8
        switch selector {
        case .all: name += "/all".utf8
        case .model(let pattern):
            name += "/model=".utf8
            SubjectIdentity.append(Array(pattern.utf8), max: 96, to: &name)
        case .metadata(let metadata):
            name += "/metadata=".utf8
            SubjectIdentity.append(Array(metadata.utf8), max: 72, to: &name)
        }
        switch value {
        case nil: break
        case .absent: name += "/absent".utf8
        case .overflow: name += "/overflow".utf8
        case .value(let bytes):
            name += "/value=".utf8
            SubjectIdentity.append(bytes, max: 128, to: &name)
        }
        name += "/\(cell.ordinal)".utf8
        return name
    }

    /// Letters, digits and `._*:@-` as they are, the rest as `%` and two digits; `#` and a hash when that is longer than `max`. FNV-1a of
    /// 128 bits: values made to collide can only displace each other's record, and a record says in full whose it is.
    private static func append(_ bytes: [UInt8], max: Int, to name: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes.prefix(max + 1) {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2E, 0x5F, 0x2A, 0x3A, 0x40, 0x2D: text.append(byte)
            default: text += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        if text.count > max {
            var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
            for byte in bytes { hash = (hash ^ UInt128(byte)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b }
            text = [0x23] + stride(from: 124, through: 0, by: -4).map { digits[Int((hash >> UInt128($0)) & 15)] }
        }
        name += text
    }
}
