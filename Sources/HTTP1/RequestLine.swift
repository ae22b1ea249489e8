// The request line: `METHOD SP target SP HTTP/1.x`, single spaces, nothing else (RFC 9112 section 3). RFC 9112 lets a server be lenient
// about white space here; we are not, as every leniency is a second way to read a request.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension RequestHead {
    /// Reads the method that starts a request line, as soon as it can be told; `nil` if it can't yet.
    ///
    /// `line` may be an incomplete line. The verdict for a line never changes as more of it arrives.
    static func readMethod(_ base: UnsafePointer<UInt8>, _ line: Range<Int>) throws(HTTPRefusal) -> (method: Method, count: Int)? {
        var word: UInt64 = 0
        for index in 0..<min(line.count, Method.bytesMax &+ 1) {
            let byte = base[line.lowerBound &+ index]
            if byte == .space {
                return (try Method(packed: word), index)
            }
            guard byte >= 0x41, byte <= 0x5A, index < Method.bytesMax else { throw .unknownMethod }
            word = word &<< 8 | UInt64(byte)
        }
        return nil
    }

    /// Reads a complete request line, without its CRLF.
    mutating func readRequestLine(_ base: UnsafePointer<UInt8>, _ line: Range<Int>, _ limits: HTTP1Limits) throws(HTTPRefusal) {
        guard let (method, methodCount) = try Self.readMethod(base, line) else { throw .malformedRequestLine }
        self.method = method
        let start = line.lowerBound &+ methodCount &+ 1
        guard let space = memchr(base + start, Int32(UInt8.space), line.upperBound &- start) else { throw .malformedRequestLine }
        let end = UnsafeRawPointer(space) - UnsafeRawPointer(base)
        guard end > start else { throw .malformedRequestLine }
        guard end &- start <= limits.targetBytesMax else { throw .targetTooLong }
        isHTTP10 = try Self.readVersion(base, end &+ 1..<line.upperBound)
        target = start..<end
        try readTarget(base)
    }

    /// Whether the version is `HTTP/1.0` (true) or `HTTP/1.1` (false).
    private static func readVersion(_ base: UnsafePointer<UInt8>, _ range: Range<Int>) throws(HTTPRefusal) -> Bool {
        guard range.count == 8 else { throw .malformedRequestLine }
        let word = UInt64(bigEndian: UnsafeRawPointer(base).loadUnaligned(fromByteOffset: range.lowerBound, as: UInt64.self))
        switch word {
        case 0x4854_5450_2F31_2E31: return false  // HTTP/1.1
        case 0x4854_5450_2F31_2E30: return true  // HTTP/1.0
        default:
            // Any other `HTTP/` digit `.` digit is a version; the rest is noise.
            let start = base + range.lowerBound
            let isVersion = word >> 24 == 0x48_5454_502F && 0x30...0x39 ~= start[5] && start[6] == 0x2E && 0x30...0x39 ~= start[7]
            throw isVersion ? .unsupportedVersion : .malformedRequestLine
        }
    }

    private mutating func readTarget(_ base: UnsafePointer<UInt8>) throws(HTTPRefusal) {
        let first = base[target.lowerBound]
        if first == .slash {
            try readPathAndQuery(base, target)
        } else if first == 0x2A, target.count == 1, method == .options {
            path = target
        } else {
            try readAbsoluteForm(base)
        }
    }

    /// `http://authority/path?query`. An empty path means `/`; as the bytes have none at that place, a slash of `://` stands for it.
    private mutating func readAbsoluteForm(_ base: UnsafePointer<UInt8>) throws(HTTPRefusal) {
        var start = target.lowerBound
        if target.count >= 7, equalsIgnoringCase(base + start, 7, "http://") {
            start &+= 7
        } else if target.count >= 8, equalsIgnoringCase(base + start, 8, "https://") {
            start &+= 8
        } else {
            throw .invalidTarget
        }
        var end = start
        while end < target.upperBound, base[end] != .slash, base[end] != 0x3F { end &+= 1 }
        guard isAuthority(base, start..<end) else { throw .invalidTarget }
        authority = start..<end
        if end < target.upperBound, base[end] == .slash {
            try readPathAndQuery(base, end..<target.upperBound)
        } else {
            path = start &- 1..<start
            if end < target.upperBound { try readQuery(base, end &+ 1..<target.upperBound) }
        }
    }

    private mutating func readPathAndQuery(_ base: UnsafePointer<UInt8>, _ range: Range<Int>) throws(HTTPRefusal) {
        var index = range.lowerBound
        while index < range.upperBound, ByteClass.path.contains(base[index]) {
            if base[index] == 0x25 {
                guard index &+ 2 < range.upperBound, base[index &+ 1].hexValue != nil, base[index &+ 2].hexValue != nil else {
                    throw .invalidTarget
                }
            }
            index &+= 1
        }
        path = range.lowerBound..<index
        guard index < range.upperBound else { return }
        guard base[index] == 0x3F else { throw .invalidTarget }
        try readQuery(base, index &+ 1..<range.upperBound)
    }

    private mutating func readQuery(_ base: UnsafePointer<UInt8>, _ range: Range<Int>) throws(HTTPRefusal) {
        for index in range where !ByteClass.query.contains(base[index]) { throw .invalidTarget }
        query = range
    }
}
