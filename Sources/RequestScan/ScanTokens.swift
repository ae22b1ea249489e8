// Strings and numbers of a pass: the tokens that become bytes of the canonical form.

internal import GatewayModel
internal import JSON

extension ScanPass {
    /// The string at `position`, an opening quote. Returns its code points, escapes decoded. A key is always copied, never left in the body.
    @inline(__always)
    mutating func string(isKey: Bool) throws(ScanError) -> Int {
        canonical.append(CanonicalTag.string)
        let start = position &+ 1
        let stop = endOfPlainRun(base, from: start, to: end)
        guard stop < end, base[stop] == 0x22 else { return try unusualString(from: start, stoppedAt: stop, isKey: isKey) }
        append(start, stop, isKey)
        position = stop &+ 1
        return stop &- start
    }

    @inline(__always)
    private mutating func append(_ start: Int, _ stop: Int, _ isKey: Bool) {
        let count = stop &- start
        if isKey || count < CanonicalForm.runBytesMin {
            canonical.copy(base, from: start, count: count, limit: end)
        } else {
            canonical.refer(toBodyFrom: start, count: count)
        }
    }

    /// A string with escapes or characters beyond ASCII, or a broken one.
    @inline(never)
    private mutating func unusualString(from start: Int, stoppedAt stop: Int, isKey: Bool) throws(ScanError) -> Int {
        var runStart = start
        var index = stop
        var characters = 0
        while true {
            guard index < end else { throw .truncated(offset: end) }
            let byte = base[index]
            if byte >= 0x80 {
                let length = multibyteLength(base, at: index, to: end)
                guard length > 0 else { throw .invalidUTF8(offset: index) }
                characters &-= length &- 1
                index &+= length
                // Text beyond ASCII comes in words, where looking for a plain run at every character would be waste.
                if index < end, base[index] >= 0x80 { continue }
            } else {
                guard byte == 0x22 || byte == 0x5C else { throw .controlByte(offset: index) }
                if index > runStart {
                    append(runStart, index, isKey)
                    characters &+= index &- runStart
                }
                if byte == 0x22 { break }
                index = try escape(at: index)
                characters &+= 1
                runStart = index
                if index < end, base[index] == 0x5C { continue }
            }
            index = endOfPlainRun(base, from: index, to: end)
        }
        position = index &+ 1
        return characters
    }

    /// Appends the character of the escape at `start`, a backslash. Returns the index after it.
    private mutating func escape(at start: Int) throws(ScanError) -> Int {
        guard start &+ 1 < end else { throw .truncated(offset: end) }
        let decoded: UInt8
        switch base[start &+ 1] {
        case 0x6E: decoded = 0x0A
        case 0x22: decoded = 0x22
        case 0x5C: decoded = 0x5C
        case 0x2F: decoded = 0x2F
        case 0x74: decoded = 0x09
        case 0x72: decoded = 0x0D
        case 0x62: decoded = 0x08
        case 0x66: decoded = 0x0C
        case 0x75: return try unicodeEscape(at: start)
        default: throw .syntax(offset: start &+ 1)
        }
        canonical.append(decoded)
        return start &+ 2
    }

    private mutating func unicodeEscape(at start: Int) throws(ScanError) -> Int {
        var code = try fourHexDigits(at: start &+ 2)
        var next = start &+ 6
        if code & 0xF800 == 0xD800 {
            guard code < 0xDC00, next &+ 1 < end, base[next] == 0x5C, base[next &+ 1] == 0x75 else { throw .loneSurrogate(offset: start) }
            let low = try fourHexDigits(at: next &+ 2)
            guard low & 0xFC00 == 0xDC00 else { throw .loneSurrogate(offset: start) }
            code = 0x10000 &+ (code & 0x3FF) << 10 &+ (low & 0x3FF)
            next &+= 6
        }
        append(scalar: code)
        return next
    }

    private func fourHexDigits(at start: Int) throws(ScanError) -> UInt32 {
        var code: UInt32 = 0
        for index in start..<start &+ 4 {
            guard index < end else { throw .truncated(offset: end) }
            guard let digit = hexValue(of: base[index]) else { throw .syntax(offset: index) }
            code = code << 4 | UInt32(digit)
        }
        return code
    }

    /// Appends a code point, which is no surrogate, in UTF-8.
    private mutating func append(scalar code: UInt32) {
        func continuation(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(truncatingIfNeeded: code >> shift) & 0x3F }
        if code < 0x80 {
            canonical.append(UInt8(truncatingIfNeeded: code))
            return
        }
        if code < 0x800 {
            canonical.append(0xC0 | UInt8(truncatingIfNeeded: code >> 6))
        } else {
            if code < 0x10000 {
                canonical.append(0xE0 | UInt8(truncatingIfNeeded: code >> 12))
            } else {
                canonical.append(0xF0 | UInt8(truncatingIfNeeded: code >> 18))
                canonical.append(continuation(12))
            }
            canonical.append(continuation(6))
        }
        canonical.append(continuation(0))
    }

    // MARK: Numbers

    /// The number at `position`, a digit or a minus sign.
    mutating func number() throws(ScanError) {
        let start = position
        let first = base[start] == 0x2D ? start &+ 1 : start
        var index = endOfDigits(from: first)
        guard index > first else { throw unexpected(at: index) }
        guard base[first] != 0x30 || index == first &+ 1 else { throw .syntax(offset: first &+ 1) }
        if index < end, base[index] == 0x2E { index = try digits(from: index &+ 1) }
        var exponentDigits = 0
        if index < end, base[index] | 0x20 == 0x65 {
            index &+= 1
            if index < end, base[index] == 0x2B || base[index] == 0x2D { index &+= 1 }
            let exponent = index
            index = try digits(from: index)
            exponentDigits = index &- exponent
        }
        position = index
        // At most 200 digits and an exponent of two are far from infinity.
        if exponentDigits > 2 || index &- start > 200 {
            guard jsonNumberIsFinite(UnsafeBufferPointer(start: base + start, count: index &- start).span) else {
                throw .numberOutOfRange(offset: start)
            }
        }
        canonical.append(CanonicalTag.number)
        canonical.copy(base, from: start, count: index &- start, limit: end)
    }

    @inline(__always)
    private func endOfDigits(from start: Int) -> Int {
        var index = start
        while index < end, base[index] &- 0x30 < 10 { index &+= 1 }
        return index
    }

    private func digits(from start: Int) throws(ScanError) -> Int {
        let index = endOfDigits(from: start)
        guard index > start else { throw unexpected(at: start) }
        return index
    }

    private func unexpected(at index: Int) -> ScanError { index < end ? .syntax(offset: index) : .truncated(offset: end) }
}
