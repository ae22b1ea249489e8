import ArgumentParser
import JSON
import SemanticCache

/// `weir semantic try`
struct SemanticTryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "try", abstract: "Shows how alike two texts are to the semantic cache, and what its guard says.",
        discussion: """
            Both cosines and all eight rules are always computed, whatever the gate, the limits of what is eligible, or a route say. Rules that \
            --guard leaves out are shown and do not decide. would_serve is true where the guard passes and the cosine reaches --threshold. p, \
            the probability that one answer fits both, is what a gateway learns from its own traffic: here nothing is learnt, so it is null, \
            and with --max-error nothing would be served.

            --file reads pairs, two columns separated by a tab and more ignored; - is standard input. A line that is no pair is named and \
            skipped, and the exit code is then 1. With --json each pair is a line.
            """)
    @Argument(help: "The two texts.") var texts: [String] = []
    @Option(name: .long, help: "A file of pairs, or -.") var file: String?
    @Option(name: .long, help: "Serve from this cosine on, 0 to 1.") var threshold: String?
    @Option(name: .long, help: "The bound on wrong answers, 0.01 or 1%; the default, at 1%.") var maxError: String?
    @OptionGroup var guarding: SemanticGuardOptions
    @OptionGroup var options: SemanticModelOptions
    @Flag(name: .long, help: "As JSON.") var json = false

    func validate() throws {
        guard texts.count == (file == nil ? 2 : 0) else { throw ValidationError("Give two texts, or --file.") }
        guard threshold == nil || maxError == nil else { throw ValidationError("Either --threshold or --max-error.") }
    }

    func run() throws {
        if let maxError { _ = try ShareText.parse(maxError, "--max-error") }
        let enough = try threshold.map { try ShareText.parse($0, "--threshold") }
        let (rules, words) = (try guarding.chosen(), try guarding.lists())
        let trial = SemanticTrial(models: try options.open(), words: words, rules: rules, threshold: enough)
        if let file { return try run(trial, file: file) }
        let pair = trial.judge(Array(texts[0].utf8), Array(texts[1].utf8))
        Output.result(json ? jsonText(pair.json) : pair.table)
    }

    private func run(_ trial: SemanticTrial, file: String) throws {
        var lines = try LineReader(path: file)
        var table = Table(SemanticTrial.Pair.columns)
        var progress = ProgressLine()
        var (number, bad) = (0, 0)
        while let line = try lines.next() {
            number += 1
            do throws(PairLineError) {
                guard let (left, right) = try PairLine.read(line) else { continue }
                let pair = trial.judge(left, right)
                if json {
                    Output.result(jsonText(pair.json))
                } else {
                    table.add(pair.cells + [PairLine.shown(left), PairLine.shown(right)])
                }
            } catch {
                bad += 1
                Output.note("weir: \(file == "-" ? "standard input" : file):\(number): \(error.rawValue)")
            }
            progress.note("\(number) lines")
        }
        progress.end()
        if !json { Output.result(table.text) }
        Output.flush()
        guard bad == 0 else { throw CommandError("\(bad) of \(number) lines skipped.") }
    }
}

/// Why a line is no pair.
enum PairLineError: String, Error {
    case tooLong = "too long"
    case notText = "not UTF-8"
    case oneColumn = "fewer than two columns"
}

/// Lines of pairs.
enum PairLine {
    /// The first two columns; `nil` for an empty line.
    static func read(_ line: LineReader.Line) throws(PairLineError) -> ([UInt8], [UInt8])? {
        guard case .text(var bytes) = line else { throw .tooLong }
        if bytes.last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty else { return nil }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notText }
        let columns = bytes.split(separator: 0x09, maxSplits: 2, omittingEmptySubsequences: false)
        guard columns.count >= 2 else { throw .oneColumn }
        return (Array(columns[0]), Array(columns[1]))
    }

    /// A text's beginning, for a table.
    static func shown(_ text: [UInt8]) -> String {
        let text = String(decoding: text, as: UTF8.self)
        return text.count > 48 ? text.prefix(47) + "…" : text
    }
}

/// Compares pairs of texts as the semantic cache does.
struct SemanticTrial {
    let models: SemanticModels
    let words: GuardWords
    /// The rules that decide.
    let rules: GuardRules
    /// The cosine that is enough; `nil` where a bound decides.
    let threshold: Double?

    /// What is found.
    struct Pair {
        var cosine: Double
        var gateCosine: Double
        /// Of all rules.
        var verdict: GuardVerdict
        /// That one answer fits both; `nil` while nothing is learnt.
        var probability: Double?
        var wouldServe: Bool

        static let columns = ["COSINE", "GATE", "GUARD", "P", "SERVE", "TEXT A", "TEXT B"]
    }

    func judge(_ left: [UInt8], _ right: [UInt8]) -> Pair {
        let (text, other) = (GuardText(left.span, words: words), GuardText(right.span, words: words))
        let cosine = SemanticModels.cosine(models.sentenceVector(left), models.sentenceVector(right))
        let passes = SemanticGuard.verdict(text, other, rules: rules) == .pass
        return Pair(
            cosine: cosine, gateCosine: SemanticModels.cosine(models.gateVector(left), models.gateVector(right)),
            verdict: SemanticGuard.verdict(text, other), probability: nil, wouldServe: passes && threshold.map { cosine >= $0 } ?? false)
    }
}

extension SemanticTrial.Pair {
    /// Six decimals are more than the models are good for.
    private static func rounded(_ value: Double) -> JSONValue { .number((value * 1e6).rounded() / 1e6) }

    var json: JSONValue {
        [
            "cosine": Self.rounded(cosine), "gate_cosine": Self.rounded(gateCosine),
            "guard": .object(pairs: GuardRule.allCases.map { ($0.rawValue, .string(verdict[$0].name)) }),
            "p": probability.map(Self.rounded) ?? .null, "would_serve": .bool(wouldServe),
        ]
    }

    private var raised: String {
        let raised = GuardRule.allCases.filter { verdict[$0] != .pass }
        return raised.isEmpty ? "pass" : raised.map { "\(verdict[$0].name): \($0.rawValue)" }.joined(separator: ", ")
    }

    private var probabilityText: String { probability.map { Figures.fixed($0, 3) } ?? "-" }

    /// All columns but the texts.
    var cells: [String] {
        [Figures.fixed(cosine, 3), Figures.fixed(gateCosine, 3), raised, probabilityText, wouldServe ? "yes" : "no"]
    }

    /// One pair, a line for each figure.
    var table: String {
        var table = Table(["WHAT", "VALUE"])
        table.add(["cosine", Figures.fixed(cosine, 4)])
        table.add(["gate cosine", Figures.fixed(gateCosine, 4)])
        for rule in GuardRule.allCases { table.add([rule.rawValue, verdict[rule].name]) }
        table.add(["p", probabilityText])
        table.add(["would serve", wouldServe ? "yes" : "no"])
        return table.text
    }
}
