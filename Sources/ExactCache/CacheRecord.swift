import GatewayModel
import Hashing

/// One header field of a recorded answer.
public struct CacheField: Sendable, Equatable {
    /// The name, in lower case.
    public var name: [UInt8]
    /// The value, without the white space around it.
    public var value: [UInt8]

    /// Makes a field from bytes.
    public init(name: [UInt8], value: [UInt8]) {
        self.name = name
        self.value = value
    }

    /// Makes a field from text.
    public init(_ name: String, _ value: String) {
        self.init(name: Array(name.utf8), value: Array(value.utf8))
    }
}

/// A recorded answer: what is stored and served again.
public struct CacheRecord: Sendable, Equatable {
    /// The HTTP status of the answer.
    public var status: UInt16
    /// The fields to replay: content type and a few of the provider's.
    public var fields: [CacheField]
    /// The body as it came: JSON, or the whole event stream.
    public var body: [UInt8]
    /// Whether the body is an event stream.
    public var isStream: Bool
    /// The operation answered.
    public var operation: Operation
    /// Who answered.
    public var target: Target
    /// The tenant whose request filled the entry.
    public var tenantID: String
    /// The virtual key whose request filled the entry.
    public var keyID: String
    /// Tags for purging.
    public var tags: [String]
    /// The namespace; empty for none.
    public var namespace: String
    /// When the answer was complete, by `ExactCache.clock`.
    public var created: WallTime
    /// How long it is fresh, in seconds.
    public var ttlSeconds: UInt32
    /// How much longer it may be served stale, in seconds: the larger of the two stale windows.
    public var staleSeconds: UInt32
    /// The provider's token counts; `nil` if it reported none.
    public var usage: Usage?
    /// Why the model stopped, in the provider's words; empty if unknown.
    public var finishReason: String
    /// Where in `body` the stream's event with nothing but usage stands, which is left out for requests that didn't ask for it.
    public var usageEventRange: Range<Int>?
    /// Whether the answer calls tools.
    public var hasToolCalls: Bool
    /// The revision of the route's configuration; part of the key too.
    public var routeRevision: UInt64

    /// Makes a record.
    public init(
        status: UInt16, fields: [CacheField], body: [UInt8], isStream: Bool, operation: Operation, target: Target, tenantID: String,
        keyID: String, tags: [String] = [], namespace: String = "", created: WallTime, ttlSeconds: UInt32, staleSeconds: UInt32 = 0,
        usage: Usage? = nil, finishReason: String = "", usageEventRange: Range<Int>? = nil, hasToolCalls: Bool = false,
        routeRevision: UInt64 = 0
    ) {
        self.status = status
        self.fields = fields
        self.body = body
        self.isStream = isStream
        self.operation = operation
        self.target = target
        self.tenantID = tenantID
        self.keyID = keyID
        self.tags = tags
        self.namespace = namespace
        self.created = created
        self.ttlSeconds = ttlSeconds
        self.staleSeconds = staleSeconds
        self.usage = usage
        self.finishReason = finishReason
        self.usageEventRange = usageEventRange
        self.hasToolCalls = hasToolCalls
        self.routeRevision = routeRevision
    }

    /// The bytes of the record under `digest`, or `nil` if a part is too long for its length field (64 KiB for texts and fields, 4 GiB for
    /// the whole) or the usage range is not within the body.
    package func encoded(for digest: Digest256) -> [UInt8]? {
        let texts = [tenantID, keyID, target.provider, target.model, namespace, finishReason].map { Array($0.utf8) }
        guard let tagBytes = CacheRecord.lengthPrefixed(tags.map { Array($0.utf8) }),
            let fieldBytes = CacheRecord.lengthPrefixed(fields.flatMap { [$0.name, $0.value] }),
            texts.allSatisfy({ $0.count <= UInt16.max }), tagBytes.count <= UInt16.max, fieldBytes.count <= UInt32.max,
            usageEventRange.map({ $0.lowerBound >= 0 && $0.upperBound <= body.count }) ?? true
        else { return nil }
        let variable = texts.reduce(0) { $0 + $1.count } + tagBytes.count + fieldBytes.count
        guard let total = UInt32(exactly: CacheRecordLayout.headerLength + variable + body.count) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(total))
        appendHeader(to: &bytes, digest: digest, total: total, tags: tagBytes.count, fields: fieldBytes.count, texts: texts)
        for text in texts { bytes.append(contentsOf: text) }
        bytes.append(contentsOf: tagBytes)
        bytes.append(contentsOf: fieldBytes)
        bytes.append(contentsOf: body)
        CacheRecordLayout.seal(&bytes)
        return bytes
    }

    /// The fixed part, in the order of `CacheRecordLayout`.
    private func appendHeader(to bytes: inout [UInt8], digest: Digest256, total: UInt32, tags: Int, fields: Int, texts: [[UInt8]]) {
        bytes.append(littleEndian: CacheRecordLayout.magic)
        bytes.append(littleEndian: CacheRecordLayout.version)
        bytes.append(littleEndian: UInt16(CacheRecordLayout.headerLength))
        digest.append(to: &bytes)
        bytes.append(littleEndian: UInt64(0))  // sequence: set by the writer
        bytes.append(littleEndian: UInt64(0))  // checksum: set by `seal`
        bytes.append(littleEndian: total)
        bytes.append(littleEndian: UInt32(clamping: body.count))
        bytes.append(littleEndian: created.milliseconds)
        bytes.append(littleEndian: ttlSeconds)
        bytes.append(littleEndian: staleSeconds)
        for text in [texts[0], texts[1], texts[3], texts[4]] { bytes.append(littleEndian: xxh3(text.span)) }
        bytes.append(littleEndian: routeRevision)
        bytes.append(littleEndian: status)
        bytes.append(operation.rawValue)
        bytes.append(flags.rawValue)
        bytes.append(littleEndian: UInt32(clamping: fields))
        let usage = usage ?? Usage()
        let counts = [
            usage.inputTokens, usage.outputTokens, usage.cachedInputTokens, usage.cacheWriteInputTokens, usage.reasoningTokens,
        ]
        for count in counts { bytes.append(littleEndian: count) }
        bytes.append(littleEndian: UInt32(clamping: usageEventRange?.lowerBound ?? 0))
        bytes.append(littleEndian: UInt32(clamping: usageEventRange?.upperBound ?? 0))
        for text in texts { bytes.append(littleEndian: UInt16(clamping: text.count)) }
        bytes.append(littleEndian: UInt16(clamping: tags))
        bytes.append(littleEndian: UInt16(0))
    }

    private var flags: CacheRecordFlags {
        var flags: CacheRecordFlags = []
        if isStream { flags.insert(.stream) }
        if hasToolCalls { flags.insert(.toolCalls) }
        if usageEventRange != nil { flags.insert(.usageEvent) }
        if let usage { flags.insert(usage.isSuspect ? [.usage, .suspectUsage] : .usage) }
        return flags
    }

    private static func lengthPrefixed(_ parts: [[UInt8]]) -> [UInt8]? {
        var bytes: [UInt8] = []
        for part in parts {
            guard let length = UInt16(exactly: part.count) else { return nil }
            bytes.append(littleEndian: length)
            bytes.append(contentsOf: part)
        }
        return bytes
    }
}
