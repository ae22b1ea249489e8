import ArgumentParser
import Embedding
import GatewayModel
import JSON

/// `weir model bench`
struct ModelBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures the installed models on this machine: milliseconds a text, on one core.",
        discussion: "The median of some runs for each length, after a warm-up. Tokens include [CLS] and [SEP].")
    @OptionGroup var options: ModelOptions
    @Flag(name: .long, help: "With each instruction set that this processor has, not only the best.") var allLevels = false
    @Option(name: .long, help: "Runs of each length.") var runs = 20
    @Flag(name: .long, help: "As JSON.") var json = false

    private struct Row {
        var model: ModelInfo
        var kernel: String
        var tokens: Int
        var milliseconds: Double
    }

    private static let lengths = [16, 64, 128, 256]

    func run() throws {
        guard runs >= 1, runs <= 10_000 else { throw CommandError("--runs: 1 to 10000", exitCode: .usage) }
        let store = try options.store()
        var rows: [Row] = []
        do {
            for entry in store.list() {
                guard case .success(let info) = entry.result else { continue }
                let path = store.folder + "/" + entry.fileName
                if info.role == .gate {
                    rows += measure(try GateModel(path: path), Self.lengths, "portable")
                } else {
                    for level in allLevels ? KernelLevel.available : [.best] {
                        rows += measure(try SentenceModel(path: path, level: level), Self.lengths, level.name)
                    }
                }
            }
        } catch {
            throw ModelWords.failure(error)
        }
        if rows.isEmpty { throw CommandError("No models in \(store.folder); weir model install fetches them.", exitCode: .notFound) }
        if json {
            return Output.result(jsonText(["processor_kernel": .string(KernelLevel.best.name), "rows": .array(rows.map(Self.json))]))
        }
        var table = Table(["MODEL", "PRECISION", "KERNEL", "TOKENS", "MS A TEXT", "TOKENS/MS"])
        for row in rows {
            table.add([
                row.model.name, row.model.precision.name, row.kernel, String(row.tokens), Self.rounded(row.milliseconds, 1000),
                Self.rounded(Double(row.tokens) / row.milliseconds, 10),
            ])
        }
        Output.result(table.text)
    }

    /// A text of exactly so many tokens is so many common words.
    private func measure(_ model: some EmbeddingModel, _ lengths: [Int], _ kernel: String) -> [Row] {
        let words = ["bank", "card", "money", "account", "how", "to", "change", "my", "name", "transfer", "the", "time", "water", "city"]
        let framing = model.info.role == .gate ? 0 : 2
        var scratch = EmbeddingScratch()
        var vector: [Float] = []
        return lengths.filter { $0 <= model.info.positions }.map { length in
            let text = Array((0..<(length - framing)).map { words[$0 % words.count] }.joined(separator: " ").utf8)
            var spans: [UInt64] = []
            var tokens = 0
            for run in 0..<(runs + 2) {
                let start = MonotonicTime.now()
                tokens = model.embed(text.span, into: &vector, scratch: &scratch).tokens
                let span = MonotonicTime.now().nanoseconds(since: start)
                if run >= 2 { spans.append(span) }
            }
            spans.sort()
            return Row(model: model.info, kernel: kernel, tokens: tokens, milliseconds: Double(spans[spans.count / 2]) / 1e6)
        }
    }

    private static func json(_ row: Row) -> JSONValue {
        [
            "model": .string(row.model.name), "precision": .string(row.model.precision.name), "kernel": .string(row.kernel),
            "tokens": .number(row.tokens), "milliseconds": .number(row.milliseconds),
        ]
    }

    private static func rounded(_ value: Double, _ unit: Double) -> String { String((value * unit).rounded() / unit) }
}
