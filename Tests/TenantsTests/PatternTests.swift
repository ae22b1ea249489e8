import TestSupport
import Testing

@testable import Tenants

@Suite struct PatternTests {
    private func matches(_ pattern: String, _ text: String) throws -> Bool {
        let glob = try #require(GlobPattern(pattern))
        let text = bytes(text)
        return glob.matches(text)
    }

    /// The textbook definition, exponential and obviously right.
    private func reference(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == 0x2A {
            if reference(pattern.dropFirst(), text) { return true }
            return !text.isEmpty && reference(pattern, text.dropFirst())
        }
        return text.first == first && reference(pattern.dropFirst(), text.dropFirst())
    }

    @Test func `a pattern matches what the definition says, over random patterns and texts`() throws {
        var random = SplitMix64(seed: 7)
        var matched = 0
        for _ in 0..<20_000 {
            let pattern = String(
                decoding: (0..<Int.random(in: 1...7, using: &random)).map { _ in "aab*".utf8.randomElement(using: &random) ?? 0x61 },
                as: UTF8.self)
            let text = String(
                decoding: (0..<Int.random(in: 0...9, using: &random)).map { _ in "aab".utf8.randomElement(using: &random) ?? 0x61 },
                as: UTF8.self)
            let expected = reference(bytes(pattern)[...], bytes(text)[...])
            if expected { matched += 1 }
            #expect(try matches(pattern, text) == expected, "\(pattern) on \(text)")
        }
        #expect(matched > 1000)
    }

    @Test func `prefix and suffix do not share bytes of the text`() throws {
        #expect(try !matches("ab*ba", "aba"))
        #expect(try matches("ab*ba", "abba"))
    }

    @Test func `a pattern is no regular expression`() throws {
        #expect(try !matches("(a+)+$", "aaaa"))
        #expect(try matches("(a+)+$", "(a+)+$"))
        #expect(try !matches("gpt-4.", "gpt-4o"))
        #expect(try !matches("%%%%", "anything"))
    }

    @Test func `a hostile pattern takes linear time`() throws {
        // 127 stars over half a megabyte: backtracking would take minutes or longer.
        let text = [UInt8](repeating: 0x61, count: 500_000)
        let glob = try #require(GlobPattern(String(repeating: "a*", count: 127) + "b"))
        let start = ContinuousClock.now
        #expect(!glob.matches(text))
        let nearly = try #require(GlobPattern("*" + String(repeating: "a", count: 100) + "b" + String(repeating: "a", count: 100) + "*"))
        #expect(!nearly.matches(text))
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test func `256 bytes are a pattern and 257 are not`() {
        #expect(GlobPattern(String(repeating: "a", count: 256)) != nil)
        #expect(GlobPattern(String(repeating: "a", count: 257)) == nil)
        #expect(GlobPattern("") == nil)
        #expect(GlobPattern("a b") == nil)
        #expect(GlobPattern("a\nb") == nil)
    }

    @Test func `200 patterns are a list and 201 are not`() throws {
        let texts = (0..<201).map { "m\($0)" }
        #expect(try PatternList(Array(texts.prefix(200))).patterns.count == 200)
        #expect(try ScopedPatternList(Array(texts.prefix(200)), of: .model).texts.count == 200)
        #expect(throws: PatternError("201 patterns where at most 200 are allowed")) { try PatternList(texts) }
        #expect(throws: PatternError("201 patterns where at most 200 are allowed")) { try ScopedPatternList(texts, of: .model) }
    }

    private func allows(_ patterns: [String], _ subject: ScopedPatternList.Subject, _ name: String, at provider: String) throws -> Bool {
        let list = try ScopedPatternList(patterns, of: subject)
        let (name, provider) = (bytes(name), bytes(provider))
        return list.matches(name.span, at: provider.span)
    }

    @Test func `a vendor's prefix in a model name does not stand for the vendor`() throws {
        #expect(try allows(["openai/gpt-*"], .model, "gpt-oss-20b", at: "openai"))
        #expect(try !allows(["openai/gpt-*"], .model, "openai/gpt-oss-20b", at: "groq"))
        #expect(try allows(["groq/openai/*"], .model, "openai/gpt-oss-20b", at: "groq"))
        #expect(try !allows(["*gpt/x"], .model, "y/x", at: "a"))
    }

    @Test func `a model pattern without a provider holds at all of them`() throws {
        #expect(try allows(["gpt-4o*"], .model, "gpt-4o-mini", at: "azure-openai"))
        #expect(try allows(["*/gpt-4o"], .model, "gpt-4o", at: "azure-openai"))
        #expect(try !allows(["gpt-4o"], .model, "gpt-4o-mini", at: "openai"))
        #expect(try !allows([], .model, "gpt-4o", at: "openai"))
    }

    @Test func `a path pattern names a provider only in front of its slash`() throws {
        #expect(try allows(["/v1/files*"], .path, "/v1/files/f-1", at: "mistral"))
        #expect(try allows(["openai/v1/files*"], .path, "/v1/files", at: "openai"))
        #expect(try !allows(["openai/v1/files*"], .path, "/v1/files", at: "mistral"))
        #expect(try allows(["*"], .path, "/anything", at: "openai"))
        #expect(throws: PatternError.self) { try ScopedPatternList(["files"], of: .path) }
        #expect(throws: PatternError.self) { try ScopedPatternList(["openai/"], of: .model) }
    }

    @Test func `an error repeats a pattern cut short and without control bytes`() {
        let error = PatternError.malformed("a\u{1B}[31m" + String(repeating: "x", count: 100))
        #expect(!error.description.contains("\u{1B}"))
        #expect(error.description.utf8.count < 200)
    }
}
