import SemanticCache
import Testing

struct NegationRuleTests {
    @Test(arguments: [
        ("I can't log in", "I cannot log in"), ("it does not work", "it doesn't work"), ("it dont work", "it doesn’t work"),
        ("I am unable to pay", "I am not able to pay"), ("unverified account", "account that is not verified"),
        ("is it safe or not", "is it safe"), ("a non-toxic paint", "a paint that is not toxic"), ("never again", "not again"),
        ("recipes without nuts", "recipes with no nuts"), ("until tomorrow", "till tomorrow"), ("under the table", "table"),
    ]) func `the same denial in other words passes`(left: String, right: String) {
        #expect(outcome(.negation, left, right) == .pass)
    }

    @Test(arguments: [
        ("it works", "it doesn't work"), ("with milk", "without milk"), ("a verified account", "an unverified account"),
        ("is it legal", "is it illegal"), ("toxic to cats", "non-toxic to cats"), ("I always win", "I never win"),
        ("everyone agreed", "nobody agreed"), ("it is uncommon", "it is not uncommon"), ("all but cheese", "no cheese"),
        ("all courses except math", "all courses"), ("I like meat but not fish", "I like fish but not meat"),
        ("ein test, not one", "ein test"),
    ]) func `a denial on one side, or of something else, blocks`(left: String, right: String) {
        #expect(outcome(.negation, left, right) == .block)
    }
}
