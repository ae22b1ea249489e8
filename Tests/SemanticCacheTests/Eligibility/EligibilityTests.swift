import SemanticCache
import Testing

struct EligibilityTests {
    private let question = GuardText("How do I bake a chocolate cake without flour?")

    private func reason(
        _ text: String? = nil, _ limits: EligibilityLimits = EligibilityLimits(), _ change: (inout Eligibility) -> Void = { _ in }
    )
        -> IneligibleReason?
    {
        var request = Eligibility()
        change(&request)
        return request.reason(for: text.map { GuardText($0) } ?? question, limits: limits)
    }

    @Test func `an ordinary question is eligible`() { #expect(reason() == nil) }

    @Test func `each property of the request has its reason`() {
        #expect(reason { $0.forcesTool = true } == .toolForced)
        #expect(reason { $0.offersToolWithSideEffects = true } == .toolSideEffects)
        #expect(reason { $0.hasImage = true } == .image)
        #expect(reason { $0.hasOtherContent = true } == .nonText)
    }

    @Test func `a temperature at the limit is eligible, above it or not a number it is not`() {
        let limits = EligibilityLimits(temperature: 0.5)
        #expect(reason(nil, limits) { $0.temperature = 0.5 } == nil)
        #expect(reason(nil, limits) { $0.temperature = 0.5.nextUp } == .temperature)
        #expect(reason(nil, limits) { $0.temperature = .nan } == .temperature)
        #expect(reason(nil, limits) { $0.temperature = .infinity } == .temperature)
    }

    @Test func `one answer is eligible, two are not`() {
        #expect(reason { $0.choices = 1 } == nil)
        #expect(reason { $0.choices = 2 } == .multipleChoices)
        #expect(reason { $0.choices = -1 } == nil)
    }

    @Test func `128 tokens are eligible, 129 are not`() {
        #expect(reason { $0.tokens = 128 } == nil)
        #expect(reason { $0.tokens = 129 } == .tooLong)
        #expect(reason(String(repeating: "word ", count: 8_000)) == .tooLong)
    }

    @Test(arguments: ["What is the weather in Oslo today?", "latest news about the strike", "Tesla stock price and outlook"])
    func `a question about the moment needs a short life`(text: String) {
        #expect(reason(text) { $0.ttlSeconds = 300 } == nil)
        #expect(reason(text) { $0.ttlSeconds = 301 } == .timeDependent)
    }

    @Test func `two content words are eligible, one is not`() {
        #expect(reason("bake the cake") == nil)
        #expect(reason("the cake") == .tooShort)
        #expect(reason("") == .tooShort)
        #expect(reason("👍") == .tooShort)
    }

    @Test(arguments: ["and why?", "And how about Italy?", "why not", "what about it?", "tell me more", "but the other one is red"])
    func `a bare follow-up is named as such`(text: String) { #expect(reason(text) == .followUp) }

    @Test func `a whole question that begins with and is eligible`() {
        #expect(reason("And how do I bake a chocolate cake in a cast iron pan?") == nil)
    }

    @Test(arguments: ["Why has my new card still not come?", "Why was one of my transfers declined?", "How do I reset my password?"])
    func `a whole question that begins with why or how is taken for a follow-up`(text: String) { #expect(reason(text) == nil) }

    @Test func `reasons are dense and distinct`() {
        #expect(IneligibleReason.allCases.map(\.index) == Array(0..<IneligibleReason.allCases.count))
        #expect(Set(IneligibleReason.allCases.map(\.rawValue)).count == IneligibleReason.allCases.count)
    }
}
