extension TextScanner {
    private static let numberBytesMax = 64

    /// A number, or a token that begins with a digit. `1,000` is 1000 and `5.00` is 5; `3.10` is not 3.1 (they may be versions), nor `007` 7.
    mutating func scanNumber() {
        let start = position
        var core = NumberCore(bytes, from: start, limit: min(limit, start + TextScanner.numberBytesMax))
        var end = core.end
        // The letters that follow at once.
        var tail = end
        while tail < limit, tail - start < TextScanner.numberBytesMax, bytes[tail].isLetter || bytes[tail].isDigit { tail += 1 }
        if tail > end {
            let suffix = bytes[end..<tail]
            if isOrdinal(suffix) {
                end = tail
            } else if !core.isPlain || !isUnit(suffix) {
                core.isPlain = false
                core.isFraction = false
                end = tail
            }
        }
        var piece: TextPiece
        if core.isPlain {
            piece = TextPiece(kind: .number, word: WordHash.number(core.mantissa, decimals: core.decimals, isNegative: isNegative))
            piece.mantissa = core.mantissa
            piece.decimals = Int8(truncatingIfNeeded: core.decimals)
            piece.isNegative = isNegative
        } else if core.isFraction {
            piece = TextPiece(kind: .digits, word: TextScanner.fraction(core.mantissa, core.denominator))
        } else {
            scratch.removeAll(keepingCapacity: true)
            for index in start..<end { scratch.append(bytes[index].isCapitalLetter ? bytes[index] | 0x20 : bytes[index]) }
            let text = scratch.withUnsafeBufferPointer { WordHash.hash($0, .word) }
            piece = TextPiece(kind: .digits, word: isNegative ? WordHash.combine(text, 1) : text)
        }
        emit(piece, end: end)
    }

    /// The hash of a fraction such as 1/2.
    static func fraction(_ numerator: UInt64, _ denominator: UInt64) -> UInt64 {
        WordHash.combine(WordHash.number(numerator, decimals: 0), denominator)
    }

    private func isOrdinal(_ suffix: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard suffix.count == 2, let first = suffix.first, let last = suffix.last else { return false }
        switch (first | 0x20, last | 0x20) {
        case (0x73, 0x74), (0x6E, 0x64), (0x72, 0x64), (0x74, 0x68): return true
        default: return false
        }
    }

    private mutating func isUnit(_ suffix: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        let exact = table.entry(of: WordHash.hash(UnsafeBufferPointer(rebasing: suffix), .exactCase))
        if let exact, exact.unit != 0 || exact.scale != 0 { return true }
        scratch.removeAll(keepingCapacity: true)
        for byte in suffix { scratch.append(byte.isCapitalLetter ? byte | 0x20 : byte) }
        let entry = table.entry(of: scratch.withUnsafeBufferPointer { WordHash.hash($0, .word) })
        return entry.map { $0.unit != 0 || $0.scale != 0 } ?? false
    }
}

/// The digits of a number and what stands between them.
private struct NumberCore {
    var end: Int
    /// A decimal number, its value in `mantissa` and `decimals`.
    var isPlain = false
    /// One whole number over another.
    var isFraction = false
    var mantissa: UInt64 = 0
    var decimals = 0
    var denominator: UInt64 = 1

    private var points = 0
    private var commas = 0
    private var slashes = 0
    private var others = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, limit: Int) {
        end = start
        if let date = NumberCore.date(bytes, from: start, limit: limit) {
            end = date
            return
        }
        while end < limit {
            guard bytes[end].isDigit || (end + 1 < limit && bytes[end + 1].isDigit && separates(bytes[end])) else { break }
            end += 1
        }
        interpret(bytes, start)
    }

    /// Whether a byte may stand between two digits of one number; counts it.
    private mutating func separates(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x2E: points += 1
        case 0x2C: commas += 1
        case 0x2F: slashes += 1
        case 0x3A, 0x27: others += 1
        default: return false
        }
        return true
    }

    /// The end of `digits-digits-digits`: a date, or a part number. With one hyphen it is a range, and two numbers.
    private static func date(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, limit: Int) -> Int? {
        var index = start
        var hyphens = 0
        while index < limit, bytes[index].isDigit || (bytes[index] == 0x2D && index + 1 < limit && bytes[index + 1].isDigit) {
            if bytes[index] == 0x2D { hyphens += 1 }
            index += 1
        }
        return hyphens > 1 ? index : nil
    }

    private mutating func interpret(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) {
        guard others == 0, points <= 1 else { return }
        if slashes == 1, points + commas == 0 { return readFraction(bytes, start) }
        guard slashes == 0, commas == 0 || NumberCore.isGrouped(bytes[start..<end]) else { return }
        var digits = 0
        var seenPoint = false
        for byte in bytes[start..<end] {
            if byte == 0x2E { seenPoint = true }
            guard byte.isDigit else { continue }
            digits += 1
            guard digits <= 18 else { return }
            mantissa = mantissa * 10 + UInt64(byte - 0x30)
            if seenPoint { decimals += 1 }
        }
        if digits > decimals + 1, bytes[start] == 0x30 { return }
        if decimals == 2, mantissa % 100 == 0 {
            mantissa /= 100
            decimals = 0
        }
        isPlain = true
    }

    private mutating func readFraction(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) {
        guard end - start <= 18 else { return }
        var parts: [UInt64] = [0]
        for byte in bytes[start..<end] {
            if byte == 0x2F { parts.append(0) } else { parts[parts.count - 1] = parts[parts.count - 1] * 10 + UInt64(byte - 0x30) }
        }
        mantissa = parts[0]
        denominator = parts[1]
        isFraction = true
    }

    /// Whether commas stand before every group of three digits of the whole part: `1,000,000.5`.
    private static func isGrouped(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        let whole = text.prefix { $0 != 0x2E }
        guard !text.dropFirst(whole.count).contains(0x2C) else { return false }
        let groups = whole.split(separator: 0x2C, omittingEmptySubsequences: false)
        guard let first = groups.first, first.count <= 3, first.first != 0x30 else { return false }
        return groups.dropFirst().allSatisfy { $0.count == 3 }
    }
}
