import SemanticCache
import Testing

@testable import GatewayConfiguration

@Suite struct SemanticWordTests {
    /// What is wrong with the fields of the section, with their path and without the file.
    private func complaints(_ fields: String, files: [String: String] = [:]) -> [String] {
        refusals("semantic: {\(fields)}", files: files).map { $0.replacing("weir.yaml:1: semantic.", with: "") }
    }

    /// A list of comments, which is a good one, of so many bytes.
    private func comment(ofLength length: Int) -> String { "#" + String(repeating: "x", count: length - 1) }

    @Test func `word lists are kept in their order with their bytes`() throws {
        let files = ["b.words": "[stop]\nder\n", "a.words": "[negations]\nkein\n"]
        let settings = try load("semantic: {words: [b.words, a.words]}", files: files).semantic
        #expect(settings.words.map(\.name) == ["b.words", "a.words"])
        #expect(settings.words.map { String(decoding: $0.bytes, as: UTF8.self) } == ["[stop]\nder\n", "[negations]\nkein\n"])
    }

    @Test func `the shipped German words are read from beside the configuration`() throws {
        let text = "semantic: {words: [semantic/german.words]}"
        let snapshot: GatewayConfigurationSnapshot
        snapshot = try ConfigurationLoader.load(path: repository + "/config/weir.yaml", environment: [:]) {
            (path) throws(ConfigurationLoader.FileProblem) in
            path.hasSuffix("/weir.yaml") ? Array(text.utf8) : try ConfigurationLoader.readFromDisk(path)
        }
        let list = try #require(snapshot.semantic.words.first)
        #expect(list.name == "semantic/german.words")
        let words = try GuardWords.english.extended(by: list.bytes.span, named: list.name)
        #expect(words.count > GuardWords.english.count)
    }

    @Test func `a word list that is missing is told by its name`() {
        #expect(complaints("words: gone.words") == ["words: gone.words can't be read: No such file or directory"])
        #expect(complaints("words: ['']") == ["words: an entry is empty where a path is needed"])
    }

    @Test func `a word list of 1 MiB is read and one of a byte more is not`() {
        #expect(complaints("words: big.words", files: ["big.words": comment(ofLength: 1 << 20)]).isEmpty)
        let message = "words: big.words can't be read: is larger than 1048576 bytes"
        #expect(complaints("words: big.words", files: ["big.words": comment(ofLength: 1 << 20 + 1)]) == [message])
    }

    @Test func `a word list that is none is refused with its line`() {
        let files = ["bad.words": "[stop]\nder\n[nouns]\n", "good.words": "[stop]\nder\n", "early.words": "# early\n\nder\n"]
        #expect(complaints("words: bad.words", files: files) == ["words: bad.words:3: no such section: [nouns]"])
        let both = complaints("words: [bad.words, good.words, early.words]", files: files)
        #expect(both == ["words: bad.words:3: no such section: [nouns]", "words: early.words:3: before the first [section]"])
    }

    @Test func `a long line of a word list is not told in full`() {
        let lines = complaints("words: bad.words", files: ["bad.words": "[" + String(repeating: "x", count: 10_000)])
        #expect(lines.count == 1 && lines[0].utf8.count == "words: ".utf8.count + 200)
    }

    @Test func `word lists are checked together, as the guard reads them`() throws {
        // A word stands in at most eight lines of opposites.
        let parts = (0..<9).map { "[opposites]\nword | other\($0)\n" }
        let files = Dictionary(uniqueKeysWithValues: parts.enumerated().map { ("\($0).words", $1) })
        func names(_ count: Int) -> String { (0..<count).map { "\($0).words" }.joined(separator: ", ") }
        #expect(complaints("words_english: false, words: [\(names(8))]", files: files).isEmpty)
        let nine = complaints("words_english: false, words: [\(names(9))]", files: files)
        #expect(nine == ["words: 8.words:2: word stands in more than 8 lines"])
    }

    @Test func `16 word lists are taken and 17 are not`() {
        let files = Dictionary(uniqueKeysWithValues: (1...17).map { ("\($0).words", "[stop]\nder\n") })
        func names(_ count: Int) -> String { (1...count).map { "\($0).words" }.joined(separator: ", ") }
        #expect(complaints("words: [\(names(16))]", files: files).isEmpty)
        #expect(complaints("words: [\(names(17))]", files: files) == ["words: 17 entries where at most 16 are allowed"])
    }

    @Test func `a guard without any words is refused`() {
        let message = "words_english: false leaves the guard without any words; words must name at least one list"
        #expect(complaints("words_english: false") == [message])
    }

    // MARK: Reload

    private func difference(_ old: String, _ new: String, files: [[String: String]] = [[:], [:]]) throws -> ConfigurationDifference {
        ConfigurationDifference(
            running: try load("semantic: {\(old)}", files: files[0]), loaded: try load("semantic: {\(new)}", files: files[1]))
    }

    @Test func `a policy is changed by a reload and the sizes wait for a restart`() throws {
        let policy = try difference("", "enabled: true, max_error: 2%, audit_rate: 20%")
        #expect(policy.changes == ["semantic: changed"] && policy.pending.isEmpty)
        let sizes = try difference("", "entries_max: 5, key_share: 20%, precision: int8, models_directory: /m")
        #expect(sizes.changes.isEmpty)
        #expect(
            sizes.description == """
                semantic.models_directory: /m takes a restart; models in data_directory stays in force
                semantic.precision: int8 takes a restart; auto stays in force
                semantic.entries_max: 5 takes a restart; 200000 stays in force
                semantic.key_share: 20% takes a restart; 50% stays in force
                """)
        let route = ConfigurationDifference(
            running: try load("routes: {r: demo/demo-chat}"),
            loaded: try load("routes: {r: {targets: demo/demo-chat, semantic: {shadow: true}}}"))
        #expect(route.changes == ["routes: ~r"] && route.pending.isEmpty)
    }

    @Test func `a word list whose content changed waits for a restart`() throws {
        let files = [["a.words": "[stop]\nder\n"], ["a.words": "[stop]\ndie\n"]]
        let found = try difference("words: a.words", "words: a.words", files: files)
        #expect(found.changes.isEmpty && found.pending.map(\.field) == ["semantic.words"])
        #expect(try difference("words: a.words", "words: a.words", files: [files[0], files[0]]).isEmpty)
        #expect(try difference("", "words: a.words", files: files).pending.first?.running == "none")
        let digests = try files.map { try load("semantic: {words: a.words}", files: $0).digest }
        #expect(digests[0] != digests[1])
    }
}
