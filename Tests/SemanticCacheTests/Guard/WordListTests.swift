import Glibc
import SemanticCache
import Testing

struct WordListTests {
    private func read(_ text: String, adding words: GuardWords = .empty) throws(WordListError) -> GuardWords {
        let bytes = Array(text.utf8)
        return try words.extended(by: bytes.span, named: "x.words")
    }

    private func problem(_ bytes: [UInt8]) -> String? {
        do throws(WordListError) {
            _ = try GuardWords.empty.extended(by: bytes.span, named: "x.words")
            return nil
        } catch {
            return error.description
        }
    }

    private func problem(_ text: String) -> String? { problem(Array(text.utf8)) }

    @Test(arguments: [
        ("cat dog", "x.words:1: before the first [section]"),
        ("# a\n\n[cats]", "x.words:3: no such section: [cats]"),
        ("[stop\na", "x.words:1: no such section: [stop"),
        ("[opposites]\nhot cold", "x.words:2: no | between sides"),
        ("[opposites]\nhot |", "x.words:2: a side without words"),
        ("[opposites]\nhot | | cold", "x.words:2: a side without words"),
        ("[opposites]\nhot | cold hot", "x.words:2: hot stands on two sides"),
        ("[numbers]\nten 10", "x.words:2: expected word = value or word ~ value"),
        ("[numbers]\nten = ten", "x.words:2: ten is no number"),
        ("[numbers]\nthird = 1/0", "x.words:2: 1/0 is no number"),
        ("[numbers]\nmany = 1000000000000000", "x.words:2: 1000000000000000 is no number"),
        ("[scales]\nk = 1", "x.words:2: expected word = factor"),
        ("[questions]\nhow how", "x.words:2: expected kind = words"),
        ("[questions]\nhowever = how", "x.words:2: however is no kind of question"),
        ("[irregular]\nbuy", "x.words:2: a base without forms"),
        ("[stop]\na | b", "x.words:2: unexpected |"),
        ("[stop]\nfoo-bar", "x.words:2: foo-bar is read as 2 words, to be joined by _"),
        ("[stop]\n...", "x.words:2: ... is not read as words"),
        ("[stop]\na\u{1}b", "x.words:2: a control character"),
    ]) func `a defect is refused with its line`(text: String, expected: String) {
        #expect(problem(text) == expected)
    }

    @Test func `bytes that are no UTF-8 are refused with their line`() {
        #expect(problem(Array("[stop]\na\n".utf8) + [0xFF]) == "x.words:3: not UTF-8")
    }

    @Test func `a phrase has eight words at most, a line 32 sides, a word 8 lines, a file a megabyte`() {
        #expect(problem("[stop]\na_b_c_d_e_f_g_h") == nil)
        #expect(problem("[stop]\na_b_c_d_e_f_g_h_i") == "x.words:2: a_b_c_d_e_f_g_h_i has more than 8 words")
        let sides = (0..<33).map { "w" + String(repeating: "x", count: $0) }
        #expect(problem("[opposites]\n" + sides.dropLast().joined(separator: " | ")) == nil)
        #expect(problem("[opposites]\n" + sides.joined(separator: " | ")) == "x.words:2: more than 32 sides")
        let lines = (0..<9).map { "hot | " + sides[$0] }
        #expect(problem("[opposites]\n" + lines.dropLast().joined(separator: "\n")) == nil)
        #expect(problem("[opposites]\n" + lines.joined(separator: "\n")) == "x.words:10: hot stands in more than 8 lines")
        let comment = [UInt8](repeating: 0x23, count: 1 << 20)
        #expect(problem(comment) == nil)
        #expect(problem(comment + [0x23]) == "x.words:0: longer than a megabyte")
    }

    @Test func `an operator's file adds to the English lists and leaves them as they are`() throws {
        let text = "[opposites]\nglorp | frobb\n[names]\nacme acme_corp\n[synonyms]\nwidget gizmo\n"
        let words = try read(text, adding: .english)
        #expect(outcome(.antonyms, "a glorp", "a frobb", words: words) == .block)
        #expect(outcome(.antonyms, "a glorp", "a frobb") == .pass)
        #expect(outcome(.antonyms, "the best", "the worst", words: words) == .block)
        #expect(outcome(.entities, "the acme price", "the ibm price", words: words) == .block)
        #expect(outcome(.entities, "the acme price", "the acme corp price", words: words) == .pass)
        #expect(outcome(.containment, "a red widget", "a red gizmo", words: words) == .pass)
        #expect(words.count > GuardWords.english.count)
    }

    @Test func `lines of opposites in two files do not meet`() throws {
        let first = try read("[opposites]\nglorp | frobb\n")
        let both = try read("[opposites]\nblick | snarf\n", adding: first)
        #expect(outcome(.antonyms, "glorp", "snarf", words: both) == .pass)
        #expect(outcome(.antonyms, "blick", "snarf", words: both) == .block)
        #expect(outcome(.antonyms, "glorp", "frobb", words: both) == .block)
    }

    @Test func `a word with a capital letter matches only that spelling`() throws {
        let words = try read("[names]\nUS america\n")
        #expect(outcome(.entities, "in the US", "in america", words: words) == .pass)
        #expect(outcome(.entities, "tell us all", "tell all", words: words) == .pass)
    }

    @Test func `the German file is read without the English lists and answers for German`() throws {
        let folder = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let file = try #require(fopen(folder + "/config/semantic/german.words", "r"))
        defer { fclose(file) }
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        let german = try GuardWords.empty.extended(by: bytes.span, named: "german.words")
        #expect(outcome(.numbers, "drei Karten", "3 Karten", words: german) == .pass)
        #expect(outcome(.numbers, "drei Karten", "vier Karten", words: german) == .block)
        #expect(outcome(.negation, "die Karte geht", "die Karte geht nicht", words: german) == .block)
        #expect(outcome(.antonyms, "vor dem Essen", "nach dem Essen", words: german) == .block)
        #expect(outcome(.containment, "wie öffne ich ein Konto", "warum öffne ich ein Konto", words: german) == .explore)
    }
}
