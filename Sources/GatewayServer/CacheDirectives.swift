// What the client asked of the cache, in any of the five vocabularies it may speak: Cloudflare's headers (old and new names), ours, RFC 9111's
// Cache-Control, Portkey's and Helicone's, and LiteLLM's body field (merged in after the scan). A header can narrow what is kept or read,
// never widen it: a ttl is clamped to the operator's bounds, and the strictest of several wishes wins.

import GatewayModel

/// The client's wishes for one request.
struct CacheDirectives: Equatable {
    /// Whether no wish was looked at yet: then there is nothing to forget.
    var areDefault = true
    /// Do not answer from the store.
    var skipsRead = false
    /// Do not keep the answer. With `skipsRead` unset it still may not be read (`no-store` means neither).
    var skipsWrite = false
    /// Why reading or writing is off altogether, when it is.
    var bypass: CacheReason?
    /// ttl in seconds for this answer, not yet clamped.
    var ttlSeconds: Int64?
    /// Accept no entry older than this many seconds.
    var maxAgeSeconds: Int64?
    /// Answer from the store or not at all.
    var onlyIfCached = false
    /// Replaces the body's part of the key.
    var customKey: [UInt8]?
    /// Separates entries.
    var namespace: [UInt8] = []
    /// For purging.
    var tags: [String] = []
    /// No answer to another question, please.
    var refusesSimilar = false
    /// The smallest cosine to another question whose answer is taken; never less than what is configured. 0 asks for nothing.
    var similarMinimum: Float = 0

    /// At most this many bytes of custom key or namespace.
    static let keyBytesMax = 256
    /// At most this many tags, each of at most `tagBytesMax` bytes.
    static let tagsMax = 16
    static let tagBytesMax = 128

    /// Whether the request shares flights: refreshes and bypasses have wishes of their own.
    var sharesFlights: Bool { !skipsRead && !skipsWrite && bypass == nil && maxAgeSeconds == nil }

    /// Takes one header field into account. Throws a 400 for a value that has no meaning: guessing could keep what must not be kept.
    mutating func apply(_ name: FieldName, value: String) throws(GatewayError) {
        switch name {
        case .cfAigCacheTTL, .cfCacheTTL: try setTTL(try seconds(value, name))
        case .cfAigSkipCache, .cfSkipCache: if try flag(value, name) { switchOff(.skipRequested) }
        case .cfAigCacheKey: customKey = try text(value, name)
        case .weirCacheNamespace, .xPortkeyCacheNamespace: try extendNamespace(value, name)
        case .heliconeCacheSeed: try extendNamespace(value, name)
        case .weirCacheTags: try setTags(value)
        case .weirSemantic: try setSimilar(value)
        case .cacheControl: applyCacheControl(value)
        case .xPortkeyCacheForceRefresh: if try flag(value, name) { skipsRead = true }
        case .heliconeCacheEnabled: if try !flag(value, name) { switchOff(.skipRequested) }
        default: break
        }
    }

    /// Takes LiteLLM's body field `cache` into account.
    mutating func applyLiteLLM(ttl: Int64?, sMaxAge: Int64?, noCache: Bool, noStore: Bool, namespace: [UInt8]?) throws(GatewayError) {
        if let ttl { try setTTL(max(0, ttl)) }
        if let sMaxAge { limitAge(to: max(0, sMaxAge)) }
        if noCache { skipsRead = true }
        if noStore { switchOff(.noStore) }
        if let namespace {
            guard namespace.count <= Self.keyBytesMax else { throw Self.invalid(field: "cache.namespace", "is longer than 256 bytes") }
            self.namespace.append(UInt8(ascii: "|"))
            self.namespace.append(contentsOf: namespace)
        }
    }

    private mutating func switchOff(_ reason: CacheReason) {
        skipsRead = true
        skipsWrite = true
        if bypass == nil { bypass = reason }
    }

    private mutating func setTTL(_ seconds: Int64) throws(GatewayError) {
        if seconds == 0 { switchOff(.ttlZero) }
        ttlSeconds = min(ttlSeconds ?? seconds, seconds)
    }

    private mutating func limitAge(to seconds: Int64) {
        if seconds == 0 { skipsRead = true }
        maxAgeSeconds = min(maxAgeSeconds ?? seconds, seconds, 1_000_000_000)
    }

    /// RFC 9111 section 5.2.1. Unknown directives and malformed numbers are ignored, as the RFC wants of a cache.
    private mutating func applyCacheControl(_ value: String) {
        for part in value.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard let name = pair.first?.trimmed.lowercased() else { continue }
            switch name {
            case "no-cache": skipsRead = true
            case "no-store": switchOff(.noStore)
            case "only-if-cached": onlyIfCached = true
            case "max-age":
                let digits = pair.count == 2 ? pair[1].trimmed.filter { $0 != "\"" } : ""
                if let seconds = Int64(digits), seconds >= 0 { limitAge(to: seconds) }
            default: break
            }
        }
    }

    private mutating func setSimilar(_ value: String) throws(GatewayError) {
        if value.lowercased() == "off" { return refusesSimilar = true }
        guard let minimum = Float(value), (0...1).contains(minimum) else {
            throw Self.invalid(.weirSemantic, "must be off or a cosine from 0 to 1")
        }
        similarMinimum = max(similarMinimum, minimum)
    }

    private mutating func setTags(_ value: String) throws(GatewayError) {
        for part in value.split(separator: ",") {
            let tag = part.trimmed
            guard !tag.isEmpty else { continue }
            guard tag.utf8.count <= Self.tagBytesMax else { throw Self.invalid(.weirCacheTags, "holds a tag of more than 128 bytes") }
            guard !tags.contains(String(tag)) else { continue }
            guard tags.count < Self.tagsMax else { throw Self.invalid(.weirCacheTags, "holds more than 16 tags") }
            tags.append(String(tag))
        }
    }

    private mutating func extendNamespace(_ value: String, _ name: FieldName) throws(GatewayError) {
        if !namespace.isEmpty { namespace.append(UInt8(ascii: "|")) }
        namespace.append(contentsOf: try text(value, name))
    }

    private func text(_ value: String, _ name: FieldName) throws(GatewayError) -> [UInt8] {
        guard !value.isEmpty else { throw Self.invalid(name, "is empty") }
        guard value.utf8.count <= Self.keyBytesMax else { throw Self.invalid(name, "is longer than 256 bytes") }
        return Array(value.utf8)
    }

    private func flag(_ value: String, _ name: FieldName) throws(GatewayError) -> Bool {
        switch value.lowercased() {
        case "true", "1": return true
        case "false", "0": return false
        default: throw Self.invalid(name, "must be true or false")
        }
    }

    private func seconds(_ value: String, _ name: FieldName) throws(GatewayError) -> Int64 {
        guard !value.isEmpty, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw Self.invalid(name, "must be a whole number of seconds")
        }
        return Int64(value) ?? Int64.max
    }

    private static func invalid(_ name: FieldName, _ what: String) -> GatewayError { invalid(field: name.name, what) }

    private static func invalid(field: String, _ what: String) -> GatewayError {
        GatewayError(status: 400, code: "invalid_cache_control", message: "\(field) \(what).", param: field)
    }
}

extension Substring {
    /// Without blanks and tabs at either end.
    var trimmed: Substring {
        var rest = self
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return rest
    }
}

extension StringProtocol {
    /// Without blanks and tabs at either end.
    var trimmed: Substring { Substring(self).trimmed }
}
