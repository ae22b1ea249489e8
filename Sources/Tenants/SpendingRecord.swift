// What the limiter has counted is kept beside the keys, in a database of its own. Its records are not like the others: they are written every
// second, their content is the limiter's, and losing one is a budget that starts anew, not a gateway that must not start. So a record that is
// damaged, or of a newer release, is skipped.
//
// A record is the magic "WSP", the version, XXH3 of the record's name, a zero and the state (little-endian), then the state.

/// Writes and reads records of spending.
enum SpendingRecord {
    static let version: UInt8 = 1
    private static let header: [UInt8] = [0x57, 0x53, 0x50, version]
    private static let headerCount = 12

    static func encode(name: [UInt8], state: [UInt8]) -> [UInt8] {
        var record: [UInt8] = []
        record.reserveCapacity(headerCount + state.count)
        record += header
        record += KeyRecordCodec.checksum(name, state)
        record += state
        return record
    }

    /// The state, or `nil` for anything but an intact record of that name.
    static func decode(name: Span<UInt8>, value: Span<UInt8>) -> [UInt8]? {
        guard value.count >= headerCount else { return nil }
        for index in header.indices where value[index] != header[index] { return nil }
        let state = KeyRecordCodec.bytes(value.extracting(headerCount..<value.count))
        let sum = KeyRecordCodec.bytes(value.extracting(header.count..<headerCount))
        return sum == KeyRecordCodec.checksum(KeyRecordCodec.bytes(name), state) ? state : nil
    }
}
