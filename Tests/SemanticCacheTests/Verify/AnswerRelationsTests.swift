import TestSupport
import Testing

@testable import SemanticCache

@Suite struct AnswerRelationsTests {
    private func areOne(_ relations: AnswerRelations, _ first: UInt64, _ second: UInt64) -> Bool {
        relations.family(of: first) == relations.family(of: second)
    }

    @Test func `a family is not transitive`() {
        var relations = AnswerRelations()
        for (first, second) in [(5, 9), (3, 9), (20, 3), (100, 101)] as [(UInt64, UInt64)] { relations.vote(first, second, isEqual: true) }
        #expect(areOne(relations, 5, 20) && areOne(relations, 9, 3) && !areOne(relations, 5, 100) && areOne(relations, 100, 101))
        #expect(relations.family(of: 20) == 3 && relations.family(of: 77) == 77)
        #expect(areOne(relations.rebuilt(), 5, 20) && !areOne(relations.rebuilt(), 5, 100))
    }

    @Test func `one vote against outweighs one in favour, or votes stay for ever`() {
        var relations = AnswerRelations()
        relations.vote(1, 2, isEqual: false)
        relations.vote(2, 1, isEqual: true)
        #expect(!areOne(relations, 1, 2), "a tie is no agreement")
        relations.vote(1, 2, isEqual: true)
        #expect(areOne(relations, 1, 2) && relations.count == 1)
        relations.vote(1, 2, isEqual: false)
        #expect(!areOne(relations.rebuilt(), 1, 2))
        // A thousand votes weigh a hundred.
        for _ in 0..<1000 { relations.vote(3, 4, isEqual: true) }
        for _ in 0..<99 { relations.vote(3, 4, isEqual: false) }
        #expect(areOne(relations.rebuilt(), 3, 4))
        relations.vote(3, 4, isEqual: false)
        #expect(!areOne(relations.rebuilt(), 3, 4))
    }

    @Test func `a vote on itself counts`() {
        var relations = AnswerRelations()
        relations.vote(7, 7, isEqual: true)
        #expect(relations.count == 0 && !relations.isRebuildDue && relations.encoded().isEmpty)
    }

    @Test func `a rebuild is due too early or never`() {
        var relations = AnswerRelations()
        for number in 0..<249 as Range<UInt64> { relations.vote(number, number + 1000, isEqual: true) }
        #expect(!relations.isRebuildDue)
        relations.vote(1, 2000, isEqual: true)
        #expect(relations.isRebuildDue && !relations.rebuilt().isRebuildDue)
    }

    @Test(arguments: [1, 2, 3, 10])
    func `pairs pile up, or the newest are forgotten`(pairsMax: Int) {
        var relations = AnswerRelations(pairsMax: pairsMax)
        for number in 0..<UInt64(pairsMax) { relations.vote(2 * number, 2 * number + 1, isEqual: true) }
        #expect(relations.count == pairsMax && areOne(relations, 0, 1))
        relations.vote(1000, 1001, isEqual: true)
        #expect(relations.count == pairsMax - (pairsMax / 2 + 1) + 1)
        #expect(!areOne(relations, 0, 1) && areOne(relations, 1000, 1001))
        for number in 0..<200 as Range<UInt64> {
            relations.vote(number, number + 5000, isEqual: true)
            #expect(relations.count <= pairsMax && areOne(relations, number, number + 5000))
        }
    }

    @Test func `families change on their way to the disk and back`() throws {
        var random = SplitMix64(seed: 6)
        var relations = AnswerRelations()
        for _ in 0..<400 { relations.vote(random.next() % 60, random.next() % 60, isEqual: random.next() % 3 == 0) }
        let settled = relations.rebuilt()
        let again = try #require(AnswerRelations(settled.encoded()))
        #expect(again == settled && again.encoded() == settled.encoded())
        #expect(AnswerRelations([]) == AnswerRelations())
    }

    @Test func `garbage is read, or traps`() {
        var random = SplitMix64(seed: 7)
        for count in 0..<120 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let read = AnswerRelations(bytes)
            #expect((read != nil) == (count % 18 == 0))
            #expect(read.map { $0.count <= count / 18 && $0.encoded().count <= count } ?? true)
        }
        // Pairs of one group, the same pair twice, and votes beyond their range.
        let row = [UInt8](repeating: 1, count: 16)
        #expect(AnswerRelations(row + [1, 0])?.count == 0)
        let pair: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
        var twice = AnswerRelations(pair + [0xFF, 0x7F] + pair + [0x00, 0x80])
        #expect(twice?.count == 1)
        for _ in 0..<100 { twice?.vote(1, 2, isEqual: false) }
        #expect(twice.map { !areOne($0.rebuilt(), 1, 2) } == true)
        #expect(AnswerRelations(pair + [1, 0] + pair + [1, 0], pairsMax: 1) == nil)
        #expect(AnswerRelations(pair + [1, 0], pairsMax: 1)?.count == 1)
    }
}
