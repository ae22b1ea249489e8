import GatewayModel

// Which header fields cross the gateway. Everything end-to-end passes untouched but what is listed here. Fields that a `Connection` field
// names are hop-by-hop too, which is for the caller to see to: `isNominated`.

/// What becomes of a field of the upstream's answer.
public enum ResponseFieldAction: Sendable, Equatable {
    /// It goes to the client as it is.
    case forward
    /// It stays here.
    case drop
    /// It goes on under the name that `appendUpstreamName` makes: limits of the provider are not those of the gateway.
    case rename
}

/// The rules for header fields, both ways. Names may be in any case.
public enum HeaderPolicy {
    /// Whether a field of the client's request goes upstream under any credential. Fields that carry a key never do by this rule: the caller
    /// adds the operator's, or forwards the client's own by `forwardsClientCredential`.
    ///
    /// `content-length`, `host` and `accept-encoding` are dropped because the gateway writes its own.
    public static func forwardsRequestField(_ field: FieldName?, name: Span<UInt8>) -> Bool {
        guard let field else { return !isGatewayField(name) }
        switch field {
        case .host, .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection, .te, .trailer, .upgrade, .expect,
            .acceptEncoding, .cacheControl, .via, .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedPort, .xRealIP,
            .cookie, .proxyAuthorization, .authorization, .xApiKey, .apiKey, .xGoogApiKey, .cfAigAuthorization, .cfAigCacheTTL,
            .cfAigSkipCache, .cfAigCacheKey, .cfCacheTTL, .cfSkipCache, .weirCacheNamespace, .weirCacheTags, .weirSemantic,
            .xPortkeyCacheForceRefresh, .xPortkeyCacheNamespace, .heliconeCacheEnabled, .heliconeCacheSeed, .cfAigRequestTimeout,
            .cfAigMaxAttempts, .cfAigRetryDelay, .cfAigBackoff, .cfAigMetadata, .cfAigCustomCost, .cfAigEventID, .cfAigCollectLog,
            .cfAigCollectLogPayload:
            return false
        default: return true
        }
    }

    /// Fields without an entry in `FieldName` that are the gateway's, another gateway's, or name the client's address.
    private static func isGatewayField(_ name: Span<UInt8>) -> Bool {
        guard name.count > 0 else { return true }
        switch asciiLowercased(name[0]) {
        case 0x63:  // c
            return hasPrefix(name, "cf-aig-") || hasPrefix(name, "cf-cache-") || hasPrefix(name, "cf-connecting-ip")
                || equals(name, "cookie2")
        case 0x68: return hasPrefix(name, "helicone-") || equals(name, "http2-settings")
        case 0x70: return hasPrefix(name, "proxy-")
        case 0x74: return equals(name, "true-client-ip")
        case 0x77: return hasPrefix(name, "weir-")
        case 0x78:  // x
            return hasPrefix(name, "x-forwarded-") || hasPrefix(name, "x-portkey-") || equals(name, "x-client-ip")
                || equals(name, "x-cluster-client-ip") || equals(name, "x-original-host") || equals(name, "x-original-url")
                || equals(name, "x-rewrite-url") || equals(name, "x-host")
        default: return false
        }
    }

    /// What becomes of a field of the upstream's answer. `content-length` is dropped because the gateway writes its own framing.
    ///
    /// Beside hop-by-hop fields and cookies, policies that bind an origin stay here (`alt-svc` would lead clients around the gateway), and what
    /// the gateway says itself (`age`, `cache-status`, `server-timing`, `cf-aig-*`, `weir-*`) is not said twice.
    public static func responseField(name: Span<UInt8>) -> ResponseFieldAction {
        guard name.count > 0 else { return .drop }
        switch asciiLowercased(name[0]) {
        case 0x61: return equals(name, "age") || equals(name, "alt-svc") ? .drop : .forward
        case 0x63:
            let isOurs = hasPrefix(name, "cf-aig-") || equals(name, "cache-status")
            return isOurs || equals(name, "connection") || equals(name, "content-length") ? .drop : .forward
        case 0x6B: return equals(name, "keep-alive") ? .drop : .forward
        case 0x6E: return equals(name, "nel") ? .drop : .forward
        case 0x70: return hasPrefix(name, "proxy-") || hasPrefix(name, "public-key-pins") ? .drop : .forward
        case 0x72: return hasPrefix(name, "ratelimit") ? .rename : equals(name, "report-to") ? .drop : .forward
        case 0x73:
            let isDropped = hasPrefix(name, "set-cookie") || equals(name, "server-timing") || equals(name, "strict-transport-security")
            return isDropped ? .drop : .forward
        case 0x74:
            return equals(name, "te") || equals(name, "trailer") || equals(name, "transfer-encoding") ? .drop : .forward
        case 0x75: return equals(name, "upgrade") ? .drop : .forward
        case 0x77: return hasPrefix(name, "weir-") ? .drop : .forward
        case 0x78: return hasPrefix(name, "x-ratelimit-") ? .rename : .forward
        default: return .forward
        }
    }

    /// Appends the name under which a renamed field goes on: `x-ratelimit-limit-tokens` becomes `x-upstream-ratelimit-limit-tokens`.
    public static func appendUpstreamName(of name: Span<UInt8>, to output: inout [UInt8]) {
        output.append(literal: "x-upstream-")
        for index in (hasPrefix(name, "x-") ? 2 : 0)..<name.count { output.append(asciiLowercased(name[index])) }
    }

    /// Whether a `Connection` field's value names a field, which is then hop-by-hop (RFC 9110, 7.6.1).
    public static func isNominated(_ name: Span<UInt8>, by connection: Span<UInt8>) -> Bool {
        var start = 0
        while start < connection.count {
            let end = connection.firstIndex(of: 0x2C, from: start) ?? connection.count
            let option = connection.extracting(start..<end)
            if option.extracting(trimmed(option)).equalsIgnoringCase(name) { return true }
            start = end + 1
        }
        return false
    }

    /// Whether an `Accept-Encoding` value forbids `identity` (RFC 9110, 12.5.3), so that the client's own value must go upstream.
    public static func forbidsIdentity(_ value: Span<UInt8>) -> Bool {
        var star: Bool?
        var identity: Bool?
        var start = 0
        while start < value.count {
            let end = value.firstIndex(of: 0x2C, from: start) ?? value.count
            let item = value.extracting(start..<end)
            let semicolon = item.firstIndex(of: 0x3B) ?? item.count
            let coding = item.extracting(trimmed(item.extracting(0..<semicolon)))
            let isZero = hasZeroWeight(item.extracting(semicolon..<item.count))
            if equals(coding, "identity") { identity = isZero }
            if coding.equals("*") { star = isZero }
            start = end + 1
        }
        return identity ?? star ?? false
    }

    /// Whether parameters hold `q=0`, `q=0.0` and the like.
    private static func hasZeroWeight(_ parameters: Span<UInt8>) -> Bool {
        guard let sign = parameters.firstIndex(of: 0x3D), sign > 0, asciiLowercased(parameters[sign - 1]) == 0x71 else { return false }
        let value = parameters.extracting((sign + 1)..<parameters.count)
        let weight = value.extracting(trimmed(value))
        guard weight.count > 0 else { return false }
        for index in 0..<weight.count where weight[index] != 0x30 && weight[index] != 0x2E { return false }
        return true
    }

    /// The range without spaces at its ends.
    private static func trimmed(_ text: Span<UInt8>) -> Range<Int> {
        var start = 0
        var end = text.count
        while start < end, text[start] == 0x20 || text[start] == 0x09 { start += 1 }
        while end > start, text[end - 1] == 0x20 || text[end - 1] == 0x09 { end -= 1 }
        return start..<end
    }

    private static func hasPrefix(_ name: Span<UInt8>, _ prefix: StaticString) -> Bool {
        name.count >= prefix.utf8CodeUnitCount && equals(name.extracting(0..<prefix.utf8CodeUnitCount), prefix)
    }

    /// Whether a name is `text`, which is lower-case.
    private static func equals(_ name: Span<UInt8>, _ text: StaticString) -> Bool {
        guard name.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<name.count where unsafe asciiLowercased(name[index]) != text.utf8Start[index] { return false }
        return true
    }
}

extension ProviderTable {
    /// Whether a field chooses an account at this provider: dropped when the operator's key is used. Names may be in any case.
    public func isAccountField(provider: Int, name: Span<UInt8>) -> Bool {
        for header in compiled[provider].accountHeaders where name.equalsIgnoringCase(header.span) { return true }
        return false
    }

    /// Whether a field changes the answer at this provider and so belongs to the cache key. Names may be in any case.
    public func isAnswerChangingField(provider: Int, name: Span<UInt8>) -> Bool {
        for header in compiled[provider].answerChangingHeaders where name.equalsIgnoringCase(header.span) { return true }
        return false
    }

    /// Whether a query field changes the answer at this provider and so belongs to the cache key.
    public func isAnswerChangingQuery(provider: Int, name: Span<UInt8>) -> Bool {
        for field in compiled[provider].answerChangingQuery where name.equals(field) { return true }
        return false
    }

    /// Whether the client's own key may go to this provider in the field that it came in.
    public func forwardsClientCredential(provider: Int, field: FieldName) -> Bool {
        definitions[provider].clientCredentialFields.contains(field)
    }
}
