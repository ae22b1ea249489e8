import GatewayModel
import Hashing

/// The verified head of a stored record and where its parts stand, read in place.
///
/// It goes with the bytes it was made from: every range and every function here is about those.
public struct CacheRecordView: Sendable {
    /// When the answer was complete, by the cache's clock.
    public let created: WallTime
    /// How long it is fresh, in seconds.
    public let ttlSeconds: UInt32
    /// How much longer it may be served stale, in seconds.
    public let staleSeconds: UInt32
    /// The revision of the route's configuration.
    public let routeRevision: UInt64
    /// The HTTP status.
    public let status: UInt16
    /// The operation answered.
    public let operation: Operation
    /// The provider's token counts; `nil` if it reported none.
    public let usage: Usage?

    /// The writer's number of the record's insertion.
    let sequence: UInt64
    // Where each part ends, after the fixed header; 32 bits each, since the view is copied with every hit.
    private let tenantEnd, keyIDEnd, providerEnd, modelEnd, namespaceEnd, finishReasonEnd, tagsEnd, fieldsEnd, bodyEnd: UInt32
    private let usageEventStart, usageEventEnd: UInt32
    private let flags: CacheRecordFlags

    /// Whether the body is an event stream.
    public var isStream: Bool { flags.contains(.stream) }
    /// Whether the answer calls tools.
    public var hasToolCalls: Bool { flags.contains(.toolCalls) }

    /// Where the tenant's id stands (UTF-8).
    public var tenantRange: Range<Int> { CacheRecordLayout.headerLength..<Int(tenantEnd) }
    /// Where the virtual key's id stands (UTF-8).
    public var keyIDRange: Range<Int> { Int(tenantEnd)..<Int(keyIDEnd) }
    /// Where the provider's slug stands (UTF-8).
    public var providerRange: Range<Int> { Int(keyIDEnd)..<Int(providerEnd) }
    /// Where the model's name stands (UTF-8).
    public var modelRange: Range<Int> { Int(providerEnd)..<Int(modelEnd) }
    /// Where the namespace stands (UTF-8).
    public var namespaceRange: Range<Int> { Int(modelEnd)..<Int(namespaceEnd) }
    /// Where the finish reason stands (UTF-8).
    public var finishReasonRange: Range<Int> { Int(namespaceEnd)..<Int(finishReasonEnd) }
    /// Where the body stands.
    public var bodyRange: Range<Int> { Int(fieldsEnd)..<Int(bodyEnd) }
    /// Where in the body the usage-only event stands, counted from the body's start; `nil` if there is none.
    public var usageEventRange: Range<Int>? { flags.contains(.usageEvent) ? Int(usageEventStart)..<Int(usageEventEnd) : nil }

    var tagsRange: Range<Int> { Int(finishReasonEnd)..<Int(tagsEnd) }
    private var fieldsRange: Range<Int> { Int(tagsEnd)..<Int(fieldsEnd) }

    /// Verifies and reads a record: length, magic, version, digest, checksum, and that all parts fit. `nil` for anything amiss.
    package init?(_ bytes: Span<UInt8>, digest: Digest256) {
        typealias Layout = CacheRecordLayout
        guard CacheRecordView.begins(bytes, digest) else { return nil }
        let checksum = xxh3(bytes.extracting(Layout.checkedFrom..<bytes.count))
        guard checksum == bytes.withUnsafeBytes({ $0.number(Layout.checksumAt, UInt64.self) }) else { return nil }
        guard let parsed = bytes.withUnsafeBytes({ CacheRecordView(checked: $0) }) else { return nil }
        self = parsed
    }

    /// As `init(_:digest:)` but for the checksum, which takes a look at every byte of the body: for listings, which show heads only.
    init?(unchecked bytes: Span<UInt8>, digest: Digest256) {
        guard CacheRecordView.begins(bytes, digest), let parsed = bytes.withUnsafeBytes({ CacheRecordView(checked: $0) }) else {
            return nil
        }
        self = parsed
    }

    /// Whether the bytes begin as the record of a digest does, and are as many as they say.
    private static func begins(_ bytes: Span<UInt8>, _ digest: Digest256) -> Bool {
        typealias Layout = CacheRecordLayout
        let count = bytes.count
        guard count >= Layout.headerLength else { return false }
        return bytes.withUnsafeBytes { raw in
            raw.number(0, UInt32.self) == Layout.magic && raw.number(Layout.versionAt, UInt16.self) == Layout.version
                && raw.number(Layout.headerLengthAt, UInt16.self) == UInt16(Layout.headerLength)
                && raw.number(Layout.totalAt, UInt32.self) == UInt32(clamping: count) && digest.equals(raw, at: Layout.digestAt)
        }
    }

    /// Reads a record whose checksum holds. The lengths are checked still: a checksum says that we wrote it, not that we wrote sense.
    private init?(checked raw: UnsafeRawBufferPointer) {
        typealias Layout = CacheRecordLayout
        guard let operation = Operation(rawValue: raw[Layout.operationAt]) else { return nil }
        self.operation = operation
        flags = CacheRecordFlags(rawValue: raw[Layout.flagsAt])
        sequence = raw.number(Layout.sequenceAt, UInt64.self)
        created = WallTime(milliseconds: raw.number(Layout.createdAt, Int64.self))
        ttlSeconds = raw.number(Layout.ttlAt, UInt32.self)
        staleSeconds = raw.number(Layout.staleAt, UInt32.self)
        routeRevision = raw.number(Layout.revisionAt, UInt64.self)
        status = raw.number(Layout.statusAt, UInt16.self)
        // Sums of 64 bits, so that lengths that don't fit can't wrap; equal to the true length, which has 32, they are all in range.
        var end = UInt64(Layout.headerLength)
        let text = { (index: Int) -> UInt32 in
            end += UInt64(raw.number(Layout.textLengthsAt + 2 * index, UInt16.self))
            return UInt32(clamping: end)
        }
        tenantEnd = text(0)
        keyIDEnd = text(1)
        providerEnd = text(2)
        modelEnd = text(3)
        namespaceEnd = text(4)
        finishReasonEnd = text(5)
        tagsEnd = text(6)
        end += UInt64(raw.number(Layout.fieldsLengthAt, UInt32.self))
        fieldsEnd = UInt32(clamping: end)
        let bodyLength = raw.number(Layout.bodyLengthAt, UInt32.self)
        end += UInt64(bodyLength)
        bodyEnd = UInt32(clamping: end)
        usageEventStart = raw.number(Layout.usageEventAt, UInt32.self)
        usageEventEnd = raw.number(Layout.usageEventAt + 4, UInt32.self)
        guard end == UInt64(raw.count), usageEventStart <= usageEventEnd, usageEventEnd <= bodyLength else { return nil }
        usage = flags.contains(.usage) ? CacheRecordView.usage(raw, isSuspect: flags.contains(.suspectUsage)) : nil
    }

    private static func usage(_ raw: UnsafeRawBufferPointer, isSuspect: Bool) -> Usage {
        let at = CacheRecordLayout.usageAt
        return Usage(
            inputTokens: raw.number(at, Int64.self), outputTokens: raw.number(at + 8, Int64.self),
            cachedInputTokens: raw.number(at + 16, Int64.self), cacheWriteInputTokens: raw.number(at + 24, Int64.self),
            reasoningTokens: raw.number(at + 32, Int64.self), isSuspect: isSuspect)
    }

    /// Whole seconds since the answer was complete, at least 0: the `Age` field.
    public func ageSeconds(now: WallTime) -> Int64 {
        let (age, overflow) = now.milliseconds.subtractingReportingOverflow(created.milliseconds)
        return overflow ? (now > created ? Int64.max / 1000 : 0) : max(0, age / 1000)
    }

    /// Seconds for which it stays fresh: the `ttl` of `Cache-Status`. Negative once it is stale; in whole seconds, rounded down.
    public func secondsLeft(now: WallTime) -> Int64 { Int64(ttlSeconds) - ageSeconds(now: now) }

    /// Whether it may be served at `now`.
    public func freshness(now: WallTime) -> CacheFreshness {
        CacheFreshness(created: created, ttlSeconds: ttlSeconds, staleSeconds: staleSeconds, now: now)
    }

    /// Hands the fields to replay to `body`, in order.
    public func forEachField(in bytes: Span<UInt8>, _ body: (_ name: Span<UInt8>, _ value: Span<UInt8>) -> Void) {
        var at = fieldsRange.lowerBound
        while let name = CacheRecordView.part(in: bytes, at: &at, end: fieldsRange.upperBound),
            let value = CacheRecordView.part(in: bytes, at: &at, end: fieldsRange.upperBound)
        {
            body(bytes.extracting(name), bytes.extracting(value))
        }
    }

    /// The text at one of the ranges.
    public func text(_ range: Range<Int>, in bytes: Span<UInt8>) -> String {
        bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    /// The tags.
    public func tags(in bytes: Span<UInt8>) -> [String] {
        var tags: [String] = []
        var at = tagsRange.lowerBound
        while let range = CacheRecordView.part(in: bytes, at: &at, end: tagsRange.upperBound) { tags.append(text(range, in: bytes)) }
        return tags
    }

    /// A copy of everything.
    public func record(in bytes: Span<UInt8>) -> CacheRecord {
        var fields: [CacheField] = []
        forEachField(in: bytes) { name, value in
            fields.append(CacheField(name: Array(span: name), value: Array(span: value)))
        }
        return CacheRecord(
            status: status, fields: fields, body: Array(span: bytes.extracting(bodyRange)), isStream: isStream, operation: operation,
            target: Target(provider: text(providerRange, in: bytes), model: text(modelRange, in: bytes)),
            tenantID: text(tenantRange, in: bytes), keyID: text(keyIDRange, in: bytes), tags: tags(in: bytes),
            namespace: text(namespaceRange, in: bytes), created: created, ttlSeconds: ttlSeconds, staleSeconds: staleSeconds, usage: usage,
            finishReason: text(finishReasonRange, in: bytes), usageEventRange: usageEventRange, hasToolCalls: hasToolCalls,
            routeRevision: routeRevision)
    }

    private static func part(in bytes: Span<UInt8>, at: inout Int, end: Int) -> Range<Int>? {
        guard at + 2 <= end else { return nil }
        let start = at + 2
        let length = Int(bytes[at]) | Int(bytes[at + 1]) << 8
        guard start + length <= end else { return nil }
        at = start + length
        return start..<at
    }
}

extension UnsafeRawBufferPointer {
    /// The little-endian number at an offset that was checked to be within.
    @inline(__always)
    func number<Number: FixedWidthInteger>(_ offset: Int, _: Number.Type) -> Number {
        Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}

extension Array where Element == UInt8 {
    /// A copy of the bytes of a span.
    init(span: Span<UInt8>) { self = span.withUnsafeBufferPointer { Array($0) } }
}
