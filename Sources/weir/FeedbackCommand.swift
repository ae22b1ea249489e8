import ArgumentParser
import JSON

/// `weir feedback`
struct FeedbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feedback", abstract: "Says of a request whether its answer was good.",
        discussion: "It stands in the request's row from then on, and goes with it. `weir logs --filter feedback.eq:-1` finds the bad ones."
    )
    @OptionGroup var common: CommonOptions
    @Argument(help: "The row's id: cf-aig-log-id of the answer.") var id: String
    @Flag(name: .long, help: "It was good.") var up = false
    @Flag(name: .long, help: "It was bad.") var down = false
    @Flag(name: .long, help: "Take back what was said.") var clear = false
    @Option(name: .long, help: "How good, from 0 to 100.") var score: Double?

    func validate() throws {
        let said = [up, down, clear].filter { $0 }.count
        guard said <= 1 else { throw ValidationError("One of --up, --down and --clear.") }
        guard said == 1 || score != nil else { throw ValidationError("Say --up, --down, --clear or --score.") }
        guard !clear || score == nil else { throw ValidationError("--clear takes the score back too.") }
    }

    func run() throws {
        var fields: [(String, JSONValue)] = []
        if up || down { fields.append(("feedback", .number(up ? 1 : -1))) }
        if clear { fields = [("feedback", .null), ("score", .null)] }
        if let score { fields.append(("score", .number(score))) }
        let row = try Target.client(common).call("PATCH", "/logs/\(encoded(id))", body: .object(pairs: fields))
        let shown = { (name: String) in row[name].map { $0.isNull ? "-" : jsonText($0) } ?? "-" }
        Output.result("feedback \(shown("feedback")), score \(shown("score"))")
    }
}
