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
    guard scan.wantsJSON == wantsJSON(object, operation) else { return "wantsJSON" }
    return embeddingFault(scan, object, body, &scanner, operation) ?? hintFault(scan, object, body, operation)
        ?? editFault(scan, object, body)
}

/// The facts that a scan reports as one, read from a document.
private func wantsJSON(_ object: JSONObject, _ operation: Operation) -> Bool {
    var formats = [object["response_format"], object["output_format"]]
    if operation == .responses { formats.append(object["text"]?["format"]) }
    if operation == .messages { formats.append(object["output_config"]?["format"]) }
    if formats.contains(where: { $0?["type"] == "json_object" || $0?["type"] == "json_schema" }) { return true }
    for name in ["generationConfig", "generation_config"] {
        guard let config = object[name]?.objectValue else { continue }
        if config["responseMimeType"] == "application/json" || config["response_mime_type"] == "application/json" { return true }
        let schemas = ["responseSchema", "response_schema", "responseJsonSchema", "response_json_schema", "_responseJsonSchema"]
        if schemas.contains(where: { config[$0].map { !$0.isNull } ?? false }) { return true }
    }
    return false
}

private func hintFault(_ scan: RequestScan, _ object: JSONObject, _ body: [UInt8], _ operation: Operation) -> String? {
    let (models, provider) = (object["models"], object["provider"])
    guard scan.hasHints == (models != nil || provider != nil) else { return "has hints" }
    var plain = object
    plain["models"] = nil
    plain["provider"] = nil
    let digest = scan.hasHints ? ReferenceCanonicalForm.bodyDigest(plain, operation) : nil
    guard scan.bodyDigestWithoutHints == digest else { return "digest without hints" }
    let rest = scan.hasHints && operation == .embeddings ? ReferenceCanonicalForm.bodyDigest(plain, operation, withoutInput: true) : nil
    guard scan.restDigestWithoutHints == rest else { return "rest digest without hints" }
    do throws(ScanError) {
        guard let wishes = try scan.hints(in: body.span) else { return scan.hasHints ? "hints lost" : nil }
        guard wishes.models == (models?.arrayValue ?? []).map({ $0.stringValue ?? "" }) else { return "models" }
        guard wishes.only == provider?["only"]?.arrayValue?.map({ $0.stringValue ?? "" }) else { return "only" }
        guard wishes.allowsFallbacks == provider?["allow_fallbacks"]?.boolValue else { return "allow_fallbacks" }
        return isWithinLimits(wishes) ? nil : "limits of hints"
    } catch {
        return scan.hasHints && error.gatewayError.status == 400 ? nil : "refused without hints"
    }
}

private func isWithinLimits(_ wishes: RoutingWishes) -> Bool {
    let lists = [wishes.order, wishes.only ?? [], wishes.ignore]
    guard wishes.models.count <= RoutingWishes.modelsMax, lists.allSatisfy({ $0.count <= RoutingWishes.providersMax }) else { return false }
    let names = wishes.models + lists.joined()
    guard names.allSatisfy({ (1...RoutingWishes.nameBytesMax).contains($0.utf8.count) }) else { return false }
    return [wishes.maxPromptPrice, wishes.maxCompletionPrice, wishes.maxRequestPrice].allSatisfy {
        $0.map { $0 >= 0 && $0.isFinite } ?? true
    }
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
    for (key, range) in [("cache", scan.cacheMemberRange), ("models", scan.modelsMemberRange), ("provider", scan.providerMemberRange)] {
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
