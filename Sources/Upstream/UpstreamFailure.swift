import CCurl

/// Why a transfer did not end cleanly.
public struct UpstreamFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// What went wrong, by what the caller does about it.
    public enum Kind: String, Sendable, CaseIterable {
        /// The name could not be resolved.
        case dns
        /// Nobody listens there, or there is no route.
        case connectRefused
        /// No connection, TLS included, within the connect timeout.
        case connectTimeout
        /// The TLS handshake failed: certificate, name, version, or not TLS at all. No request byte was sent.
        case tls
        /// The policy forbids the address or the scheme. No packet was sent.
        case egressRefused
        /// No response head in time.
        case firstByteTimeout
        /// The response, or the upload, stood still.
        case idleTimeout
        /// The whole took too long.
        case totalTimeout
        /// The connection or the HTTP/2 stream was reset, or closed before any answer.
        case reset
        /// The connection ended before the response did.
        case truncated
        /// The upstream does not speak HTTP as it should, or the request cannot be expressed in it.
        case protocolError
        /// The response head is over a limit.
        case tooLarge
        /// The request could not be sent in full.
        case sendFailed
        /// We lack descriptors, memory or room for another transfer.
        case local
    }

    /// What went wrong.
    public let kind: Kind
    /// Whether any byte of the request was sent. If not, repeating it cannot have an effect twice.
    public var requestBytesSent = false
    /// Whether a final response head was delivered.
    public var responseStarted = false
    /// libcurl's or our own words; never a payload, a key, a path or a query.
    public let detail: String

    /// Names a failure.
    public init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    /// `dns: Couldn't resolve host name`.
    public var description: String { kind.rawValue + ": " + detail }

    /// Maps libcurl's code for the transport's own failures.
    /// - Parameters:
    ///   - systemError: errno of the failed connect or open; 0 if none.
    ///   - tlsDetail: libcurl's error text, used for TLS failures only since other texts may quote input.
    init(code: CURLcode, systemError: Int32, tlsDetail: String, responseStarted: Bool) {
        let kind = Self.kind(of: code, responseStarted: responseStarted)
        var detail = String(cString: curl_easy_strerror(code))
        if kind == .tls, !tlsDetail.isEmpty { detail = tlsDetail }
        if systemError != 0, kind == .connectRefused { detail += " (errno " + String(systemError) + ")" }
        self.init(kind, detail)
    }

    private static func kind(of code: CURLcode, responseStarted: Bool) -> Kind {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: return .dns
        case CURLE_COULDNT_CONNECT: return .connectRefused
        case CURLE_OPERATION_TIMEDOUT: return .connectTimeout  // the only timeout libcurl keeps for us
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_USE_SSL_FAILED,
            CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_CRL_BADFILE, CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_CLIENTCERT:
            return .tls
        case CURLE_PARTIAL_FILE: return .truncated
        case CURLE_GOT_NOTHING, CURLE_HTTP2, CURLE_HTTP2_STREAM: return responseStarted ? .truncated : .reset
        case CURLE_RECV_ERROR: return .reset
        case CURLE_SEND_ERROR: return .reset
        case CURLE_SEND_FAIL_REWIND, CURLE_READ_ERROR, CURLE_ABORTED_BY_CALLBACK: return .sendFailed
        case CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT, CURLE_AGAIN: return .local
        default: return .protocolError
        }
    }
}
