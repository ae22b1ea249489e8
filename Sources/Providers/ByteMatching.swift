// Comparing bytes without making Strings: what the router and the observers are built from. Internal.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension Span where Element == UInt8 {
    /// Whether the bytes are those of `text`.
    @inline(__always) func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return unsafe withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return true }
            return unsafe memcmp(base, text.utf8Start, buffer.count) == 0
        }
    }

    /// Whether the bytes are those of `other`.
    @inline(__always) func equals(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where self[index] != other[index] { return false }
        return true
    }

    /// Whether the bytes are those of `other`, ASCII letters of either case being the same. Some providers match paths that way.
    @inline(__always) func equalsIgnoringCase(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where asciiLowercased(self[index]) != asciiLowercased(other[index]) { return false }
        return true
    }

    /// Whether the bytes begin with `text`.
    @inline(__always) func starts(with text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && extracting(0..<text.utf8CodeUnitCount).equals(text)
    }

    /// Whether the bytes end with `text`.
    @inline(__always) func ends(with text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && extracting((count - text.utf8CodeUnitCount)..<count).equals(text)
    }

    /// Where `byte` first stands at or after `start`; `nil` if nowhere.
    @inline(__always) func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start < count else { return nil }
        return unsafe withUnsafeBufferPointer { buffer -> Int? in
            guard let base = buffer.baseAddress, let found = unsafe memchr(base + start, Int32(byte), buffer.count - start) else {
                return nil
            }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    /// Where `byte` last stands; `nil` if nowhere.
    @inline(__always) func lastIndex(of byte: UInt8) -> Int? {
        var index = count - 1
        while index >= 0 {
            if self[index] == byte { return index }
            index -= 1
        }
        return nil
    }

    /// A copy.
    @inline(__always) func copied() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        bytes.append(span: self)
        return bytes
    }
}

/// The lower-case form of an ASCII letter; any other byte itself.
@inline(__always) func asciiLowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

/// Whether a byte may stand in a name or an id without being encoded: RFC 3986's unreserved characters.
@inline(__always) func isUnreserved(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
    default: false
    }
}
