import ArgumentParser
import Embedding
import JSON

/// `weir model embed`
struct ModelEmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed", abstract: "Prints the vector of a text, or the similarity of several.",
        discussion: """
            One text prints its vector; more print the cosine of each with the first. With --lines, standard input gives a JSON string a line, \
            and a JSON object comes out for each.
            """)
    @OptionGroup var options: ModelOptions
    @Argument(help: "The texts.") var texts: [String] = []
    @Option(name: .long, help: "The model: gate or sentence.") var role = "sentence"
    @Option(name: .long, help: "The sentence model's precision: fp32 or int8; whichever is installed when not given.")
    var precision: String?
    @Option(name: .long, help: "Tokens after which a text is cut, at most those of the model.") var maxTokens: Int?
    @Flag(name: .long, help: "JSON strings from standard input, one a line.") var lines = false
    @Flag(name: .long, help: "As JSON.") var json = false

    func run() throws {
        guard lines != !texts.isEmpty else { throw CommandError("Give texts, or --lines.", exitCode: .usage) }
        if let maxTokens, maxTokens < 2 { throw CommandError("--max-tokens: at least 2", exitCode: .usage) }
        let store = try options.store()
        do {
            switch role {
            case "gate": try run(with: try store.openGate())
            case "sentence":
                let model = try store.openSentence(precision: try ModelWords.precision(precision))
                try run(with: model, limited: { model.embed($0.span, limit: maxTokens ?? model.info.positions, into: &$1, scratch: &$2) })
            default: throw CommandError("--role: \(role) is neither gate nor sentence", exitCode: .usage)
            }
        } catch let error as EmbeddingModelError {
            throw ModelWords.failure(error)
        }
    }

    private func run(with gate: GateModel) throws { try run(with: gate, limited: { gate.embed($0.span, into: &$1, scratch: &$2) }) }

    private func run(
        with model: some EmbeddingModel, limited embed: ([UInt8], inout [Float], inout EmbeddingScratch) -> EmbeddedText
    ) throws {
        var scratch = EmbeddingScratch()
        var vector: [Float] = []
        if lines {
            while let line = readLine() {
                let bytes = Array(line.utf8)
                guard let value = try? JSONValue(parsing: bytes.span), let text = value.stringValue else {
                    throw CommandError("standard input: a line is not a JSON string", exitCode: .usage)
                }
                let result = embed(Array(text.utf8), &vector, &scratch)
                Output.result(jsonText(Self.object(model.info, result, vector)))
            }
            return
        }
        var first: [Float] = []
        for (index, text) in texts.enumerated() {
            let result = embed(Array(text.utf8), &vector, &scratch)
            if index == 0 { first = vector }
            if json {
                Output.result(jsonText(Self.object(model.info, result, vector, cosine: index == 0 ? nil : Self.dot(first, vector))))
            } else if texts.count == 1 {
                Output.result(vector.map { "\($0)" }.joined(separator: " "))
            } else if index > 0 {
                Output.result("\(Self.dot(first, vector))\t\(text)")
            }
        }
    }

    private static func dot(_ left: [Float], _ right: [Float]) -> Float { zip(left, right).reduce(0) { $0 + $1.0 * $1.1 } }

    private static func object(_ info: ModelInfo, _ result: EmbeddedText, _ vector: [Float], cosine: Float? = nil) -> JSONValue {
        var object = JSONObject()
        object["model"] = .string(info.name)
        object["precision"] = .string(info.precision.name)
        object["kernel"] = .string(KernelLevel.best.name)
        object["tokens"] = .number(result.tokens)
        object["cut"] = .bool(result.isCut)
        object["empty"] = .bool(result.isEmpty)
        if let cosine { object["cosine"] = .number(Double(cosine)) }
        object["vector"] = .array(vector.map { .number($0.description) })
        return .object(object)
    }
}
