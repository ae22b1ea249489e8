// Cloudflare's universal endpoint (https://developers.cloudflare.com/ai-gateway/usage/universal/): an array of calls, each tried when the one
// before failed. The envelope is read twice: once for its grammar, without a tree, so that a large prompt costs no second copy; once by
// RawJSONReader, which may then trust it, for where things stand. Only small members become values. What is inside `query` is the provider's:
// its bytes are not looked at here, and whoever forwards them as a call of a known operation scans them like any body.

public import GatewayModel
import JSON

/// A universal request's body, read.
public struct UniversalRequest: Sendable, Equatable {
    /// The steps in order: 1...`UniversalLimits.steps`.
    public var steps: [UniversalStep]

    /// Reads a body: an array of `{provider, endpoint, headers, query, config}`; unknown members are ignored.
    ///
    /// Throws a 400: `invalid_json` for no JSON (or nesting deeper than 64), `invalid_field` with a `param` such as `steps[1].endpoint` for
    /// anything that a step can't have. Messages name fields, never values.
    public init(parsing body: Span<UInt8>, limits: UniversalLimits = UniversalLimits()) throws(GatewayError) {
        guard UniversalRequest.isWhole(body) else {
            throw GatewayError(
                status: 400, code: "invalid_json", message: "The body is not one JSON array, or it nests deeper than 64 levels.",
                param: "steps")
        }
        let elements = try UniversalRequest.elements(of: body, atMost: limits.steps)
        steps = []
        steps.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            var reader = UniversalStepReader(param: "steps[\(index)]", limits: limits)
            steps.append(try reader.read(body, element))
        }
    }

    /// Whether the grammar holds, so that the second reader can't be misled about where a string or an object ends.
    private static func isWhole(_ body: Span<UInt8>) -> Bool {
        var scanner = JSONFieldScanner()
        var ignored = IgnoringHandler()
        scanner.scan(body, &ignored)
        return scanner.finish(&ignored)
    }

    private static func elements(of body: Span<UInt8>, atMost limit: Int) throws(GatewayError) -> [Range<Int>] {
        var elements: [Range<Int>] = []
        var reader = RawJSONReader(body)
        let isArray = reader.readArray(body) { element in
            elements.append(element)
            return elements.count <= limit
        }
        if elements.count > limit { throw AttemptFields.invalid("steps", "may be at most \(limit)") }
        guard isArray else {
            throw AttemptFields.invalid(
                "steps", "must be the body itself: a JSON array of {provider, endpoint, headers, query}, even for one step")
        }
        guard !elements.isEmpty else { throw AttemptFields.invalid("steps", "must not be empty") }
        return elements
    }
}

/// Wants no field.
private struct IgnoringHandler: JSONFieldHandler {
    mutating func began(_ path: FieldPath, isObject: Bool) {}
    mutating func ended(_ path: FieldPath, isObject: Bool) {}
    mutating func string(_ path: FieldPath, _ text: Span<UInt8>, characters: Int) {}
    mutating func number(_ path: FieldPath, _ text: Span<UInt8>) {}
    mutating func literal(_ path: FieldPath, isNull: Bool) {}
}
