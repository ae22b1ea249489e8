extension TextScanner {
    /// Everything in ASCII that is neither letter, digit nor space.
    mutating func scanPunctuation(_ byte: UInt8) {
        switch byte {
        case 0x2E, 0x21, 0x3F: fullStop(byte)
        case 0x2C: boundary([.startsClause, .afterComma])
        case 0x28, 0x29, 0x3A, 0x3B, 0x5B, 0x5D, 0x7B, 0x7D: boundary(.startsClause)
        case 0x22, 0x27, 0x60, 0x5F, 0x23: position += 1
        case 0x2D: hyphen()
        case 0x2F: slash()
        case 0x2A: isOperator ? emitSign() : skip()
        case 0x26:
            emit(TextPiece(kind: .word, word: hash(position..<position + 1, .word)), end: position + 1)
        case 0x24, 0x25, 0x2B, 0x3C, 0x3D, 0x3E, 0x40, 0x5C, 0x5E, 0x7C, 0x7E: emitSign()
        default: skip()
        }
    }

    private mutating func skip() { position += 1 }

    private mutating func emitSign() { emit(TextPiece(kind: .sign, word: hash(position..<position + 1, .word)), end: position + 1) }

    private mutating func boundary(_ flags: TextPiece.Flags) {
        pending.formUnion(flags)
        endClause()
        position += 1
    }

    /// A sentence ends, unless the stop belongs to an abbreviation such as `Dr.` or stands within a token.
    private mutating func fullStop(_ byte: UInt8) {
        let next = self.byte(at: position + 1)
        let isInside = next.isLetter || next.isDigit
        let isTitle = byte == 0x2E && lastLength <= 3 && (text.pieces.last?.flags.contains(.capital) ?? false) && lastLength > 1
        if !isTitle || byte != 0x2E {
            pending.formUnion(isInside ? .startsClause : [.startsSentence, .startsClause])
            endClause()
        }
        position += 1
    }

    private mutating func hyphen() {
        let (before, after) = (byte(at: position - 1), byte(at: position + 1))
        let isJoined = before.isLetter || before.isDigit || before >= 0x80
        if isJoined, after.isLetter || after.isDigit || after >= 0x80 {
            pending.insert(.afterHyphen)
            position += 1
        } else if after.isDigit, !isJoined {
            isNegative = true
            position += 1
        } else if isOperator {
            emitSign()
        } else {
            boundary(.startsClause)
        }
    }

    private mutating func slash() {
        let (before, after) = (byte(at: position - 1), byte(at: position + 1))
        if before.isLetter || before.isDigit, after.isLetter || after.isDigit {
            pending.insert(.afterSlash)
            position += 1
        } else if isOperator {
            emitSign()
        } else {
            boundary(.startsClause)
        }
    }

    /// Whether a number or a single letter stands on both sides: `7 - 8`, `a * b`.
    private var isOperator: Bool {
        guard let last = text.pieces.last, last.kind == .number || last.kind == .digits || last.flags.contains(.letter),
            !pending.contains(.startsClause)
        else { return false }
        var next = position + 1
        while next < limit, next < position + 4, bytes[next] == 0x20 { next += 1 }
        let (first, second) = (byte(at: next), byte(at: next + 1))
        return next < limit && (first.isDigit || first == 0x28 || first.isLetter && !second.isLetter)
    }

    // MARK: - Code

    /// A URL, path, identifier or flag at the beginning of a run of bytes without space, taken as it is spelled; whether there was one.
    mutating func scanCode() -> Bool {
        var form = CodeForm()
        var end = position
        let stop = min(limit, position + 2_048)
        while end < stop, !bytes[end].isSpace, bytes[end] != 0x22, bytes[end] != 0x60 {
            form.add(bytes[end], before: end > position ? bytes[end - 1] : 0x20, after: end + 1 < stop ? bytes[end + 1] : 0x20)
            end += 1
        }
        guard form.isSpecial else { return false }
        var start = position
        if bytes[start] == 0x3C { return scanTag(until: end) }
        while start < end, [0x28, 0x5B, 0x7B, 0x27, 0x2A].contains(bytes[start]) { start += 1 }
        while end > start, [0x2E, 0x2C, 0x3B, 0x3A, 0x21, 0x3F, 0x27, 0x2A].contains(bytes[end - 1]) || isUnbalanced(start..<end) {
            end -= 1
        }
        guard end - start >= 2 else { return false }
        guard let spelling = form.spelling(of: UnsafeBufferPointer(rebasing: bytes[start..<end])) else { return false }
        if start > position { boundary(.startsClause) }
        position = start
        scratch.removeAll(keepingCapacity: true)
        for index in start..<end {
            scratch.append(spelling == .anyCase && bytes[index].isCapitalLetter ? bytes[index] | 0x20 : bytes[index])
        }
        emit(TextPiece(kind: .code, word: scratch.withUnsafeBufferPointer { WordHash.hash($0, .word) }), end: end)
        return true
    }

    /// `<div>`, `</p>`.
    private mutating func scanTag(until end: Int) -> Bool {
        let next = byte(at: position + 1)
        guard next.isLetter || next == 0x2F, let close = bytes[position..<end].firstIndex(of: 0x3E) else { return false }
        emit(TextPiece(kind: .code, word: hash(position..<close + 1, .word)), end: close + 1)
        return true
    }

    private func isUnbalanced(_ range: Range<Int>) -> Bool {
        let last = bytes[range.upperBound - 1]
        guard last == 0x29 || last == 0x5D || last == 0x7D else { return false }
        let opening: UInt8 = last == 0x29 ? 0x28 : last - 2
        return !bytes[range].contains(opening)
    }
}

/// What a run of bytes without space holds that words don't.
private struct CodeForm {
    enum Spelling { case exact, anyCase }

    private var underscores = false
    private var colons = false
    private var arrow = false
    private var call = false
    private var scheme = false
    private var at = false
    private var backslash = false
    private var dot = false
    private var slash = false
    private var mark = false

    var isSpecial: Bool { underscores || colons || arrow || call || scheme || at || backslash || dot || slash || mark }

    mutating func add(_ byte: UInt8, before: UInt8, after: UInt8) {
        switch byte {
        case 0x5F: underscores = underscores || (before.isLetter || before.isDigit) && (after.isLetter || after.isDigit) || after.isLetter
        case 0x3A:
            if after == 0x3A { colons = true }
            if after == 0x2F, before.isLetter { scheme = true }
        case 0x3E: if before == 0x2D || before == 0x3C { arrow = true }
        case 0x28: if before.isLetter || before.isDigit { call = true }
        case 0x40: at = true
        case 0x5C: backslash = backslash || after.isLetter
        case 0x2E: dot = dot || (before.isLetter || before.isDigit || before.isSpace) && after.isLetter || before == 0x2E && after == 0x2F
        case 0x2F: slash = slash || before.isSpace || before == 0x7E || before == 0x2E
        case 0x23, 0x24: mark = mark || before.isSpace && after.isLetter
        case 0x2D: mark = mark || (before.isSpace || before == 0x2D) && after.isLetter
        case 0x3C: mark = true
        default: break
        }
    }

    /// How the token is compared, if it is one.
    func spelling(of token: UnsafeBufferPointer<UInt8>) -> Spelling? {
        if scheme || colons || backslash { return .exact }
        if arrow, token.count > 2 { return .exact }
        if underscores, let inner = token.firstIndex(of: 0x5F), token.contains(where: \.isLetter) {
            // _emphasis_ is no identifier.
            if inner > 0 || token.last != 0x5F || token.dropFirst().dropLast().contains(0x5F) { return .exact }
        }
        if call, isCall(token) { return .exact }
        if at, token.first == 0x40 ? token.count > 2 && token[1].isLetter : token.contains(0x2E) { return .exact }
        if slash, isPath(token) { return .exact }
        if mark, isMarked(token) { return .exact }
        return dot ? dotted(token) : nil
    }

    private func isPath(_ token: UnsafeBufferPointer<UInt8>) -> Bool {
        let rest = token.first == 0x7E ? token.dropFirst() : token.drop { $0 == 0x2E }
        return rest.first == 0x2F && rest.dropFirst().contains(where: \.isLetter)
    }

    private func isMarked(_ token: UnsafeBufferPointer<UInt8>) -> Bool {
        switch token[0] {
        case 0x23, 0x24: token[1].isLetter
        case 0x2D: token[1] == 0x2D ? token.count > 2 && token[2].isLetter : token[1].isLetter && token.count <= 4
        default: false
        }
    }

    /// A name, then parentheses: not the plural of `file(s)`.
    private func isCall(_ token: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let open = token.firstIndex(of: 0x28), open > 0, let close = token.lastIndex(of: 0x29), close > open else { return false }
        let inner = token[(open + 1)..<close]
        return !(inner.elementsEqual([0x73]) || inner.elementsEqual([0x65, 0x73]))
    }

    /// `main.py`, `node.js`, `a.b`: not `U.S.`, not a sentence that ends.Without a space.
    private func dotted(_ token: UnsafeBufferPointer<UInt8>) -> Spelling? {
        let parts = token.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard parts.count > 1, parts.contains(where: { $0.count > 1 }), let last = parts.last, last.first?.isLetter ?? false else {
            return nil
        }
        guard token.allSatisfy({ $0 != 0x2C && $0 != 0x3B }) else { return nil }
        let before = parts[parts.count - 2]
        let isSentence =
            parts.count == 2 && last.count > 1 && last.first.map(\.isCapitalLetter) ?? false
            && last.dropFirst().allSatisfy(\.isSmallLetter) && before.dropFirst().allSatisfy(\.isSmallLetter)
        if isSentence { return nil }
        return token.contains(0x2F) ? .exact : .anyCase
    }
}
