import Glibc
import SemanticCache
import TestSupport
import Testing

struct GuardPropertyTests {
    private static let texts = (NearMissTests.nearMisses + NearMissTests.paraphrases).flatMap { [$0.left, $0.right] }

    @Test func `a verdict is symmetric, a text agrees with itself, and rules do not depend on each other`() {
        for pair in NearMissTests.nearMisses + NearMissTests.paraphrases {
            let fault = guardFault(Array(pair.left.utf8), Array(pair.right.utf8))
            #expect(fault == nil, "\(pair)")
        }
    }

    @Test func `texts cut, joined and damaged at random keep the properties`() {
        var random = SplitMix64(seed: 6)
        let signs = Array("\"'`«»/\\_-+*=<>$€%&#@.,;:!?()[]{}0123456789 \n\t\u{0}\u{301}\u{200D}ｆ①²½Ⅳ漢字한я".utf8)
        for _ in 0..<400 {
            var parts = [[UInt8]](repeating: [], count: 2)
            for index in parts.indices {
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    parts[index] += Array((Self.texts.randomElement(using: &random) ?? "").utf8)
                    parts[index].append(UInt8.random(in: 0...255, using: &random))
                }
                for _ in 0..<Int.random(in: 0...12, using: &random) where !parts[index].isEmpty {
                    let place = Int.random(in: 0..<parts[index].count, using: &random)
                    parts[index][place] =
                        Bool.random(using: &random) ? signs.randomElement(using: &random) ?? 0 : .random(in: 0...255, using: &random)
                }
            }
            let fault = guardFault(parts[0], parts[1])
            #expect(fault == nil, "\(parts)")
        }
    }

    @Test func `300 of any byte, with another between or not, keep the properties`() {
        var random = SplitMix64(seed: 7)
        for byte in UInt8.min...UInt8.max {
            let pattern = [byte, .random(in: 0...255, using: &random)]
            let text = (0..<300).map { pattern[$0 & 1] }
            #expect(guardFault(text, [UInt8](repeating: byte, count: 300)) == nil)
        }
    }

    @Test(arguments: [
        "'a ", "\"a\" ", "`", "a`b ", "((", "1-", "1,", "1 million ", "not a ", "from x to y ", "A.", "a_", "<a", "\u{301}", "ｆ", "漢",
        "un x", "two ",
    ])
    func `a pattern that invites looking ahead is read in linear time`(pattern: String) {
        func seconds(_ bytes: Int) -> Double {
            let whole = Array(String(repeating: pattern, count: bytes / pattern.utf8.count).utf8)
            let began = processorSeconds()
            let (text, other) = (GuardText(whole.span), GuardText(Array(whole.dropFirst(whole.count / 2)).span))
            _ = SemanticGuard.verdict(text, other)
            return processorSeconds() - began
        }
        // Four times the bytes: linear takes four times as long, quadratic sixteen times.
        let (short, long) = (seconds(GuardTextLimits.bytes / 4), seconds(GuardTextLimits.bytes))
        #expect(long < 0.05 || long < short * 10)
    }

    /// The time that this thread has used.
    private func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    @Test func `a text of 32,768 bytes is compared, one of 32,769 equals only itself`() {
        let whole = [UInt8](String(repeating: "cash ", count: 10_000).utf8.prefix(GuardTextLimits.bytes))
        #expect(!GuardText(Array(whole[..<8_000]).span).isTruncated)
        let longer = whole + [0x20]
        #expect(GuardText(longer.span).isTruncated)
        #expect(SemanticGuard.verdict(GuardText(longer.span), GuardText(longer.span)) == .pass)
        let verdict = SemanticGuard.verdict(GuardText(longer.span), GuardText("cash"))
        for rule in GuardRule.allCases { #expect(verdict[rule] == .block) }
    }

    @Test func `what stands beyond the limit still tells two texts apart`() {
        let head = [UInt8](repeating: 0x61, count: GuardTextLimits.bytes)
        let verdict = SemanticGuard.verdict(GuardText((head + [0x62]).span), GuardText((head + [0x63]).span))
        #expect(verdict.isBlocked)
    }

    @Test func `4,096 words are compared, one more is too many`() {
        #expect(!GuardText(String(repeating: "a ", count: 4_096)).isTruncated)
        #expect(GuardText(String(repeating: "a ", count: 4_097)).isTruncated)
    }

    @Test func `64 quoted strings are compared, one more is too many`() {
        #expect(!GuardText(String(repeating: "\"a\" ", count: 64)).isTruncated)
        #expect(GuardText(String(repeating: "\"a\" ", count: 65)).isTruncated)
    }

    @Test func `a verdict keeps each rule's outcome apart, and the most severe one wins`() {
        let verdict = SemanticGuard.verdict(GuardText("best 3 hotels in Rome"), GuardText("worst 5 hotels in Rome"))
        #expect(verdict[.numbers] == .block && verdict[.antonyms] == .block && verdict[.entities] == .pass)
        #expect(verdict.raised.contains(GuardRule.numbers) && !verdict.raised.contains(GuardRule.entities))
        #expect(verdict.overall == .block && verdict.isBlocked)
        let explored = SemanticGuard.verdict(GuardText("good hotels in Rome"), GuardText("good quiet hotels in Rome"))
        #expect(explored.overall == .explore && !explored.isBlocked)
        #expect(GuardVerdict.pass.overall == .pass)
    }
}

/// The limits as documented.
enum GuardTextLimits {
    static let bytes = 32_768
}
