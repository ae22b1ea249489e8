// libcurl sends header lines as they are: a CR or LF in one would be a second header or a second request. So fields enter through the one
// door below, which refuses such bytes, and are kept in the form libcurl reads: lines ended by NUL, one behind the other.

/// The header fields of a request to an upstream, checked and ready to send.
public struct UpstreamFields: Sendable {
    /// `Name: value` lines, each followed by a NUL.
    private(set) var lines: [UInt8] = []
    /// Number of fields.
    public private(set) var count = 0
    private(set) var namesAccept = false
    private(set) var namesContentType = false

    /// No fields.
    public init() {}

    /// No fields yet, with room for `bytes` of them.
    public init(reservingBytes bytes: Int) { lines.reserveCapacity(bytes) }

    /// Appends a field.
    /// - Returns: false, and nothing appended, when the name is no token, the value holds a control byte, or the field belongs to the
    ///   transport: `Host`, `Content-Length`, `Transfer-Encoding`, `Connection`, `Expect`, `Upgrade`, `TE`, `Trailer`, `Keep-Alive`,
    ///   `Proxy-Connection`.
    @discardableResult
    public mutating func append(name: Span<UInt8>, value: Span<UInt8>) -> Bool {
        name.withUnsafeBufferPointer { name in value.withUnsafeBufferPointer { value in append(name, value) } }
    }

    /// Appends a field; see `append(name:value:)` over bytes.
    @discardableResult
    public mutating func append(_ name: String, _ value: String) -> Bool {
        var name = name
        var value = value
        return name.withUTF8 { name in value.withUTF8 { value in append(name, value) } }
    }

    private mutating func append(_ name: UnsafeBufferPointer<UInt8>, _ rawValue: UnsafeBufferPointer<UInt8>) -> Bool {
        let value = Self.trimmed(rawValue)
        guard !name.isEmpty, name.allSatisfy(Self.isToken), value.allSatisfy(Self.isFieldByte), !Self.isTransport(name) else {
            return false
        }
        lines.reserveCapacity(lines.count + name.count + value.count + 3)
        lines.append(contentsOf: name)
        if value.isEmpty {
            lines.append(UInt8(ascii: ";"))  // libcurl's spelling of a field without value; "Name:" would suppress one
        } else {
            lines.append(UInt8(ascii: ":"))
            lines.append(UInt8(ascii: " "))
            lines.append(contentsOf: value)
        }
        lines.append(0)
        count += 1
        if Self.equals(name, "accept") { namesAccept = true }
        if Self.equals(name, "content-type") { namesContentType = true }
        return true
    }

    private static func trimmed(_ value: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        var start = 0
        var end = value.count
        while start < end, value[start] == 32 || value[start] == 9 { start += 1 }
        while end > start, value[end - 1] == 32 || value[end - 1] == 9 { end -= 1 }
        return UnsafeBufferPointer(rebasing: value[start..<end])
    }

    /// RFC 9110, section 5.6.2.
    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"),
            UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"),
            UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            return true
        default: return false
        }
    }

    /// RFC 9110, section 5.5: visible characters, space, tab and bytes above ASCII.
    static func isFieldByte(_ byte: UInt8) -> Bool { byte >= 32 ? byte != 127 : byte == 9 }

    private static func isTransport(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        switch name.count {
        case 2: return equals(name, "te")
        case 4: return equals(name, "host")
        case 6: return equals(name, "expect")
        case 7: return equals(name, "upgrade") || equals(name, "trailer")
        case 10: return equals(name, "connection") || equals(name, "keep-alive")
        case 14: return equals(name, "content-length")
        case 16: return equals(name, "proxy-connection")
        case 17: return equals(name, "transfer-encoding")
        default: return false
        }
    }

    /// Compares ignoring ASCII case; `lowercase` must be lowercase.
    static func equals(_ name: UnsafeBufferPointer<UInt8>, _ lowercase: StaticString) -> Bool {
        guard name.count == lowercase.utf8CodeUnitCount else { return false }
        let other = lowercase.utf8Start
        for index in 0..<name.count {
            var byte = name[index]
            if byte >= 65, byte <= 90 { byte |= 32 }
            if byte != other[index] { return false }
        }
        return true
    }
}
