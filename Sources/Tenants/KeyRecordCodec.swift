// A record is 12 bytes and JSON: the magic "WKR", the version, XXH3 of the record's name and the JSON (little-endian), then the JSON. The name
// is under the checksum, so a record that turns up under another name is damage. JSON, because these records are few, outlive releases, and
// are read by people when something has gone wrong. A field that is not known is refused: it might narrow what a key may do.

import GatewayModel
import Hashing
import JSON

/// Why a record can't be read. Never repeats its content.
struct KeyRecordError: Error, Equatable {
    let message: String
    /// Whether a newer release wrote it.
    let isNewer: Bool

    init(_ message: String, isNewer: Bool = false) {
        self.message = message
        self.isNewer = isNewer
    }
}

/// Writes and reads records of the keys store.
enum KeyRecordCodec {
    static let version: UInt8 = 1
    private static let magic: [UInt8] = [0x57, 0x4B, 0x52]
    private static let headerCount = 12

    static func encode(_ record: KeyRecord) -> [UInt8] {
        let payload = KeyRecordJSON.value(of: record).bytes
        return magic + [version] + checksum(record.name, payload) + payload
    }

    static func decode(name: Span<UInt8>, value: Span<UInt8>) throws(KeyRecordError) -> KeyRecord {
        guard value.count > headerCount, value[0] == magic[0], value[1] == magic[1], value[2] == magic[2] else {
            throw KeyRecordError("is no record of this store")
        }
        guard value[3] <= version else {
            throw KeyRecordError("has format \(value[3]), which a newer release wrote; this one reads up to \(version)", isNewer: true)
        }
        let nameBytes = bytes(name)
        let payload = bytes(value.extracting(headerCount..<value.count))
        guard value[3] == version, bytes(value.extracting(4..<headerCount)) == checksum(nameBytes, payload) else {
            throw KeyRecordError("fails its checksum")
        }
        let json: JSONValue
        do {
            json = try JSONValue(parsing: payload.span)
        } catch {
            throw KeyRecordError("is not JSON")
        }
        let record = try KeyRecordJSON.record(named: nameBytes, json)
        guard record.name == nameBytes else { throw KeyRecordError("stands under another record's name") }
        return record
    }

    /// As `decode`, for callers inside a closure that can't throw.
    static func result(name: Span<UInt8>, value: Span<UInt8>) -> Result<KeyRecord, KeyRecordError> {
        do { return .success(try decode(name: name, value: value)) } catch { return .failure(error) }
    }

    /// XXH3 of a record's name, a zero and its content, little-endian.
    static func checksum(_ name: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        var checked: [UInt8] = []
        checked.reserveCapacity(name.count + 1 + payload.count)
        checked += name
        checked.append(0)
        checked += payload
        return withUnsafeBytes(of: xxh3(checked.span).littleEndian) { Array($0) }
    }

    static func bytes(_ span: Span<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(span.count)
        for index in span.indices { bytes.append(span[index]) }
        return bytes
    }
}
