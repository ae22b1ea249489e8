// The labels of a pending cell as bytes: minute, layer and error, then the four texts behind their lengths. Equal bytes are equal labels.

import GatewayModel

/// Which minute and labels an event is counted under.
enum RollupLabels {
    /// The label of what a bound left no room for. A text that is really this is counted with it.
    static let other = Array("other".utf8)
    /// How many dimensions have texts for labels: tenant, provider, model, route.
    static let textCount = 4

    /// Replaces `key` with the labels of an event. Returns `false` if a text was too long and became `other`.
    static func write(_ event: GatewayEvent, bytesMax: Int, to key: inout [UInt8]) -> Bool {
        key.removeAll(keepingCapacity: true)
        key.append(word: UInt64(minute(of: event.createdAt)), 8)
        key.append(event.cacheLayer.rawValue << 4 | event.errorKind.rawValue)
        var fits = append(event.tenant, bytesMax, to: &key)
        fits = append(event.provider, bytesMax, to: &key) && fits
        fits = append(event.model, bytesMax, to: &key) && fits
        return append(event.route, bytesMax, to: &key) && fits
    }

    /// Replaces the texts of a key with `other`; minute, layer and error stay.
    static func generalise(_ key: inout [UInt8]) {
        key.removeSubrange(9...)
        for _ in 0..<textCount {
            key.append(word: UInt64(other.count), 2)
            key.append(contentsOf: other)
        }
    }

    /// The start of the minute of a time, in seconds since the epoch. Times before 1970 or beyond 9999 count as these.
    static func minute(of time: WallTime) -> Int64 {
        let second = min(max(time.milliseconds / 1000, 0), 253_402_300_799)
        return second - second % 60
    }

    private static func append(_ text: String, _ bytesMax: Int, to key: inout [UInt8]) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            guard bytes.count <= min(bytesMax, Int(UInt16.max)) else {
                key.append(word: UInt64(other.count), 2)
                key.append(contentsOf: other)
                return false
            }
            key.append(word: UInt64(bytes.count), 2)
            key.append(contentsOf: bytes)
            return true
        }
    }
}

/// The labels of a pending cell, read from its key.
struct RollupLabelView {
    /// The start of the minute, in seconds since the epoch.
    let minute: Int64
    /// Layer in the upper, error in the lower half.
    let kinds: UInt8
    /// Tenant, provider, model, route.
    let texts: InlineArray<4, UnsafeBufferPointer<UInt8>>

    /// Valid as long as the bytes are. `nil` if they are no key.
    init?(_ key: UnsafeBufferPointer<UInt8>) {
        var cursor = ByteCursor(key)
        minute = Int64(clamping: cursor.word(8))
        kinds = cursor.byte()
        var texts = InlineArray<4, UnsafeBufferPointer<UInt8>>(repeating: UnsafeBufferPointer(start: nil, count: 0))
        for index in 0..<RollupLabels.textCount { texts[index] = cursor.slice(cursor.word(2)) }
        self.texts = texts
        guard !cursor.isFailed, cursor.isAtEnd, minute % 60 == 0, minute <= 253_402_300_799 else { return nil }
        guard GatewayEvent.CacheLayer(rawValue: kinds >> 4) != nil, GatewayEvent.ErrorKind(rawValue: kinds & 15) != nil else { return nil }
    }
}
