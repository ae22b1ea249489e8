import GatewayModel

/// Answers one request; called on the admin loop, and must call back there exactly once.
typealias AdminHandler = (AdminRequest, @escaping (AdminResponse) -> Void) -> Void

/// One entry of the admin port's table.
struct AdminRoute {
    let method: String
    /// Segments; one in braces matches any.
    let pattern: [String]
    let role: AdminRole
    let summary: String
    let handler: AdminHandler

    init(_ method: String, _ path: String, _ role: AdminRole, _ summary: String, _ handler: @escaping AdminHandler) {
        self.method = method
        pattern = path.split(separator: "/").map(String.init)
        self.role = role
        self.summary = summary
        self.handler = handler
    }
}

/// All routes of the admin port, each with the role it needs: what is not in the table does not exist.
struct AdminRouteTable {
    let routes: [AdminRoute]

    /// What a method and a path lead to.
    enum Match {
        case route(AdminRoute, parameters: [String])
        case wrongMethod(allowed: [String])
        case unknown
    }

    func match(method: String, segments: [String]) -> Match {
        var allowed: [String] = []
        for route in routes {
            guard let parameters = AdminRouteTable.parameters(of: route.pattern, in: segments) else { continue }
            if route.method == method { return .route(route, parameters: parameters) }
            allowed.append(route.method)
        }
        return allowed.isEmpty ? .unknown : .wrongMethod(allowed: allowed)
    }

    private static func parameters(of pattern: [String], in segments: [String]) -> [String]? {
        guard pattern.count == segments.count else { return nil }
        var parameters: [String] = []
        for (expected, found) in zip(pattern, segments) {
            if expected.hasPrefix("{") { parameters.append(found) } else if expected != found { return nil }
        }
        return parameters
    }

    /// Splits a raw target into decoded segments and query fields. Dot segments, empty segments and encoded slashes are refused: a path has
    /// one spelling here.
    static func parse(path: Span<UInt8>, query: Span<UInt8>) -> (segments: [String], query: [QueryField])? {
        var segments: [String] = []
        for part in Array(String(decoding: bytes(path), as: UTF8.self)).split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        {
            guard let decoded = decode(Array(String(part).utf8), plusIsSpace: false) else { return nil }
            if decoded == "." || decoded == ".." || decoded.contains("/") || decoded.contains(";") { return nil }
            segments.append(decoded)
        }
        if segments == [""] { segments = [] }
        guard !segments.contains("") else { return nil }
        var fields: [QueryField] = []
        for pair in bytes(query).split(separator: 0x26) {
            let parts = pair.split(separator: 0x3D, maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decode(Array(parts[0]), plusIsSpace: true),
                let value = decode(parts.count > 1 ? Array(parts[1]) : [], plusIsSpace: true)
            else { return nil }
            fields.append(QueryField(name: name, value: value))
        }
        return (segments, fields)
    }

    private static func bytes(_ span: Span<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(span: span)
        return bytes
    }

    private static func decode(_ text: [UInt8], plusIsSpace: Bool) -> String? {
        var decoded: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index] == 0x25 {
                guard index + 2 < text.count, let high = hexValue(of: text[index + 1]), let low = hexValue(of: text[index + 2]) else {
                    return nil
                }
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(plusIsSpace && text[index] == 0x2B ? 0x20 : text[index])
                index += 1
            }
        }
        return String(validating: decoded, as: UTF8.self)
    }
}
