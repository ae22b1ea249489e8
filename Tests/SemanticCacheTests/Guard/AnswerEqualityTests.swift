import SemanticCache
import Testing

struct AnswerEqualityTests {
    private func compare(_ left: String, _ right: String) -> AnswerEquality {
        let (bytes, others) = (Array(left.utf8), Array(right.utf8))
        return AnswerEquality.compare(bytes.span, others.span)
    }

    @Test(arguments: [
        ("", ""), ("Paris", "paris."), ("The answer is:  **42**", "the answer is 42"), ("42", "The answer is 42."), ("1,000", "1000"),
        ("{\"a\":1,\"b\":[1.0,2]}", "{ \"b\": [1, 2e0], \"a\": 1 }"), ("```json\n{\"a\":1}\n```", "{\"a\": 1}"),
        ("It’s “fine”", "It's \"fine\""),
        ("[12345678901234567890]", "[12345678901234567890.0]"), ("{\"a\":-0}", "{\"a\":0.0}"),
    ]) func `the same answer in another spelling is equal`(left: String, right: String) {
        #expect(compare(left, right) == .equal)
        #expect(compare(right, left) == .equal)
    }

    @Test(arguments: [
        ("42", "43"), ("The total is 42.", "The total is 24."), ("{\"a\":1}", "{\"a\":2}"), ("{\"a\":1}", "{\"b\":1}"), ("[1,2]", "[2,1]"),
        ("{\"a\":\"x\"}", "{\"a\":\"X\"}"), ("[12345678901234567890]", "[12345678901234567891]"), ("5 km", "5 miles"), ("[]", "{}"),
    ]) func `another value is different`(left: String, right: String) {
        #expect(compare(left, right) == .different)
        #expect(compare(right, left) == .different)
    }

    @Test(arguments: [
        ("Paris", "It is Paris"), ("", "..."), ("42", "not 42"), ("{\"a\":1}", "a is 1"), ("5 km", "5"), ("{\"a\":1", "{\"a\":1}"),
        ("a < b", "a > b"),
        ("`A`", "`a`"), ("Yes, that is right.", "That is correct."), ("42 cats live in Rome", "42 dogs live in Rome"),
    ]) func `what only meaning could tell is unsure`(left: String, right: String) {
        #expect(compare(left, right) == .unsure)
        #expect(compare(right, left) == .unsure)
    }

    @Test func `answers too long to be read whole are equal only byte for byte`() {
        let long = String(repeating: "word ", count: 8_000)
        #expect(compare(long, long) == .equal)
        #expect(compare(long, long + "!") == .unsure)
    }
}
