import SemanticCache
import Testing

struct ConstraintsRuleTests {
    @Test(arguments: [
        ("list it as JSON", "a JSON list"), ("summarize it", "a summary"), ("in French", "en français, I mean French"),
        ("explain briefly", "be concise"),
        ("weather today", "today's weather"), ("what is the exchange rate", "what is the conversion rate"),
    ]) func `the same demand passes`(left: String, right: String) {
        #expect(outcome(.constraints, left, right) == .pass)
    }

    @Test(arguments: [
        ("as JSON", "as a table"), ("in French", "in Spanish"), ("a poem about rain", "an essay about rain"),
        ("explain it", "explain it step by step"),
        ("prices today", "prices"), ("the latest news", "the news of last month"), ("briefly", "in detail"),
        ("in Python", "in python as HTML"),
    ]) func `another demand blocks`(left: String, right: String) {
        #expect(outcome(.constraints, left, right) == .block)
    }
}
