import SemanticCache
import Testing

struct AntonymsRuleTests {
    @Test(arguments: [
        ("best way", "ideal way"), ("before lunch", "prior to lunch"), ("best and worst", "worst and best"),
        ("what is best", "best or worst"),
        ("selling a car", "sold cars"), ("may I go", "could I go in May"),
    ]) func `one side of a pair, or both, passes`(left: String, right: String) {
        #expect(outcome(.antonyms, left, right) == .pass)
    }

    @Test(arguments: [
        ("best way", "worst way"), ("before lunch", "after lunch"), ("encode", "decode"), ("buying shares", "sold shares"),
        ("log in", "log out"),
        ("today", "tomorrow"), ("on Monday", "on Sunday"), ("in May", "in June"), ("turn on the light", "turn off the light"),
        ("uploaded", "downloading"), ("bought", "sells"), ("mother", "father"), ("raw fish", "cooked fish"), ("the maximum", "the minimum"),
    ]) func `a pair split across the texts blocks`(left: String, right: String) {
        #expect(outcome(.antonyms, left, right) == .block)
    }
}
