import GatewayModel
import JSON
import Providers

// What must hold for any bytes sent to the universal endpoint, shared by the seeded test and the fuzzer.

/// What is wrong with how these bytes are read as a universal request, or as an upstream's refusal; `nil` when nothing is.
func universalFault(_ body: [UInt8], _ router: PathRouter) -> String? {
    for status in [200, 400, 413, 429, 500] {
        let refusal = RefusalDetector.refusal(status: status, body: body.span)
        if refusal != nil, status >= 429 { return "a refusal in status \(status)" }
    }
    let document = try? JSONValue(parsing: body.span)
    do throws(GatewayError) {
        let request = try UniversalRequest(parsing: body.span)
        guard (1...20).contains(request.steps.count) else { return "step count" }
        for (index, step) in request.steps.enumerated() {
            if let fault = fault(of: step, index, body, router) { return "step \(index): \(fault)" }
            guard let document else { continue }
            if let fault = difference(of: step, from: document[index], body) { return "step \(index): \(fault)" }
        }
        guard let document else { return nil }
        return document.arrayValue?.count == request.steps.count ? nil : "not as many steps as the document has"
    } catch {
        guard error.status == 400, error.param?.hasPrefix("steps") == true else { return "refused with \(error)" }
        return nil
    }
}

private func fault(of step: UniversalStep, _ index: Int, _ body: [UInt8], _ router: PathRouter) -> String? {
    guard step.query.lowerBound > 0, step.query.upperBound < body.count else { return "query outside" }
    guard body[step.query.lowerBound] == 0x7B, body[step.query.upperBound - 1] == 0x7D else { return "query no object" }
    for field in step.headers + step.credentials + step.controls {
        guard !field.name.isEmpty, field.name == field.name.lowercased() else { return "field name" }
        guard field.name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }) else { return "field name" }
        guard field.value.utf8.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else { return "field value" }
    }
    for field in step.headers where !HeaderPolicy.forwardsRequestField(field.field, name: Array(field.name.utf8).span) {
        return "a field that stays is forwarded"
    }
    guard Set(step.headers.map(\.name)).count == step.headers.count else { return "a field twice" }
    do throws(GatewayError) {
        let request = try router.route(step, index: index)
        guard request.rest.lowerBound >= 0, request.rest.upperBound <= step.path.count else { return "rest outside" }
        return nil
    } catch {
        return error.param?.hasPrefix("steps[\(index)].") == true ? nil : "a refused path without its place: \(error)"
    }
}

private func difference(of step: UniversalStep, from document: JSONValue?, _ body: [UInt8]) -> String? {
    guard let document else { return "no such element" }
    guard step.providerName == document["provider"]?.stringValue else { return "provider" }
    guard let query = try? JSONValue(parsing: body.span.extracting(step.query)), query == document["query"] else { return "query" }
    let endpoint = Array((document["endpoint"]?.stringValue ?? "").utf8)
    let written = Array(step.endpoint.utf8) + (endpoint.contains(0x3F) ? [0x3F] + step.pathQuery : [])
    guard written == endpoint || [0x2F] + written == endpoint else { return "endpoint" }
    let fields = document["headers"]?.objectValue?.members ?? []
    for field in step.headers + step.credentials where !fields.contains(where: { $0.key.lowercased() == field.name }) {
        return "a field from nowhere"
    }
    return nil
}
