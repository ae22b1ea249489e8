import GatewayModel
import Hashing
import JSON
import RequestScan

/// What must hold for any bytes, checked against the JSON module, an independent parser. Also the fuzzer's body. Returns what went wrong.
func scanFault(_ body: [UInt8], _ operation: Operation) -> String? {
    var scanner = RequestScanner(limits: ScanLimits(membersPerObject: .max, members: .max))
    let document = try? JSONValue(parsing: body.span, limits: JSONLimits(values: .max))
    let scan = try? scanner.scan(body.span, operation: operation)
    guard let object = document?.objectValue else { return scan == nil ? nil : "accepted what is no object to the other parser" }
    guard let scan else { return "refused what the other parser accepts" }
    guard scan.memberCount == object.count else { return "member count" }
    guard scan.bodyDigest == ReferenceCanonicalForm.bodyDigest(object, operation) else { return "body digest" }
    guard scan.isStream == (object["stream"]?.boolValue == true) else { return "isStream" }
    guard scan.model(in: body.span) == object["model"]?.stringValue else { return "model" }
    guard scan.includeUsage == (object["stream_options"]?["include_usage"]?.boolValue == true) else { return "includeUsage" }
    guard scan.store == object["store"]?.boolValue else { return "store" }
    return embeddingFault(scan, object, body, &scanner, operation) ?? editFault(scan, object, body)
}

private func embeddingFault(
    _ scan: RequestScan, _ object: JSONObject, _ body: [UInt8], _ scanner: inout RequestScanner, _ operation: Operation
) -> String? {
    guard operation == .embeddings else { return scan.restDigest == nil && scan.embeddingItems.isEmpty ? nil : "embedding facts" }
    guard scan.restDigest == ReferenceCanonicalForm.bodyDigest(object, operation, withoutInput: true) else { return "rest digest" }
    for range in scan.embeddingItems {
        guard let item = try? JSONValue(parsing: body.span.extracting(range)) else { return "item range" }
        guard item.stringValue != nil || item.arrayValue != nil else { return "item kind" }
        guard (try? scanner.itemDigest(range, in: body.span)) == ReferenceCanonicalForm.itemDigest(item) else { return "item digest" }
    }
    return nil
}

private func editFault(_ scan: RequestScan, _ object: JSONObject, _ body: [UInt8]) -> String? {
    var edits: [BodyEdit] = [.setModel("a\"b"), .includeUsage]
    var expected = object
    expected["model"] = "a\"b"
    switch object["stream_options"] {
    case .object(var options)?:
        // A member that is added comes first.
        if options["include_usage"] == nil { options.members.insert(.init(key: "include_usage", value: true), at: 0) }
        options["include_usage"] = true
        expected["stream_options"] = .object(options)
    case .null?, nil: expected["stream_options"] = ["include_usage": true]
    default: break
    }
    for (key, range) in [("cache", scan.cacheMemberRange), ("models", scan.modelsRange), ("provider", scan.providerRange)] {
        guard let range else { continue }
        edits.append(.removeMember(range))
        expected[key] = nil
    }
    if scan.embeddingItems.count > 1 {
        edits.append(.keepEmbeddingItems([1, 0]))
        guard let items = object["input"]?.arrayValue else { return "items" }
        expected["input"] = [items[1], items[0]]
    }
    let edited = BodyEditor.apply(edits, to: body.span, scan: scan)
    guard let again = try? JSONValue(parsing: edited.span, limits: JSONLimits(values: .max)), let result = again.objectValue else {
        return "edited body is broken"
    }
    return isSameSet(result, expected) ? nil : "edited body differs"
}

/// Whether two objects have the same members in any order.
func isSameSet(_ left: JSONObject, _ right: JSONObject) -> Bool {
    left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
}
