extension GuardTextReader {
    /// A number in digits, the factors after it (5k, 5 million), and its unit (kg, %, $).
    mutating func addNumber(at index: Int) -> Int {
        let piece = pieces[index]
        note(spelling: piece)
        var mantissa = piece.mantissa
        var decimals = Int(piece.decimals)
        var next = index + 1
        while next < pieces.count, let factor = scale(at: next, attachedOnly: true) {
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: factor)
            guard !overflow else { break }
            mantissa = product
            while decimals > 0, mantissa % 10 == 0 {
                mantissa /= 10
                decimals -= 1
            }
            note(spelling: pieces[next])
            next += 1
        }
        let unit = readUnit(before: index, after: &next)
        addQuantity(WordHash.number(mantissa, decimals: decimals, isNegative: piece.isNegative), unit: unit, isSoft: false)
        return next
    }

    /// A number in words: `two hundred and fifty`, `twenty-first`, `half`. `nil` if the word is a unit here (a second).
    mutating func addNumberWord(_ entry: WordEntry, at index: Int) -> Int? {
        if entry.unit != 0, isAfterCount(index) { return nil }
        guard entry.flags.contains(.number) || !pieces[index].flags.contains(.letter) else { return nil }
        var total: UInt64 = 0
        var group = entry.flags.contains(.number) ? entry.numerator : entry.scale
        var isSoft = entry.flags.contains(.softNumber)
        var next = index + 1
        note(spelling: pieces[index])
        if entry.denominator != 1 {
            let unit = readUnit(before: index, after: &next)
            addQuantity(TextScanner.fraction(entry.numerator, entry.denominator), unit: unit, isSoft: isSoft)
            return next
        }
        while next < pieces.count, !pieces[next].flags.contains(.startsClause) {
            if let factor = scale(at: next, attachedOnly: false) {
                let product = group.multipliedReportingOverflow(by: factor)
                guard !product.overflow, group > 0 else { break }
                group = product.partialValue
                // From a thousand on, a group is complete: two million three hundred thousand.
                if factor >= 1000 {
                    let sum = total.addingReportingOverflow(group)
                    guard !sum.overflow else { break }
                    total = sum.partialValue
                    group = 0
                }
            } else if let (value, count) = continuation(at: next, after: group, total) {
                group += value
                if count == 2 { note(spelling: pieces[next]) }
                next += count - 1
            } else {
                break
            }
            isSoft = false
            note(spelling: pieces[next])
            next += 1
        }
        let sum = total.addingReportingOverflow(group)
        let unit = readUnit(before: index, after: &next)
        addQuantity(WordHash.number(sum.partialValue, decimals: 0), unit: unit, isSoft: isSoft)
        return next
    }

    /// A number word that goes on from what was read: a unit after tens, or anything below a hundred after a hundred, `and` between.
    private func continuation(at index: Int, after group: UInt64, _ total: UInt64) -> (value: UInt64, count: Int)? {
        var at = index
        if let word = words.entry(of: pieces[at]), word.flags.contains(.joiner), group >= 100 || total > 0 { at += 1 }
        guard at < pieces.count, let entry = words.entry(of: pieces[at]), entry.flags.contains(.number), entry.denominator == 1 else {
            return nil
        }
        let value = entry.numerator
        let isTens = group >= 20 && group < 100 && group % 10 == 0 && value < 10 && value > 0
        let isAfterHundred = group >= 100 && group % 100 == 0 && value < 100 && value > 0
        let isAfterGroup = group == 0 && total > 0 && value > 0
        guard isTens || isAfterHundred || isAfterGroup, !entry.flags.contains(.softNumber) || value == 1 else { return nil }
        return (value, at - index + 1)
    }

    mutating func addQuantity(_ value: UInt64, unit: UInt64, isSoft: Bool) {
        text.quantities.append(GuardText.Quantity(value: value, unit: unit, isSoft: isSoft))
        addContent(value)
    }

    private func scale(at index: Int, attachedOnly: Bool) -> UInt64? {
        let piece = pieces[index]
        guard piece.kind == .word, let entry = words.entry(of: piece), entry.scale != 0, entry.unit == 0 else { return nil }
        // A lone k or M multiplies only where it touches the digits.
        if piece.flags.contains(.letter), !attachedOnly || !piece.flags.contains(.attached) { return nil }
        return entry.scale
    }

    /// The unit of a number: a currency sign before it, or a word after it, which is then part of the number.
    private mutating func readUnit(before index: Int, after next: inout Int) -> UInt64 {
        var unit: UInt64 = 0
        if index > 0, pieces[index - 1].kind == .sign { unit = words.entry(of: pieces[index - 1])?.unit ?? 0 }
        var taken = 0
        while taken < 2, next < pieces.count, !pieces[next].flags.contains(.startsClause), let entry = words.entry(of: pieces[next]),
            entry.unit != 0
        {
            unit = entry.unit
            note(spelling: pieces[next])
            addSidesOfUnit(entry)
            next += 1
            taken += 1
        }
        return unit
    }

    private mutating func addSidesOfUnit(_ entry: WordEntry) {
        for index in 0..<Int(entry.sideCount) { text.sides.append(entry[index]) }
    }

    /// A currency sign right before a number is read with it.
    func isCurrency(at index: Int) -> Bool {
        index + 1 < pieces.count && pieces[index + 1].kind == .number && (words.entry(of: pieces[index])?.unit ?? 0) != 0
    }

    /// Whether the word before is a number, or says `per` or `a`: then a second is a time.
    private func isAfterCount(_ index: Int) -> Bool {
        guard index > 0 else { return false }
        let before = pieces[index - 1]
        if before.kind == .number { return true }
        guard let entry = words.entry(of: before) else { return false }
        return entry.flags.contains(.number) || before.flags.contains(.letter) || GuardTextReader.counting.contains(before.word)
    }

    private static let counting: Set<UInt64> = Set(["per", "every", "each"].compactMap { TextScanner.word(Array($0.utf8))?.word })

    /// II, III, IV and so on up to XXXIX in capitals, and a lone I after a capitalised word at the end of a clause (World War I).
    func romanValue(at index: Int) -> UInt64? {
        let piece = pieces[index]
        guard piece.exact != 0 else { return nil }
        if piece.flags.contains(.letter) {
            guard index > 0, piece.flags.contains(.endsClause) || index + 1 == pieces.count, !piece.flags.contains(.startsClause) else {
                return nil
            }
            let before = pieces[index - 1]
            return piece.exact == GuardTextReader.romans[0] && before.flags.contains(.capital) && !before.flags.contains(.letter) ? 1 : nil
        }
        guard piece.flags.contains(.allCapitals) else { return nil }
        return GuardTextReader.romans.firstIndex(of: piece.exact).map { UInt64($0) + 1 }
    }

    private static let romans: [UInt64] = (1...39).map { number in
        let units = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"][number % 10]
        let text = Array((String(repeating: "X", count: number / 10) + units).utf8)
        return text.withUnsafeBufferPointer { WordHash.hash($0, .exactCase) }
    }
}
