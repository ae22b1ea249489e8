import GatewayModel
import JSON

// An embeddings answer taken apart into its items and put together again, so that each input is cached by itself. Vectors are long and pass as
// the bytes they came in (floats or base64): nothing here reads a number of them.

/// One embedded input.
public struct EmbeddingItem: Sendable, Equatable {
    /// The raw JSON of the vector: an array of numbers or a base64 string, as the provider wrote it.
    public var embedding: [UInt8]
    /// The input tokens that are this item's share of the answer's usage.
    public var tokens: Int64

    /// Makes an item.
    public init(embedding: [UInt8], tokens: Int64) {
        self.embedding = embedding
        self.tokens = tokens
    }
}

/// An OpenAI-shaped embeddings answer by items. An answer of one item is also the form in which an item is stored.
public struct EmbeddingsAnswer: Sendable, Equatable {
    /// The items, in the order of the inputs.
    public var items: [EmbeddingItem]
    /// The model that the provider names.
    public var model: String

    /// Makes an answer.
    public init(items: [EmbeddingItem], model: String) {
        self.items = items
        self.model = model
    }

    /// Reads an answer to inputs of these lengths (any unit; the usage is shared out by them, exactly). `nil` unless the body is an answer
    /// with one item for each input.
    public init?(parsing body: Span<UInt8>, inputLengths: [Int]) {
        var reader = RawJSONReader(body)
        var vectors = [Range<Int>?](repeating: nil, count: inputLengths.count)
        var total: Int64 = 0
        var model = ""
        guard
            reader.readObject(
                body,
                { name, value in
                    if name.equals("data") { return EmbeddingsAnswer.readItems(body, value, &vectors) }
                    if name.equals("model") { model = EmbeddingsAnswer.text(body, value) }
                    if name.equals("usage") { total = EmbeddingsAnswer.tokens(body, value) }
                    return !name.equals("error") || body.extracting(value).equals("null")
                }), reader.isAtEnd(body)
        else { return nil }
        let shares = EmbeddingsAnswer.shares(of: total, by: inputLengths)
        items = []
        items.reserveCapacity(vectors.count)
        for (index, vector) in vectors.enumerated() {
            guard let vector else { return nil }
            items.append(EmbeddingItem(embedding: body.extracting(vector).copied(), tokens: shares[index]))
        }
        guard !items.isEmpty else { return nil }
        self.model = model
    }

    /// The input tokens of all items, saturating.
    public var tokens: Int64 {
        items.reduce(0) { sum, item in
            let (next, overflow) = sum.addingReportingOverflow(item.tokens)
            return overflow ? .max : next
        }
    }

    /// Appends the answer as OpenAI has it: items numbered from 0, usage the sum of theirs.
    public func append(to body: inout [UInt8]) {
        body.reserveCapacity(body.count + items.reduce(128) { $0 + $1.embedding.count + 64 })
        body.append(literal: "{\"object\":\"list\",\"data\":[")
        for (index, item) in items.enumerated() {
            body.append(literal: index == 0 ? "{\"object\":\"embedding\",\"index\":" : ",{\"object\":\"embedding\",\"index\":")
            body.append(decimal: Int64(index))
            body.append(literal: ",\"embedding\":")
            body.append(span: item.embedding.span)
            body.append(literal: "}")
        }
        body.append(literal: "],\"model\":")
        appendJSONString(model, to: &body)
        body.append(literal: ",\"usage\":{\"prompt_tokens\":")
        body.append(decimal: tokens)
        body.append(literal: ",\"total_tokens\":")
        body.append(decimal: tokens)
        body.append(literal: "}}")
    }

    /// Shares out a total by weights so that the shares add up to it: each is the step of the rounded running sum.
    static func shares(of total: Int64, by lengths: [Int]) -> [Int64] {
        let weights = lengths.map { UInt128(max($0, 0)) }
        let sum = weights.reduce(0, +)
        guard sum > 0, total > 0 else {
            return total > 0 && !lengths.isEmpty ? shares(of: total, by: [Int](repeating: 1, count: lengths.count)) : lengths.map { _ in 0 }
        }
        var running: UInt128 = 0
        var given: UInt128 = 0
        return weights.map { weight in
            running += weight
            let due = UInt128(total) * running / sum
            defer { given = due }
            return Int64(due - given)
        }
    }

    private static func readItems(_ body: Span<UInt8>, _ range: Range<Int>, _ vectors: inout [Range<Int>?]) -> Bool {
        var reader = RawJSONReader(body, from: range.lowerBound)
        var position = 0
        return reader.readArray(body) { value in
            var vector: Range<Int>?
            var index = position
            position += 1
            var item = RawJSONReader(body, from: value.lowerBound)
            let isRead = item.readObject(body) { name, value in
                if name.equals("embedding") { vector = value }
                if name.equals("index") { index = Int(clamping: number(body, value) ?? -1) }
                return true
            }
            guard isRead, let vector, vectors.indices.contains(index), vectors[index] == nil else { return false }
            let first = body[vector.lowerBound]
            guard first == 0x5B || first == 0x22 else { return false }
            vectors[index] = vector
            return true
        }
    }

    private static func text(_ body: Span<UInt8>, _ range: Range<Int>) -> String {
        (try? JSONValue(parsing: body.extracting(range)))?.stringValue ?? ""
    }

    private static func number(_ body: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        guard body[range.lowerBound] != 0x2D else { return nil }
        var suspect = false
        let value = TokenCounts.count(body.extracting(range), &suspect)
        return suspect ? nil : value
    }

    private static func tokens(_ body: Span<UInt8>, _ range: Range<Int>) -> Int64 {
        var tokens: Int64 = 0
        var reader = RawJSONReader(body, from: range.lowerBound)
        _ = reader.readObject(body) { name, value in
            if name.equals("prompt_tokens") { tokens = number(body, value) ?? 0 }
            return true
        }
        return tokens
    }
}
