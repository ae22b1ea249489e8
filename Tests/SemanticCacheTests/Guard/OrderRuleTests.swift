import SemanticCache
import Testing

struct OrderRuleTests {
    @Test(arguments: [
        ("reset my password", "a password reset"), ("compare cats and dogs", "compare dogs and cats"),
        ("is it Rust or Go", "is it Go or Rust"),
        ("dogs chase cats", "cats are chased by dogs"), ("how do I delete a branch in git", "how can I delete a git branch"),
        ("the difference between a virus and a bacterium", "between a bacterium and a virus, what is the difference"),
        ("block my stolen card", "my card was stolen, how do I block it"), ("from Rome to Oslo", "to Oslo from Rome"),
    ]) func `another order with the same roles passes`(left: String, right: String) {
        #expect(outcome(.order, left, right) == .pass)
    }

    @Test(arguments: [
        ("from EUR to USD", "from USD to EUR"), ("dogs chase cats", "cats chase dogs"), ("dogs chase cats", "dogs are chased by cats"),
        ("is gold heavier than silver", "is silver heavier than gold"), ("my husband's mother", "my mother's husband"),
        ("convert miles to feet", "convert feet to miles"), ("flights to Oslo", "flights from Oslo"),
        ("votes for war", "votes against war"),
        ("to Oslo from Rome", "from Oslo to Rome"),
    ]) func `changed roles block`(left: String, right: String) {
        #expect(outcome(.order, left, right) == .block)
    }

    @Test func `roles are told among the first 64 shared words, and not beyond`() {
        func text(_ padding: Int, _ end: String) -> String { (0..<padding).map { "w\($0)x" }.joined(separator: " ") + " " + end }
        #expect(outcome(.order, text(61, "dogs chase cats"), text(61, "cats chase dogs")) == .block)
        #expect(outcome(.order, text(64, "dogs chase cats"), text(64, "cats chase dogs")) == .pass)
    }
}
