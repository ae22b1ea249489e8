import Testing

@testable import SemanticCache

@Suite struct OwnerTableTests {
    @Test func `a number is free while an entry has it, or stays taken after`() {
        var table = OwnerTable()
        let (first, second, third) = (IndexBench.owner("a"), IndexBench.owner("b"), IndexBench.owner("c"))
        let number = table.retain(first)
        let again = table.retain(first)
        #expect(again == number)
        let other = table.retain(second)
        #expect(other != number)
        table.release(number)
        #expect(table.numbers { $0 == first } == [number] && table.count(of: first.key) == 1)
        table.release(number)
        #expect(table.numbers { $0 == first }.isEmpty && table.count(of: first.key) == 0)
        let reused = table.retain(third)
        #expect(reused == number)
        #expect(table.numbers { _ in true } == [number, other])
        #expect(table.numbers { $0.keyID == "c" } == [number])
    }

    @Test func `releasing what nobody holds changes a count`() {
        var table = OwnerTable()
        table.release(0)
        let number = table.retain(IndexBench.owner("a"))
        table.release(number)
        table.release(number)
        table.release(99)
        #expect(table.count(of: IndexBench.owner("a").key) == 0)
        let (next, last) = (table.retain(IndexBench.owner("b")), table.retain(IndexBench.owner("c")))
        #expect(next == number && last != number)
    }

    @Test func `two models of a key have two shares`() {
        var table = OwnerTable()
        let (first, second) = (table.retain(IndexBench.owner("a", model: "m")), table.retain(IndexBench.owner("a", model: "n")))
        #expect(first != second)
        #expect(table.count(of: IndexBench.owner("a").key) == 2)
        let key = IndexBench.owner("a").key
        let may = [1, 1, 2].map { table.mayInsert(key, minute: $0, perMinute: 1) }
        #expect(may == [true, false, true])
    }
}
