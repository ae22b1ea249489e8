import GatewayModel
import JSON

/// Sorts the header fields of a step: what goes upstream, what is a key, what is for the gateway, what goes nowhere.
struct UniversalHeaders {
    /// The place of the step's headers, such as `steps[1].headers`.
    let param: String
    let limits: UniversalLimits
    private(set) var forwarded: [UniversalField] = []
    private(set) var credentials: [UniversalField] = []
    private(set) var controls: [UniversalField] = []
    private(set) var attempts = AttemptFields()

    /// The fields that the gateway knows, by name.
    private static let known: [String: FieldName] = Dictionary(uniqueKeysWithValues: FieldName.allCases.map { ($0.name, $0) })

    init(param: String, limits: UniversalLimits) {
        self.param = param
        self.limits = limits
    }

    /// Reads `headers`: a flat object. Numbers and bools count as their text, as where Cloudflare makes a `Headers` object of it.
    mutating func read(_ value: JSONValue) throws(GatewayError) {
        guard let object = value.objectValue else { throw AttemptFields.invalid(param, "must be an object of strings") }
        guard object.count <= limits.fields else { throw AttemptFields.invalid(param, "may hold at most \(limits.fields) fields") }
        var names = Set<String>()
        var bytes = 0
        for member in object.members {
            let name = try UniversalHeaders.name(member.key, param, limits)
            let place = "\(param).\(name)"
            guard names.insert(name).inserted else { throw AttemptFields.invalid(place, "stands twice") }
            let text = try UniversalHeaders.text(member.value, place, limits)
            bytes += name.utf8.count + text.utf8.count
            guard bytes <= limits.headerBytes else { throw AttemptFields.invalid(param, "may have at most \(limits.headerBytes) bytes") }
            try sort(UniversalField(name: name, field: UniversalHeaders.known[name], value: text), place)
        }
        // A field that Connection names is hop-by-hop too (RFC 9110, 7.6.1).
        if let connection = object.members.first(where: { $0.key.lowercased() == "connection" })?.value.stringValue {
            let nominated = Array(connection.utf8)
            forwarded.removeAll { HeaderPolicy.isNominated(Array($0.name.utf8).span, by: nominated.span) }
        }
    }

    /// Reads `config`: Cloudflare's members, in the place of the fields that say the same.
    mutating func readConfig(_ value: JSONValue, param: String) throws(GatewayError) {
        guard let config = value.objectValue else { throw AttemptFields.invalid(param, "must be an object") }
        func member(_ name: String) -> JSONValue? {
            guard let value = config[name], !value.isNull else { return .none }
            return value
        }
        if let value = member("requestTimeout") { try attempts.setRequestTimeout(number(value), param + ".requestTimeout") }
        if let value = member("maxAttempts") { try attempts.setMaxAttempts(number(value), param + ".maxAttempts") }
        if let value = member("retryDelay") { try attempts.setRetryDelay(number(value), param + ".retryDelay") }
        if let value = member("backoff") {
            try attempts.setBackoff(AttemptFields.backoff(Array((value.stringValue ?? "").utf8).span), param + ".backoff")
        }
        if let value = member("cacheTtl") {
            guard let seconds = number(value) else { throw AttemptFields.invalid(param + ".cacheTtl", "must be whole seconds from 0 on") }
            setControl(.cfAigCacheTTL, String(seconds))
        }
        if let value = member("skipCache") {
            guard let skips = value.boolValue else { throw AttemptFields.invalid(param + ".skipCache", "must be true or false") }
            setControl(.cfAigSkipCache, skips ? "true" : "false")
        }
    }

    // MARK: Sorting

    private mutating func sort(_ field: UniversalField, _ place: String) throws(GatewayError) {
        switch field.field {
        case .authorization, .xApiKey, .apiKey, .xGoogApiKey:
            if !UniversalHeaders.isVirtualKey(field.value) { credentials.append(field) }
        case .cfAigRequestTimeout?, .cfAigMaxAttempts?, .cfAigRetryDelay?, .cfAigBackoff?:
            guard let name = field.field else { return }
            do throws(GatewayError) {
                _ = try attempts.read(name, Array(field.value.utf8).span)
            } catch {
                var error = error
                error.param = place
                throw error
            }
        case .cacheControl, .cfAigCacheTTL, .cfAigSkipCache, .cfAigCacheKey, .cfCacheTTL, .cfSkipCache, .weirCacheNamespace, .weirCacheTags,
            .weirSemantic, .xPortkeyCacheForceRefresh, .xPortkeyCacheNamespace, .heliconeCacheEnabled, .heliconeCacheSeed, .cfAigMetadata,
            .cfAigCustomCost, .cfAigEventID, .cfAigCollectLog, .cfAigCollectLogPayload:
            controls.append(field)
        case .contentEncoding: break  // `query` is plain, whatever the envelope was.
        default:
            if HeaderPolicy.forwardsRequestField(field.field, name: Array(field.name.utf8).span) { forwarded.append(field) }
        }
    }

    /// Whether a value is, or carries, a virtual key of the gateway: those never leave it.
    private static func isVirtualKey(_ value: String) -> Bool {
        value.utf8.split { $0 == 0x20 || $0 == 0x09 }.contains { $0.starts(with: "wk_".utf8) }
    }

    private mutating func setControl(_ field: FieldName, _ value: String) {
        controls.removeAll { $0.field == field }
        controls.append(UniversalField(name: field.name, field: field, value: value))
    }

    // MARK: Checks

    /// A token (RFC 9110, 5.6.2) in lower case. A bad name is not repeated in the message.
    private static func name(_ name: String, _ param: String, _ limits: UniversalLimits) throws(GatewayError) -> String {
        guard (1...limits.nameBytes).contains(name.utf8.count), name.utf8.allSatisfy(isTokenCharacter) else {
            throw AttemptFields.invalid(param, "has a name that is no header field's")
        }
        return name.lowercased()
    }

    /// A field's value (RFC 9110, 5.5) without spaces at its ends.
    private static func text(_ value: JSONValue, _ place: String, _ limits: UniversalLimits) throws(GatewayError) -> String {
        let text =
            switch value {
            case .string(let text): text
            case .number(let text): text
            case .bool(let isTrue): isTrue ? "true" : "false"
            case .null, .array, .object: throw AttemptFields.invalid(place, "must be a string")
            }
        guard text.utf8.count <= limits.valueBytes else {
            throw AttemptFields.invalid(place, "may have at most \(limits.valueBytes) bytes")
        }
        guard text.utf8.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }) else {
            throw AttemptFields.invalid(place, "holds a control character")
        }
        let bytes = Array(text.utf8)
        guard let first = bytes.firstIndex(where: { $0 != 0x20 && $0 != 0x09 }),
            let last = bytes.lastIndex(where: { $0 != 0x20 && $0 != 0x09 })
        else { return "" }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E, 0x5F, 0x60, 0x7C, 0x7E: true
        default: false
        }
    }

    /// A whole number from 0 on, also as a string; larger ones than 10^15 count as that.
    private func number(_ value: JSONValue) -> Int? {
        if let text = value.stringValue { return wholeNumber(Array(text.utf8).span) }
        guard let number = value.doubleValue, number >= 0, number.rounded() == number else { return nil }
        return Int(min(number, 1e15))
    }
}
