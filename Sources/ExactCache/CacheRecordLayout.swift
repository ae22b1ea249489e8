import GatewayModel
import Hashing

/// The bytes of a stored record: a fixed header, then tenant, key id, provider, model, namespace, finish reason, tags, fields, body.
///
/// Little-endian. The checksum is XXH3-64 over everything behind it. Before it stand what is compared with known values (magic, version,
/// header length, digest) and the sequence, which is compared with the eviction order's. LMDB 0.9 has no checksums of its own.
package enum CacheRecordLayout {
    package static let magic: UInt32 = 0x3152_5857  // "WXR1"
    package static let version: UInt16 = 1
    package static let headerLength = 192

    static let versionAt = 4
    static let headerLengthAt = 6
    static let digestAt = 8
    static let sequenceAt = 40
    static let checksumAt = 48
    static let checkedFrom = 56
    package static let totalAt = 56
    static let bodyLengthAt = 60
    static let createdAt = 64
    static let ttlAt = 72
    static let staleAt = 76
    static let tenantHashAt = 80
    static let keyHashAt = 88
    static let modelHashAt = 96
    static let namespaceHashAt = 104
    static let revisionAt = 112
    static let statusAt = 120
    static let operationAt = 122
    static let flagsAt = 123
    static let fieldsLengthAt = 124
    static let usageAt = 128
    static let usageEventAt = 168
    static let textLengthsAt = 176
    static let tagsLengthAt = 188

    /// Writes the checksum of a finished record.
    package static func seal(_ bytes: inout [UInt8]) {
        let checksum = xxh3(bytes.span.extracting(checkedFrom..<bytes.count))
        for index in 0..<8 { bytes[checksumAt + index] = UInt8(truncatingIfNeeded: checksum >> UInt64(8 * index)) }
    }

    /// The first `checksumAt` bytes of a record, with the sequence the writer gave it.
    static func head(of bytes: [UInt8], sequence: UInt64) -> [UInt8] {
        var head = Array(bytes.prefix(sequenceAt))
        head.append(littleEndian: sequence)
        return head
    }

    /// The sequence of a record that at least begins like one; `nil` otherwise. Not checked any further.
    static func sequence(of bytes: Span<UInt8>) -> UInt64? {
        guard bytes.count >= headerLength else { return nil }
        return bytes.withUnsafeBytes { raw in
            guard UInt32(littleEndian: raw.loadUnaligned(as: UInt32.self)) == magic else { return nil }
            return UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: sequenceAt, as: UInt64.self))
        }
    }
}

/// One-bit facts of a record.
struct CacheRecordFlags: OptionSet {
    let rawValue: UInt8
    static let stream = CacheRecordFlags(rawValue: 1)
    static let toolCalls = CacheRecordFlags(rawValue: 2)
    static let usage = CacheRecordFlags(rawValue: 4)
    static let suspectUsage = CacheRecordFlags(rawValue: 8)
    static let usageEvent = CacheRecordFlags(rawValue: 16)
}
