// A light stemmer for English: it brings the regular inflections of a word together and touches nothing else. Far less than Porter's, on
// purpose: every two words that it joins by mistake are two words that the guard can no longer tell apart.

enum WordStem {
    /// Reduces a lower-case word to its stem, in place. Words under three letters, and words that are not ASCII letters alone, are their own
    /// stem.
    static func reduce(_ word: inout [UInt8]) {
        guard word.count >= 3, word.allSatisfy(\.isSmallLetter) else { return }
        guard word.count > 3 else { return finish(&word) }
        if ends(word, "ies"), word.count > 4 {
            word.removeLast(2)
        } else if ends(word, "sses") || ends(word, "xes") || ends(word, "ches") || ends(word, "shes") {
            word.removeLast(2)
        } else if ends(word, "s"), !ends(word, "ss"), !ends(word, "us"), !ends(word, "is") {
            word.removeLast()
        }
        if ends(word, "ation"), word.count > 7 {
            word.removeLast(3)
        } else if ends(word, "ied"), word.count > 4 {
            word.removeLast(2)
        } else if ends(word, "ed"), !ends(word, "eed"), hasVowel(word, before: word.count - 2) {
            word.removeLast(2)
        } else if ends(word, "ing"), hasVowel(word, before: word.count - 3) {
            word.removeLast(3)
        }
        finish(&word)
    }

    /// `activate` and `activat`, `carry` and `carri`, `cancell` and `cancel`: one spelling.
    private static func finish(_ word: inout [UInt8]) {
        if word.count > 3, word.last == 0x65 { word.removeLast() }
        if word.count > 2, word.last == 0x79 { word[word.count - 1] = 0x69 }
        if word.count > 3, let last = word.last, last == word[word.count - 2], !isVowel(last) { word.removeLast() }
    }

    private static func ends(_ word: [UInt8], _ suffix: StaticString) -> Bool {
        let count = suffix.utf8CodeUnitCount
        guard word.count > count else { return false }
        for index in 0..<count where word[word.count - count + index] != suffix.utf8Start[index] { return false }
        return true
    }

    /// Whether what would be left is a word: at least three letters, a vowel among them.
    private static func hasVowel(_ word: [UInt8], before end: Int) -> Bool {
        end >= 3 && word[..<end].contains { isVowel($0) || $0 == 0x79 }
    }

    private static func isVowel(_ byte: UInt8) -> Bool {
        byte == 0x61 || byte == 0x65 || byte == 0x69 || byte == 0x6F || byte == 0x75
    }
}
