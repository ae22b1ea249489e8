import GatewayModel
import JSON

/// One request to the admin port, whole.
struct AdminRequest {
    /// `GET`, `POST`, `PATCH` or `DELETE`.
    var method: String
    /// Path segments, percent-decoded, without empty ones.
    var segments: [String]
    /// Query fields, percent-decoded, in order; a name may come several times.
    var fields: [QueryField] = []
    /// The body, at most 1 MiB.
    var body: [UInt8]
    /// What stands for `{…}` in the route's pattern, in order.
    var parameters: [String] = []
    /// What the caller may do.
    var role = AdminRole.anyone
    /// The secret of the dashboard's cookie, whether or not a session is open under it.
    var session: [UInt8]?
    /// The address that asks.
    var peer = IPAddress(ipv4: 0)
    /// The value of `Accept`.
    var accept: String?
    /// The value of `If-None-Match`.
    var ifNoneMatch: String?

    /// The value of a query field; the last of a name wins.
    func query(_ name: String) -> String? { fields.last { $0.name == name }?.value }

    /// The body as a JSON object; an empty body is an empty object. Throws 400.
    func object() throws(GatewayError) -> JSONObject {
        if body.isEmpty { return JSONObject() }
        do throws(JSONError) {
            let value = try JSONValue(parsing: body.span)
            if case .object(let object) = value { return object }
        } catch {
            throw GatewayError(status: 400, code: "invalid_json", message: "The body is not valid JSON.")
        }
        throw GatewayError(status: 400, code: "invalid_json", message: "The body must be a JSON object.")
    }
}

/// One `name=value` of a query.
struct QueryField: Equatable {
    var name: String
    var value: String
}

/// What a handler answers.
struct AdminResponse {
    var status = 200
    var contentType: StaticString = "application/json"
    var body: [UInt8] = []
    /// Further header fields. A value that can't be a header's is left out.
    var fields: [(name: StaticString, value: String)] = []
    /// Makes the body piece by piece, in place of `body`.
    var stream: (any AdminStream)?

    /// JSON with a closing newline, for people with `curl`.
    static func json(_ value: JSONValue, status: Int = 200) -> AdminResponse {
        var body: [UInt8] = []
        value.write(to: &body)
        body.append(0x0A)
        return AdminResponse(status: status, body: body)
    }

    /// An error in OpenAI's shape, as on the data port.
    static func error(_ error: GatewayError) -> AdminResponse {
        let type = error.status == 401 ? "authentication_error" : "invalid_request_error"
        let fields: JSONValue = [
            "message": .string(error.message), "type": .string(type), "param": error.param.map { .string($0) } ?? .null,
            "code": .string(error.code),
        ]
        var response = json(["error": fields], status: error.status)
        if let seconds = error.retryAfterSeconds { response.fields.append(("retry-after", String(seconds))) }
        return response
    }
}
