public import Embedding
public import SemanticCache

/// Whether two answers say the same: by their texts, numbers or JSON, else by their meaning, where vectors and guard agree. The judge asks it, and so
/// does a replay, so that both decide alike. Confined to one thread.
public final class AnswerComparison {
    /// Answers whose vectors are at least so near mean the same if the guard agrees.
    private static let cosineMin: Float = 0.90
    /// Pieces of an answer that are embedded, each about as long as the model reads.
    private static let (piecesMax, pieceBytes) = (6, 480)

    private let words: GuardWords
    /// `nil` where an endpoint makes the vectors: answers are not compared by meaning then.
    private let model: SentenceModel?
    private let memo: VectorMemo
    private var scratch = EmbeddingScratch()

    /// A comparison with these word lists. Without a model the meaning is not asked.
    public init(words: GuardWords, model: SentenceModel?, memo: VectorMemo) {
        self.words = words
        self.model = model
        self.memo = memo
    }

    /// Compares two answers; who can't tell says unsure. Up to some tens of milliseconds.
    public func compare(_ fresh: [UInt8], _ stored: [UInt8]) -> AnswerEquality {
        let verdict = AnswerEquality.compare(fresh.span, stored.span, words: words)
        guard verdict == .unsure, let model else { return verdict }
        let (left, right) = (GuardText(fresh.span, words: words), GuardText(stored.span, words: words))
        guard SemanticGuard.verdict(left, right).overall == .pass else { return .unsure }
        guard let one = meaning(fresh, model), let other = meaning(stored, model) else { return .unsure }
        // Texts that are not the same and have the same vector differ in what the model has no word for, such as two emoji.
        guard one != other else { return .unsure }
        return zip(one, other).reduce(0) { $0 + $1.0 * $1.1 } >= Self.cosineMin ? .equal : .unsure
    }

    /// The vector of a text, remembered or made; `nil` without a model.
    func vector(of text: [UInt8]) -> [Float]? { model.map { embed(text, with: $0) } }

    /// The mean of the vectors of a text's pieces; `nil` for a text that the model does not read to its end, or without a word.
    private func meaning(_ text: [UInt8], _ model: SentenceModel) -> [Float]? {
        guard text.count <= Self.piecesMax * Self.pieceBytes else { return nil }
        var sum = [Float](repeating: 0, count: model.dimensions)
        for start in stride(from: 0, to: text.count, by: Self.pieceBytes) {
            let piece = Array(text[start..<min(text.count, start + Self.pieceBytes)])
            // The two tokens that frame every text say nothing. Signs and digits take a token each: such a piece may be longer than the model
            // reads, and what it leaves out could be where two answers differ.
            let limit = min(SemanticService.embeddedTokensMax, model.info.positions)
            guard (3...limit).contains(model.tokenCount(piece.span, limit: limit, scratch: &scratch)) else { return nil }
            let vector = embed(piece, with: model)
            for index in sum.indices { sum[index] += vector[index] }
        }
        let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length > 0 && length.isFinite ? sum.map { $0 / length } : nil
    }

    private func embed(_ text: [UInt8], with model: SentenceModel) -> [Float] {
        if let vector = memo.vector(of: text) { return vector }
        var vector: [Float] = []
        _ = model.embed(text.span, limit: SemanticService.embeddedTokensMax, into: &vector, scratch: &scratch)
        memo.remember(vector, of: text)
        return vector
    }
}

@available(*, unavailable)
extension AnswerComparison: Sendable {}
