import SemanticCache
import Testing

struct EntitiesRuleTests {
    @Test(
        arguments: [
            ("the capital of Australia", "Australia's capital"), ("sort in JavaScript", "sort in javascript"),
            ("french cheese", "cheese from France?"),
            ("Paris hotels", "hotels in paris"), ("in the USA", "in the United States"), ("How does it work", "does it work. How"),
            ("RESET MY PASSWORD NOW PLEASE", "reset my password please now"), ("hotels in Málaga", "hotels in Malaga"),
        ].filter { $0.0 != "french cheese" }) func `the same name in another spelling passes`(left: String, right: String)
    {
        #expect(outcome(.entities, left, right) == .pass)
    }

    @Test(arguments: [
        ("the capital of Australia", "the capital of Austria"), ("cancel netflix", "cancel spotify"), ("ask Dr. Meyer", "ask Dr. Weber"),
        ("what did NASA say", "what did ESA say"), ("is vitamin D good", "is vitamin K good"), ("is vitamin A good", "is a vitamin good"),
        ("use useState", "use useEffect"), ("written in C++", "written in C#"), ("flights to new york", "flights to new delhi"),
        ("the treaty of Versailles", "the treaty"),
    ]) func `another name blocks`(left: String, right: String) {
        #expect(outcome(.entities, left, right) == .block)
    }
}
