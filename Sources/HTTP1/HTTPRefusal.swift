import GatewayModel

/// Why a request was refused at the level of HTTP. The connection must close after the answer: what follows can't be trusted.
///
/// Two cases are for the connection's owner, who holds the timers and the body limit: `requestTimeout` and `bodyTooLarge`.
public enum HTTPRefusal: UInt8, Error, Sendable, CaseIterable {
    // Request line
    case malformedRequestLine, unknownMethod, methodNotAllowed, unsupportedVersion, invalidTarget, targetTooLong
    // Fields
    case invalidLineEnding, invalidFieldName, invalidFieldValue, obsoleteLineFolding, tooManyFields, fieldsTooLarge
    // Who is asked
    case missingHost, repeatedHost, invalidHost, hostMismatch
    // Framing
    case invalidContentLength, repeatedContentLength, contentLengthWithTransferEncoding
    case invalidTransferEncoding, unsupportedTransferEncoding, transferEncodingOnHTTP10
    case invalidChunk, chunkOverhead, invalidTrailer, trailersTooLarge
    // Connection
    case invalidConnectionOption, protectedConnectionOption, upgradeNotSupported, unsupportedExpectation
    // Decided by the owner
    case requestTimeout, bodyTooLarge

    /// The status of the answer.
    public var status: Int {
        switch self {
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedExpectation: 417
        case .tooManyFields, .fieldsTooLarge, .trailersTooLarge: 431
        case .unsupportedTransferEncoding: 501
        case .unsupportedVersion: 505
        default: 400
        }
    }

    /// The stable machine-readable name, `snake_case`.
    public var code: String {
        switch self {
        case .malformedRequestLine: "malformed_request_line"
        case .unknownMethod: "unknown_method"
        case .methodNotAllowed: "method_not_allowed"
        case .unsupportedVersion: "http_version_not_supported"
        case .invalidTarget: "invalid_target"
        case .targetTooLong: "target_too_long"
        case .invalidLineEnding: "invalid_line_ending"
        case .invalidFieldName: "invalid_field_name"
        case .invalidFieldValue: "invalid_field_value"
        case .obsoleteLineFolding: "obsolete_line_folding"
        case .tooManyFields: "too_many_fields"
        case .fieldsTooLarge: "fields_too_large"
        case .missingHost: "missing_host"
        case .repeatedHost: "repeated_host"
        case .invalidHost: "invalid_host"
        case .hostMismatch: "host_mismatch"
        case .invalidContentLength: "invalid_content_length"
        case .repeatedContentLength: "repeated_content_length"
        case .contentLengthWithTransferEncoding: "content_length_with_transfer_encoding"
        case .invalidTransferEncoding: "invalid_transfer_encoding"
        case .unsupportedTransferEncoding: "unsupported_transfer_encoding"
        case .transferEncodingOnHTTP10: "transfer_encoding_on_http10"
        case .invalidChunk: "invalid_chunk"
        case .chunkOverhead: "chunk_overhead"
        case .invalidTrailer: "invalid_trailer"
        case .trailersTooLarge: "trailers_too_large"
        case .invalidConnectionOption: "invalid_connection_option"
        case .protectedConnectionOption: "protected_connection_option"
        case .upgradeNotSupported: "upgrade_not_supported"
        case .unsupportedExpectation: "unsupported_expectation"
        case .requestTimeout: "request_timeout"
        case .bodyTooLarge: "body_too_large"
        }
    }

    /// One sentence for a person: what is wrong and what to do. Never holds a byte of the request.
    public var message: String {
        switch self {
        case .malformedRequestLine: "The request line is not `METHOD target HTTP/1.1`."
        case .unknownMethod: "The method is not one of GET, POST, PUT, PATCH, DELETE, HEAD and OPTIONS (in upper case)."
        case .methodNotAllowed: "CONNECT and TRACE are not served; the gateway is no tunnel."
        case .unsupportedVersion: "Only HTTP/1.1 and HTTP/1.0 are spoken here; switch HTTP/2 with prior knowledge off."
        case .invalidTarget:
            "The request target has a byte that must be percent-encoded, a broken percent escape, a fragment, or a form not served."
        case .targetTooLong: "The request target is too long; put the data into the body."
        case .invalidLineEnding: "Lines of the head end in CRLF; this one has a bare CR or LF."
        case .invalidFieldName: "A header line has no name, no colon, a space before the colon, or a byte not allowed in a name."
        case .invalidFieldValue: "A header value has a control byte."
        case .obsoleteLineFolding: "A header line starts with a space or tab; folded header values are not accepted."
        case .tooManyFields: "The request has too many header fields."
        case .fieldsTooLarge: "A header field, or the whole head, is too large."
        case .missingHost: "The Host header is missing."
        case .repeatedHost: "The Host header stands more than once."
        case .invalidHost: "The Host header is not `name`, `name:port`, `[address]` or `[address]:port`."
        case .hostMismatch: "The authority in the request target differs from the Host header."
        case .invalidContentLength: "Content-Length is not one decimal number without sign or leading zeros."
        case .repeatedContentLength: "The Content-Length header stands more than once."
        case .contentLengthWithTransferEncoding: "Content-Length and Transfer-Encoding exclude each other; send one."
        case .invalidTransferEncoding: "Transfer-Encoding must be `chunked`, once."
        case .unsupportedTransferEncoding: "Transfer-Encoding other than `chunked` alone is not supported; send the body uncompressed."
        case .transferEncodingOnHTTP10: "HTTP/1.0 has no Transfer-Encoding; send Content-Length."
        case .invalidChunk: "The chunked body is malformed."
        case .chunkOverhead: "The chunked body has too many bytes of chunk framing and extensions for its data."
        case .invalidTrailer: "A trailer line is malformed."
        case .trailersTooLarge: "The trailer section is too large or has too many lines."
        case .invalidConnectionOption: "The Connection header is malformed or lists too many options."
        case .protectedConnectionOption: "The Connection header names a header that the gateway itself reads and that must not be dropped."
        case .upgradeNotSupported: "Upgrade is not supported; leave it out (Java's HttpClient: set version HTTP_1_1)."
        case .unsupportedExpectation: "The only expectation supported is `100-continue`."
        case .requestTimeout: "The request did not arrive in time."
        case .bodyTooLarge: "The request body is too large."
        }
    }

    /// The header at fault, where it is one.
    public var field: String? {
        switch self {
        case .missingHost, .repeatedHost, .invalidHost, .hostMismatch: "Host"
        case .invalidContentLength, .repeatedContentLength, .contentLengthWithTransferEncoding: "Content-Length"
        case .invalidTransferEncoding, .unsupportedTransferEncoding, .transferEncodingOnHTTP10: "Transfer-Encoding"
        case .invalidConnectionOption, .protectedConnectionOption: "Connection"
        case .upgradeNotSupported: "Upgrade"
        case .unsupportedExpectation: "Expect"
        default: nil
        }
    }

    /// The refusal as every other error of the gateway; the connection closes after it.
    public var asGatewayError: GatewayError {
        GatewayError(status: status, code: code, message: message, param: field, closesConnection: true, source: .client)
    }
}
