import GatewayModel
import JSON

// The gateway's own errors in each dialect's shape, so that the official SDKs raise the class that fits: they go by the HTTP status first and
// read `message`, `type` or `status` from the body. `code` and the request id stand at a fixed place in each.

/// Appends the body of an error in a dialect's shape. `requestID` is the text of `weir-request-id`.
///
/// - OpenAI: `{"error":{"message","type","param","code","request_id"}}`
/// - Anthropic: `{"type":"error","error":{"type","message","code"},"request_id"}`
/// - Google: `{"error":{"code","message","status","details":[{"@type":…ErrorInfo,"reason","domain":"weir","metadata":{"request_id"}}]}}`
public func appendErrorBody(_ error: GatewayError, dialect: Dialect, requestID: String, to body: inout [UInt8]) {
    switch dialect {
    case .openAI:
        body.append(literal: "{\"error\":{\"message\":")
        appendJSONString(error.message, to: &body)
        body.append(literal: ",\"type\":")
        appendJSONString(openAIErrorType(of: error), to: &body)
        body.append(literal: ",\"param\":")
        if let param = error.param { appendJSONString(param, to: &body) } else { body.append(literal: "null") }
        body.append(literal: ",\"code\":")
        appendJSONString(error.code, to: &body)
        body.append(literal: ",\"request_id\":")
        appendJSONString(requestID, to: &body)
        body.append(literal: "}}")
    case .anthropic:
        body.append(literal: "{\"type\":\"error\",\"error\":{\"type\":")
        appendJSONString(anthropicErrorType(of: error), to: &body)
        body.append(literal: ",\"message\":")
        appendJSONString(error.message, to: &body)
        body.append(literal: ",\"code\":")
        appendJSONString(error.code, to: &body)
        body.append(literal: "},\"request_id\":")
        appendJSONString(requestID, to: &body)
        body.append(literal: "}")
    case .gemini:
        body.append(literal: "{\"error\":{\"code\":")
        body.append(decimal: Int64(error.status))
        body.append(literal: ",\"message\":")
        appendJSONString(error.message, to: &body)
        body.append(literal: ",\"status\":")
        appendJSONString(googleStatus(of: error), to: &body)
        body.append(literal: ",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":")
        appendJSONString(error.code, to: &body)
        body.append(literal: ",\"domain\":\"weir\",\"metadata\":{\"request_id\":")
        appendJSONString(requestID, to: &body)
        body.append(literal: "}}]}}")
    }
}

/// Appends the event that ends a broken stream of server-sent events. Never an end marker (`[DONE]`, `message_stop`): a client must see that
/// the answer is not whole.
///
/// OpenAI's chat and completions and Gemini get an unnamed event with the error body; Responses gets `type: error`, Anthropic `event: error`.
public func appendStreamErrorEvent(
    _ error: GatewayError, dialect: Dialect, operation: Operation, requestID: String, to stream: inout [UInt8]
) {
    switch (dialect, operation) {
    case (.openAI, .responses):
        stream.append(literal: "event: error\ndata: {\"type\":\"error\",\"code\":")
        appendJSONString(error.code, to: &stream)
        stream.append(literal: ",\"message\":")
        appendJSONString(error.message, to: &stream)
        stream.append(literal: ",\"param\":null,\"request_id\":")
        appendJSONString(requestID, to: &stream)
        stream.append(literal: "}")
    case (.anthropic, _):
        stream.append(literal: "event: error\ndata: ")
        appendErrorBody(error, dialect: dialect, requestID: requestID, to: &stream)
    case (.openAI, _), (.gemini, _):
        stream.append(literal: "data: ")
        appendErrorBody(error, dialect: dialect, requestID: requestID, to: &stream)
    }
    stream.append(literal: "\n\n")
}

/// OpenAI's `type`, by status.
func openAIErrorType(of error: GatewayError) -> String {
    switch error.status {
    case 401: "authentication_error"
    case 403: "permission_error"
    case 404: "not_found_error"
    case 408: "timeout_error"
    case 429: error.code == "budget_exceeded" ? "insufficient_quota" : "rate_limit_error"
    case 400..<500: "invalid_request_error"
    case 501: "not_supported_error"
    case 502, 504: "upstream_error"
    case 503: "overloaded_error"
    default: "server_error"
    }
}

/// Anthropic's `type`, by status: https://docs.claude.com/en/api/errors
func anthropicErrorType(of error: GatewayError) -> String {
    switch error.status {
    case 401: "authentication_error"
    case 403: "permission_error"
    case 404: "not_found_error"
    case 408, 504: "timeout_error"
    case 413: "request_too_large"
    case 429: "rate_limit_error"
    case 400..<500: "invalid_request_error"
    case 503, 529: "overloaded_error"
    default: "api_error"
    }
}

/// The canonical status of Google's APIs, by HTTP status: https://cloud.google.com/apis/design/errors
func googleStatus(of error: GatewayError) -> String {
    switch error.status {
    case 401: "UNAUTHENTICATED"
    case 403: "PERMISSION_DENIED"
    case 404: "NOT_FOUND"
    case 408, 504: "DEADLINE_EXCEEDED"
    case 409: "ABORTED"
    case 429: "RESOURCE_EXHAUSTED"
    case 400..<500: "INVALID_ARGUMENT"
    case 501: "UNIMPLEMENTED"
    case 502, 503: "UNAVAILABLE"
    default: "INTERNAL"
    }
}
