// One field line (RFC 9112 section 5), and what the fields that frame a message or steer the connection must look like.

import GatewayModel

extension RequestHead {
    /// Reads a field line without its CRLF; it is not empty. 32 bytes past every position of the line must be readable.
    mutating func readFieldLine(_ base: UnsafePointer<UInt8>, _ line: Range<Int>, _ names: FieldNameTable) throws(HTTPRefusal) {
        var nameEnd = line.lowerBound
        while nameEnd < line.upperBound, ByteClass.token.contains(base[nameEnd]) { nameEnd &+= 1 }
        guard nameEnd > line.lowerBound, nameEnd < line.upperBound, base[nameEnd] == .colon else {
            throw base[line.lowerBound].isBlank ? .obsoleteLineFolding : .invalidFieldName
        }
        var start = nameEnd &+ 1
        var end = line.upperBound
        while start < end, base[start].isBlank { start &+= 1 }
        while end > start, base[end &- 1].isBlank { end &-= 1 }
        guard areFieldValueBytes(base + start, end &- start) else {
            throw hasBareCarriageReturn(base, start..<end) ? .invalidLineEnding : .invalidFieldValue
        }
        let known = names.field(base + line.lowerBound, nameEnd &- line.lowerBound)
        fields.append(HeaderField(name: line.lowerBound..<nameEnd, value: start..<end, known: known))
        if let known {
            // llhttp refuses blanks after `chunked`, others trim them: one more spelling on which parsers disagree.
            guard known != .transferEncoding || end == line.upperBound else { throw .invalidTransferEncoding }
            try note(known, base, start..<end)
        }
    }

    private func hasBareCarriageReturn(_ base: UnsafePointer<UInt8>, _ range: Range<Int>) -> Bool {
        range.contains { base[$0] == .carriageReturn }
    }

    /// Takes in what a known field says, at the moment it is met.
    @inline(__always) private mutating func note(_ known: FieldName, _ base: UnsafePointer<UInt8>, _ value: Range<Int>) throws(HTTPRefusal)
    {
        let isRepeated = present.contains(known)
        present.insert(known)
        switch known {
        case .host:
            guard !isRepeated else { throw .repeatedHost }
            guard isAuthority(base, value) else { throw .invalidHost }
            host = value
        case .contentLength:
            guard !isRepeated else { throw .repeatedContentLength }
            bodyFraming = .length(try Self.contentLength(base, value))
        case .transferEncoding:
            try noteTransferEncoding(base, value, isRepeated: isRepeated)
        case .upgrade:
            throw .upgradeNotSupported
        case .expect:
            guard !isRepeated, equalsIgnoringCase(base + value.lowerBound, value.count, "100-continue") else {
                throw .unsupportedExpectation
            }
            expectsContinue = true
        default: break
        }
    }

    /// One decimal number, no sign, no list, no leading zero.
    private static func contentLength(_ base: UnsafePointer<UInt8>, _ value: Range<Int>) throws(HTTPRefusal) -> UInt64 {
        guard value.count > 0, value.count == 1 || base[value.lowerBound] != 0x30 else { throw .invalidContentLength }
        var length: UInt64 = 0
        for index in value {
            guard base[index] >= 0x30, base[index] <= 0x39 else { throw .invalidContentLength }
            let (tenfold, overflow) = length.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(UInt64(base[index] &- 0x30))
            guard !overflow, !carry else { throw .invalidContentLength }
            length = sum
        }
        return length
    }

    /// `chunked`, once, on HTTP/1.1. Known codings before a final `chunked` are lawful and not supported; the rest can't be framed.
    @inline(never) private mutating func noteTransferEncoding(
        _ base: UnsafePointer<UInt8>, _ value: Range<Int>, isRepeated: Bool
    ) throws(HTTPRefusal) {
        guard !isHTTP10 else { throw .transferEncodingOnHTTP10 }
        guard !isRepeated else { throw .invalidTransferEncoding }
        guard !equalsIgnoringCase(base + value.lowerBound, value.count, "chunked") else { return }
        var codings = ListElements(base, value)
        var last = 0..<0
        var count = 0
        while let coding = codings.next() {
            if count > 0, !Self.isCompression(base, last) { throw .invalidTransferEncoding }
            last = coding
            count &+= 1
        }
        let endsChunked = count > 1 && equalsIgnoringCase(base + last.lowerBound, last.count, "chunked")
        throw endsChunked ? .unsupportedTransferEncoding : .invalidTransferEncoding
    }

    private static func isCompression(_ base: UnsafePointer<UInt8>, _ coding: Range<Int>) -> Bool {
        let (start, count) = (base + coding.lowerBound, coding.count)
        return equalsIgnoringCase(start, count, "gzip") || equalsIgnoringCase(start, count, "deflate")
            || equalsIgnoringCase(start, count, "compress") || equalsIgnoringCase(start, count, "x-gzip")
            || equalsIgnoringCase(start, count, "x-compress")
    }
}

/// The non-empty elements of a comma-separated list, blanks around them trimmed.
struct ListElements {
    private let base: UnsafePointer<UInt8>
    private var index: Int
    private let end: Int

    init(_ base: UnsafePointer<UInt8>, _ value: Range<Int>) {
        (self.base, index, end) = (base, value.lowerBound, value.upperBound)
    }

    mutating func next() -> Range<Int>? {
        while index < end {
            var (start, stop) = (index, index)
            while stop < end, base[stop] != 0x2C { stop &+= 1 }
            index = stop &+ 1
            while start < stop, base[start].isBlank { start &+= 1 }
            while stop > start, base[stop &- 1].isBlank { stop &-= 1 }
            if start < stop { return start..<stop }
        }
        return nil
    }
}
