/// Finds the members of an object and the elements of an array in JSON bytes without reading them: what is not looked at costs a scan.
///
/// Structure is followed, not checked to the last comma: it is for bodies that an observer has found whole.
struct RawJSONReader {
    private var position: Int

    init(_ bytes: Span<UInt8>, from start: Int = 0) { position = start }

    /// Calls `member` with each name (raw, between its quotes) and the range of its value; `false` from it, or bytes that are no object, end
    /// the reading with `false`.
    mutating func readObject(_ bytes: Span<UInt8>, _ member: (Span<UInt8>, Range<Int>) -> Bool) -> Bool {
        guard take(0x7B, bytes) else { return false }
        if take(0x7D, bytes) { return true }
        while true {
            skipSpace(bytes)
            guard let name = skipString(bytes), take(0x3A, bytes), let value = skipValue(bytes) else { return false }
            guard member(bytes.extracting((name.lowerBound + 1)..<(name.upperBound - 1)), value) else { return false }
            if take(0x2C, bytes) { continue }
            return take(0x7D, bytes)
        }
    }

    /// Calls `element` with the range of each element; `false` from it, or bytes that are no array, end the reading with `false`.
    mutating func readArray(_ bytes: Span<UInt8>, _ element: (Range<Int>) -> Bool) -> Bool {
        guard take(0x5B, bytes) else { return false }
        if take(0x5D, bytes) { return true }
        while true {
            guard let value = skipValue(bytes), element(value) else { return false }
            if take(0x2C, bytes) { continue }
            return take(0x5D, bytes)
        }
    }

    /// Whether nothing but space follows.
    mutating func isAtEnd(_ bytes: Span<UInt8>) -> Bool {
        skipSpace(bytes)
        return position == bytes.count
    }

    private mutating func skipSpace(_ bytes: Span<UInt8>) {
        while position < bytes.count, bytes[position] == 0x20 || (bytes[position] >= 0x09 && bytes[position] <= 0x0D) { position += 1 }
    }

    private mutating func take(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        skipSpace(bytes)
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// Skips a string, quotes included; `nil` where there is none, or no end of it.
    private mutating func skipString(_ bytes: Span<UInt8>) -> Range<Int>? {
        guard position < bytes.count, bytes[position] == 0x22 else { return nil }
        let start = position
        var index = position + 1
        while let quote = bytes.firstIndex(of: 0x22, from: index) {
            var slashes = 0
            while bytes[quote - 1 - slashes] == 0x5C { slashes += 1 }
            index = quote + 1
            guard slashes % 2 == 0 else { continue }
            position = index
            return start..<index
        }
        return nil
    }

    private mutating func skipValue(_ bytes: Span<UInt8>) -> Range<Int>? {
        skipSpace(bytes)
        let start = position
        guard position < bytes.count else { return nil }
        switch bytes[position] {
        case 0x22: return skipString(bytes)
        case 0x7B, 0x5B: return skipContainer(bytes) ? start..<position : nil
        default:
            while position < bytes.count, !RawJSONReader.endsScalar(bytes[position]) { position += 1 }
            return position > start ? start..<position : nil
        }
    }

    private mutating func skipContainer(_ bytes: Span<UInt8>) -> Bool {
        var depth = 0
        while let mark = RawJSONReader.nextMark(in: bytes, from: position) {
            position = mark
            switch bytes[mark] {
            case 0x22:
                guard skipString(bytes) != nil else { return false }
                continue
            case 0x7B, 0x5B: depth += 1
            default: depth -= 1
            }
            position += 1
            if depth == 0 { return true }
        }
        return false
    }

    /// Where the next quote, bracket or brace stands. Numbers, commas and space, which vectors are made of, are passed by one comparison.
    private static func nextMark(in bytes: Span<UInt8>, from start: Int) -> Int? {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            var index = start
            while index < buffer.count {
                let byte = unsafe buffer[index]
                if byte == 0x22 || (byte >= 0x5B && (byte | 0x20 == 0x7B || byte | 0x20 == 0x7D)) { return index }
                index &+= 1
            }
            return nil
        }
    }

    private static func endsScalar(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x2C, 0x7D, 0x5D, 0x20, 0x09...0x0D, 0x22, 0x7B, 0x5B, 0x3A: true
        default: false
        }
    }
}
