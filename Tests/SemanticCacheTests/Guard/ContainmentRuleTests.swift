import SemanticCache
import Testing

struct ContainmentRuleTests {
    @Test(arguments: [
        ("how do I reset my password", "please tell me how I can reset my password"), ("track my package", "track my parcel"),
        ("what is the price", "how much does it cost"), ("can I get a refund", "is it possible to get a refund"),
        ("where is the branch", "Where is the branch?"),
    ]) func `as much said in the same kind of question passes`(left: String, right: String) {
        #expect(outcome(.containment, left, right) == .pass)
    }

    @Test(arguments: [
        ("good restaurants in Vienna", "good vegan restaurants in Vienna"), ("can I change my PIN", "how do I change my PIN"),
        ("why does it expire", "when does it expire"), ("how much water", "how often water"), ("how do I", "how do I cook"),
        ("remove wine stains from carpet", "remove wine stains from leather"), ("explain entropy", "explain enthalpy"),
    ]) func `more on one side, another kind of question, or one word apart is explored`(left: String, right: String) {
        #expect(outcome(.containment, left, right) == .explore)
    }

    @Test func `one word apart can be switched off alone, and does nothing alone`() {
        let (left, right) = (GuardText("remove wine stains from carpet"), GuardText("remove wine stains from leather"))
        #expect(SemanticGuard.verdict(left, right, rules: GuardRules.all.subtracting(.oneWordApart)) == .pass)
        #expect(SemanticGuard.verdict(left, right, rules: .oneWordApart) == .pass)
    }
}
