/// gzip (RFC 1952) with stored blocks only (RFC 1951, 3.2.4): valid for every reader and simple enough to be right. It makes bodies
/// longer, not shorter; the demo provider has it to show what becomes of encoded answers.
public enum StoredGzip {
    /// The bytes in gzip form.
    public static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
        out.reserveCapacity(bytes.count + bytes.count / 65_535 * 5 + 32)
        var start = 0
        repeat {
            let count = min(bytes.count - start, 65_535)
            let isLast = start + count == bytes.count
            out.append(isLast ? 1 : 0)
            appendLittleEndian(UInt32(count), bytes: 2, to: &out)
            appendLittleEndian(~UInt32(count), bytes: 2, to: &out)
            out.append(contentsOf: bytes[start..<start + count])
            start += count
        } while start < bytes.count
        appendLittleEndian(crc32(bytes), bytes: 4, to: &out)
        appendLittleEndian(UInt32(truncatingIfNeeded: bytes.count), bytes: 4, to: &out)
        return out
    }

    private static func appendLittleEndian(_ value: UInt32, bytes: Int, to out: inout [UInt8]) {
        for index in 0..<bytes { out.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * index))) }
    }

    /// CRC-32 of RFC 1952, section 8.
    static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ crc >> 8 }
        return crc ^ 0xFFFF_FFFF
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
    }
}
