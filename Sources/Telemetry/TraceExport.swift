// OTLP over HTTP with JSON (https://opentelemetry.io/docs/specs/otlp/, 1.x): an ExportTraceServiceRequest by protobuf's JSON mapping, with its
// two exceptions: ids are hexadecimal and enums are numbers. 64-bit integers are texts.

import JSON

/// Writes export requests.
public struct TraceExport: Sendable {
    /// The gateway's name and version.
    private let version: String

    /// Makes a writer; `version` of the gateway.
    public init(version: String) { self.version = version }

    /// The body of one request. Texts are escaped as JSON wants it; nothing is left out.
    public func body(of spans: [TelemetrySpan]) -> [UInt8] {
        let resource: JSONValue = [
            "attributes": .array([
                Self.attribute("service.name", .text("weir")), Self.attribute("service.version", .text(version)),
            ])
        ]
        let scope: JSONValue = ["name": "weir", "version": .string(version)]
        let scopeSpans: JSONValue = ["scope": scope, "spans": .array(spans.map(Self.value))]
        let request: JSONValue = ["resourceSpans": .array([["resource": resource, "scopeSpans": .array([scopeSpans])]])]
        var bytes: [UInt8] = []
        request.write(to: &bytes)
        return bytes
    }

    private static func value(_ span: TelemetrySpan) -> JSONValue {
        var object = JSONObject()
        object["traceId"] = .string(TraceContext.hexadecimal(span.traceHigh) + TraceContext.hexadecimal(span.traceLow))
        object["spanId"] = .string(TraceContext.hexadecimal(span.id))
        if span.parent != 0 { object["parentSpanId"] = .string(TraceContext.hexadecimal(span.parent)) }
        object["name"] = .string(span.name)
        object["kind"] = .number(span.kind.rawValue)
        object["startTimeUnixNano"] = .string(String(span.startNanoseconds))
        object["endTimeUnixNano"] = .string(String(max(span.startNanoseconds, span.endNanoseconds)))
        object["attributes"] = .array(span.attributes.map { attribute($0.name, $0.value) })
        if let failure = span.failure { object["status"] = ["code": .number(2), "message": .string(failure)] }
        return .object(object)
    }

    private static func attribute(_ name: String, _ value: TelemetrySpan.Value) -> JSONValue {
        ["key": .string(name), "value": wrapped(value)]
    }

    private static func wrapped(_ value: TelemetrySpan.Value) -> JSONValue {
        switch value {
        case .text(let text): ["stringValue": .string(text)]
        case .integer(let number): ["intValue": .string(String(number))]
        case .number(let number): ["doubleValue": .number(String(number.isFinite ? number : 0))]
        case .flag(let flag): ["boolValue": .bool(flag)]
        case .texts(let texts): ["arrayValue": ["values": .array(texts.map { ["stringValue": .string($0)] })]]
        }
    }
}
