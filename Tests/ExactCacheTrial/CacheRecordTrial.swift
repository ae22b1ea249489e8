import ExactCache
import GatewayModel

/// Reads any bytes as a stored record: once as they are, and once with everything in order that a random change would break first (magic,
/// version, lengths, digest, checksum), so that the reading behind those checks is met. Shared by the tests and the fuzzer.
public enum CacheRecordTrial {
    /// Tries the bytes; traps if a view's parts are not within them. Returns whether the second reading found a record.
    @discardableResult
    public static func run(_ bytes: [UInt8]) -> Bool {
        let digest = Digest256(words: (1, 2, 3, 4))
        _ = CacheRecordView(bytes.span, digest: digest)
        _ = CacheCheck.verify(database: "ord", key: bytes.span, value: bytes.span)
        _ = CacheCheck.verify(database: "sum", key: bytes.span, value: bytes.span)
        var mended = bytes
        guard mended.count >= CacheRecordLayout.headerLength else { return false }
        set(CacheRecordLayout.magic, at: 0, in: &mended)
        set(CacheRecordLayout.version, at: 4, in: &mended)
        set(UInt16(CacheRecordLayout.headerLength), at: 6, in: &mended)
        mended.replaceSubrange(8..<40, with: digest.bytes)
        set(UInt32(clamping: mended.count), at: CacheRecordLayout.totalAt, in: &mended)
        CacheRecordLayout.seal(&mended)
        guard let view = CacheRecordView(mended.span, digest: digest) else { return false }
        let record = view.record(in: mended.span)
        precondition(view.bodyRange.upperBound == mended.count && record.body.count == view.bodyRange.count)
        if let event = record.usageEventRange { precondition(event.upperBound <= record.body.count) }
        _ = view.freshness(now: WallTime(milliseconds: 0))
        _ = view.secondsLeft(now: WallTime(milliseconds: .max))
        _ = PurgeSelector.every([.tag("a"), .model("a/b"), .tenant("a")]).selects(view, digest: digest, in: mended.span)
        return true
    }

    private static func set<Number: FixedWidthInteger>(_ number: Number, at offset: Int, in bytes: inout [UInt8]) {
        for index in 0..<Number.bitWidth / 8 { bytes[offset + index] = UInt8(truncatingIfNeeded: number >> Number(8 * index)) }
    }

    /// A sound record to start from.
    public static var seed: [UInt8] {
        let record = CacheRecord(
            status: 200, fields: [CacheField("content-type", "application/json")], body: Array("{}".utf8), isStream: true,
            operation: .messages, target: Target(provider: "a", model: "b"), tenantID: "t", keyID: "k", tags: ["a", "b"], namespace: "n",
            created: WallTime(milliseconds: 1), ttlSeconds: 1, usage: Usage(inputTokens: 1), finishReason: "stop",
            usageEventRange: 0..<1)
        return record.encoded(for: Digest256(words: (1, 2, 3, 4))) ?? []
    }
}
