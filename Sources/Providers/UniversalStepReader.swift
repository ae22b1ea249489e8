import GatewayModel
import JSON

/// Reads one step of a universal request.
struct UniversalStepReader {
    /// The members of a step that mean something.
    private enum Member: String, CaseIterable { case provider, endpoint, headers, query, config }

    /// The step's place, such as `steps[1]`.
    let param: String
    let limits: UniversalLimits
    /// Where the members' values stand.
    private var members: [Member: Range<Int>] = [:]

    init(param: String, limits: UniversalLimits) {
        self.param = param
        self.limits = limits
    }

    /// The step whose element of the array is `element`. The body's grammar was checked.
    mutating func read(_ body: Span<UInt8>, _ element: Range<Int>) throws(GatewayError) -> UniversalStep {
        try findMembers(body, element)
        let provider = try providerName(body)
        var path = Array("/\(provider)/".utf8)
        let query = try appendEndpoint(body, to: &path)
        var fields = UniversalHeaders(param: param + ".headers", limits: limits)
        if let headers = try value(.headers, body, values: limits.fields + 2) { try fields.read(headers) }
        if let config = try value(.config, body, values: 64) { try fields.readConfig(config, param: param + ".config") }
        guard let range = members[.query], body[range.lowerBound] == 0x7B else {
            throw AttemptFields.invalid("\(param).query", "must be a JSON object: the body of the provider's API")
        }
        return UniversalStep(
            providerName: provider, path: path, pathQuery: query, headers: fields.forwarded, credentials: fields.credentials,
            controls: fields.controls, attempts: fields.attempts, query: range)
    }

    private mutating func findMembers(_ body: Span<UInt8>, _ element: Range<Int>) throws(GatewayError) {
        var found: [Member: Range<Int>] = [:]
        var repeated: Member?
        var reader = RawJSONReader(body, from: element.lowerBound)
        let isObject = reader.readObject(body) { name, value in
            guard let member = UniversalStepReader.member(name) else { return true }
            if found.updateValue(value, forKey: member) != nil { repeated = member }
            return true
        }
        guard isObject else { throw AttemptFields.invalid(param, "must be an object with provider, endpoint, headers and query") }
        if let repeated { throw AttemptFields.invalid("\(param).\(repeated.rawValue)", "stands twice") }
        members = found
    }

    /// The member of a raw name, which may be spelt with escapes.
    private static func member(_ name: Span<UInt8>) -> Member? {
        guard name.count >= 5, name.count <= 48 else { return nil }
        guard name.firstIndex(of: 0x5C) != nil else { return Member(rawValue: String(decoding: name.copied(), as: UTF8.self)) }
        let quoted: [UInt8] = [0x22] + name.copied() + [0x22]
        guard let value = try? JSONValue(parsing: quoted.span), let text = value.stringValue else { return nil }
        return Member(rawValue: text)
    }

    /// A member's value; `nil` when absent or null. `values` bounds how many values it may consist of.
    private func value(_ member: Member, _ body: Span<UInt8>, values: Int) throws(GatewayError) -> JSONValue? {
        guard let range = members[member] else { return nil }
        do throws(JSONError) {
            let value = try JSONValue(parsing: body.extracting(range), limits: JSONLimits(depth: 8, values: values))
            return value.isNull ? .none : value
        } catch {
            let problem =
                switch error.kind {
                case .duplicateKey: "has a key twice"
                case .tooManyValues: "holds too much"
                case .tooDeep: "nests too deeply"
                default: "is not valid JSON"
                }
            throw AttemptFields.invalid("\(param).\(member.rawValue)", problem)
        }
    }

    // MARK: Address

    private func providerName(_ body: Span<UInt8>) throws(GatewayError) -> String {
        let name = try value(.provider, body, values: 1)?.stringValue ?? ""
        guard (1...80).contains(name.utf8.count), name.utf8.allSatisfy({ isUnreserved($0) }), name != ".", name != ".." else {
            throw AttemptFields.invalid("\(param).provider", "must be a provider's name, such as \"openai\"")
        }
        return name
    }

    /// Appends the endpoint's path, and returns its query.
    private func appendEndpoint(_ body: Span<UInt8>, to path: inout [UInt8]) throws(GatewayError) -> [UInt8] {
        guard let text = try value(.endpoint, body, values: 1)?.stringValue else {
            throw AttemptFields.invalid("\(param).endpoint", "must be the path of the provider's API, such as \"chat/completions\"")
        }
        var bytes = Array(text.utf8)
        guard bytes.count <= limits.endpointBytes else {
            throw AttemptFields.invalid("\(param).endpoint", "may have at most \(limits.endpointBytes) bytes")
        }
        if bytes.first == 0x2F { bytes.removeFirst() }
        let end = bytes.firstIndex(of: 0x3F) ?? bytes.count
        let query = Array(bytes[min(end + 1, bytes.count)...])
        path.append(contentsOf: bytes[..<end])
        // The router's own check, here so that a scheme, a host or a step upwards is refused by the field's name.
        guard end > 0, PathShape(path.span) != nil, query.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }) else {
            throw AttemptFields.invalid(
                "\(param).endpoint", "must be a plain path below the provider, such as \"chat/completions\": no scheme, host or dot segment"
            )
        }
        return query
    }
}
