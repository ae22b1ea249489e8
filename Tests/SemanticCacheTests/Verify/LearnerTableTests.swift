import GatewayModel
import Testing

@testable import SemanticCache

@Suite struct LearnerTableTests {
    private func match(_ group: UInt64) -> SemanticMatch {
        SemanticMatch(
            entry: group, answer: Digest256(words: (group, 0, 0, 0)), cosine: 0.9, tenant: "t", keyID: "k",
            created: WallTime(milliseconds: 0), text: [0x61])
    }

    /// The fresh answer was the same as those of both groups, or as the first's alone.
    private func compare(_ table: LearnerTable, _ scope: String, _ first: UInt64, _ second: UInt64, isEqual: Bool) {
        let ticket = SemanticTicket(
            scope: scope, features: MatchFeatures(cosine: 0.9, margin: 0.1, support: 1, gateCosine: 0.9, entries: 10, blocked: 0),
            weight: 1,
            isAudit: false, ordinal: 1, candidates: [match(first), match(second)])
        _ = table.conclude(ticket, verdicts: [true, isEqual])
    }

    private func areFamily(_ table: LearnerTable, _ scope: String, _ first: UInt64, _ second: UInt64) -> Bool {
        let families = table.families(of: [first, second], in: scope)
        return families[0] == families[1]
    }

    @Test func `a busy scope makes another's families be forgotten`() {
        let table = LearnerTable(scopesMax: 10, pairsMax: 200)
        compare(table, "quiet", 1, 2, isEqual: true)
        for number in 0..<210 as Range<UInt64> { compare(table, "busy", 10 + number, 100_000 + number, isEqual: false) }
        #expect(areFamily(table, "quiet", 1, 2))
        #expect(!areFamily(table, "busy", 1, 2))
        #expect(table.families(of: [5, 6], in: "unknown") == [5, 6])
    }

    @Test func `many scopes remember more pairs than memory has room for`() {
        let table = LearnerTable(scopesMax: 100, pairsMax: 50, pairsInAllMax: 300)
        compare(table, "quiet", 1, 2, isEqual: true)
        for number in 0..<2000 as Range<UInt64> {
            compare(table, "scope \(number % 40)", 10 + number, 100_000 + number, isEqual: false)
            #expect(table.pairCount <= 300)
        }
        #expect(table.pairCount > 200)
        #expect(areFamily(table, "quiet", 1, 2), "the largest forgets, not the smallest")
    }

    @Test func `votes that were lost keep a family together`() {
        let table = LearnerTable(scopesMax: 10)
        compare(table, "s", 1, 2, isEqual: true)
        for _ in 0..<3 { compare(table, "s", 1, 2, isEqual: false) }
        for number in 0..<250 as Range<UInt64> { compare(table, "s", 10 + number, 1000 + number, isEqual: false) }
        #expect(!areFamily(table, "s", 1, 2))
    }

    @Test func `families are not kept with their scope`() throws {
        let table = LearnerTable(scopesMax: 10)
        compare(table, "s", 1, 2, isEqual: true)
        let change = try #require(table.changes(all: true).first)
        let other = LearnerTable(scopesMax: 10)
        other.restore(
            scope: change.name, try #require(ScopeLearner(change.learner)), try #require(AnswerRelations(change.relations)))
        #expect(areFamily(other, "s", 1, 2))
        #expect(other.remove { $0 == "s" } == ["s"])
        #expect(!areFamily(other, "s", 1, 2))
    }
}
