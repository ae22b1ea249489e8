import JSON
import SemanticCache

/// What an OpenAI-style embeddings endpoint answers to one text.
struct EndpointAnswer: Equatable, Sendable {
    /// The vector: `dimensions` finite components, not all zero.
    var vector: [Float]
    /// The model that made it, as the endpoint calls it; empty where it does not say.
    var model: String

    /// Bytes of a model's name.
    static let modelBytesMax = 256

    /// The largest answer that is read: 64 bytes for each component, and room for the rest.
    static func bytesMax(dimensions: Int) -> Int { 64 << 10 + dimensions << 6 }

    /// Reads an answer, or says why it is none that can be used. Strict: what is not entirely as it should be is refused.
    init(parsing body: Span<UInt8>, dimensions: Int) throws(EndpointFailure) {
        guard body.count <= Self.bytesMax(dimensions: dimensions) else { throw .tooLarge }
        let answer: JSONValue
        do throws(JSONError) { answer = try JSONValue(parsing: body, limits: JSONLimits(depth: 16)) } catch { throw .notJSON }
        guard let items = answer["data"]?.arrayValue else { throw .malformed }
        guard items.count == 1 else { throw .itemCount }
        if let index = items[0]["index"], index.intValue != 0 { throw .malformed }
        guard let components = items[0]["embedding"]?.arrayValue else { throw .malformed }
        guard components.count == dimensions else { throw .dimensions }
        var vector: [Float] = []
        vector.reserveCapacity(dimensions)
        for component in components {
            guard let value = component.doubleValue else { throw .malformed }
            vector.append(Float(value))
        }
        if let reason = SemanticReason.problem(of: vector.span, dimensions: dimensions) { throw EndpointFailure(reason) }
        self.vector = vector
        model = try Self.model(answer)
    }

    private static func model(_ answer: JSONValue) throws(EndpointFailure) -> String {
        guard let model = answer["model"], !model.isNull else { return "" }
        guard let name = model.stringValue, name.utf8.count <= modelBytesMax else { throw .malformed }
        return name
    }
}
