import ArgumentParser
import Embedding
import Foundation
import SemanticCache

/// `weir semantic …`
struct SemanticCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "semantic", abstract: "Tries the semantic cache on texts and recorded traffic; shows and mends what it serves.",
        discussion: """
            try and simulate need the models that weir model install fetches, and no running gateway. report and evict ask the running gateway.
            """,
        subcommands: [SemanticTryCommand.self, SemanticSimulateCommand.self, SemanticReportCommand.self, SemanticEvictCommand.self])
}

/// Where the models are.
struct SemanticModelOptions: ParsableArguments {
    @OptionGroup var common: CommonOptions
    @Option(name: .long, help: "The folder of models; the one that weir model uses when not given.") var models: String?
    @Option(name: .long, help: "The sentence model's precision: fp32 or int8; whichever is installed when not given.")
    var precision: String?

    /// Opens both models.
    func open() throws -> SemanticModels {
        let precision = try ModelWords.precision(precision)
        let store = try store()
        do throws(EmbeddingModelError) {
            return SemanticModels(gate: try store.openGate(), sentence: try store.openSentence(precision: precision))
        } catch {
            throw ModelWords.failure(error)
        }
    }

    private func store() throws -> ModelStore { ModelStore(folder: try models ?? common.modelsFolder()) }
}

/// The guard of a trial.
struct SemanticGuardOptions: ParsableArguments {
    @Option(
        name: .customLong("guard"),
        help: """
            all, intent (none), or a list: numbers, negation, quoted, entities, antonyms, order, constraints, containment, one-word-apart.
            """)
    var rules = "all"
    @Option(name: .long, help: "A file of words that extends the English ones; may be repeated.") var words: [String] = []

    /// The rules that decide.
    func chosen() throws -> GuardRules {
        if rules == "all" { return .all }
        if rules == "intent" { return .intent }
        var chosen: GuardRules = []
        for name in rules.split(separator: ",", omittingEmptySubsequences: false).map({ $0.trimmingCharacters(in: .whitespaces) }) {
            if name == "one-word-apart" {
                chosen.formUnion(.oneWordApart)
            } else if let rule = GuardRule(rawValue: name) {
                chosen.formUnion(GuardRules(rule))
            } else {
                throw CommandError("--guard: \(name) is no rule; see --help", exitCode: .usage)
            }
        }
        return chosen
    }

    /// The word lists.
    func lists() throws -> GuardWords {
        var lists = GuardWords.english
        for path in words {
            guard let file = FileManager.default.contents(atPath: path) else { throw CommandError("--words: \(path) can't be read") }
            do throws(WordListError) {
                lists = try lists.extended(by: Array(file).span, named: path)
            } catch {
                throw CommandError(error.description, exitCode: .configuration)
            }
        }
        return lists
    }
}

/// Shares of a whole on the command line.
enum ShareText {
    /// `0.01` or `1%`, in 0...1.
    static func parse(_ text: String, _ option: String) throws -> Double {
        let isPercent = text.hasSuffix("%")
        let digits = (isPercent ? text.dropLast() : text[...]).trimmingCharacters(in: .whitespaces)
        guard let value = Double(digits), value.isFinite, (0...1).contains(isPercent ? value / 100 : value) else {
            throw CommandError("\(option): \(text) is no share; say 0.01 or 1%", exitCode: .usage)
        }
        return isPercent ? value / 100 : value
    }
}

/// The two models with the memory they work in.
final class SemanticModels {
    let gate: GateModel
    let sentence: SentenceModel
    private var scratch = EmbeddingScratch()

    init(gate: GateModel, sentence: SentenceModel) {
        self.gate = gate
        self.sentence = sentence
    }

    /// The gate's vector of a text.
    func gateVector(_ text: [UInt8]) -> [Float] {
        var vector: [Float] = []
        _ = gate.embed(text.span, into: &vector, scratch: &scratch)
        return vector
    }

    /// The sentence model's vector of a text.
    func sentenceVector(_ text: [UInt8]) -> [Float] {
        var vector: [Float] = []
        _ = sentence.embed(text.span, into: &vector, scratch: &scratch)
        return vector
    }

    /// Tokens of a text as the sentence model counts them, at most `limit`.
    func tokenCount(_ text: [UInt8], limit: Int) -> Int { sentence.tokenCount(text.span, limit: limit, scratch: &scratch) }

    /// The cosine of two vectors of length 1.
    static func cosine(_ left: [Float], _ right: [Float]) -> Double {
        let sum = zip(left, right).reduce(Float(0)) { $0 + $1.0 * $1.1 }
        return Double(max(-1, min(1, sum)))
    }
}
