// W3C Trace Context (https://www.w3.org/TR/trace-context/, level 1): `traceparent` is version, trace id, parent span id and flags in lower-case
// hexadecimal. A field that does not hold is as good as none: a request never fails over it.

import GatewayModel

/// A request's place in a distributed trace.
public struct TraceContext: Sendable, Equatable {
    /// The trace's id: 16 bytes as two big-endian words, not both 0.
    public var traceHigh: UInt64
    /// See `traceHigh`.
    public var traceLow: UInt64
    /// The span's id, not 0.
    public var span: UInt64
    /// Whether the caller records it.
    public var isSampled: Bool

    /// Makes one.
    public init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, isSampled: Bool) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.isSampled = isSampled
    }

    /// Bytes of a `traceparent` of version 00.
    public static let fieldBytes = 55

    /// Reads a field; `nil` where it does not hold. Of a later version what version 00 knows is read, as its rules for that say.
    public init?(traceparent field: Span<UInt8>) {
        guard field.count >= Self.fieldBytes, field[2] == Self.dash, field[35] == Self.dash, field[52] == Self.dash,
            let version = Self.word(field, 0..<2), version != 0xFF,
            let high = Self.word(field, 3..<19), let low = Self.word(field, 19..<35),
            let span = Self.word(field, 36..<52), let flags = Self.word(field, 53..<55)
        else { return nil }
        if version == 0, field.count != Self.fieldBytes { return nil }
        if field.count > Self.fieldBytes, field[Self.fieldBytes] != Self.dash { return nil }
        guard high | low != 0, span != 0 else { return nil }
        self.init(traceHigh: high, traceLow: low, span: span, isSampled: flags & 1 != 0)
    }

    /// The field of a span below another: the same trace, this span as its parent.
    public var traceparent: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.fieldBytes)
        bytes.append(contentsOf: [0x30, 0x30, Self.dash])
        Self.append(traceHigh, to: &bytes)
        Self.append(traceLow, to: &bytes)
        bytes.append(Self.dash)
        Self.append(span, to: &bytes)
        bytes.append(contentsOf: [Self.dash, 0x30, isSampled ? 0x31 : 0x30])
        return String(decoding: bytes, as: UTF8.self)
    }

    /// 16 digits of an id.
    public static func hexadecimal(_ word: UInt64) -> String {
        var bytes: [UInt8] = []
        append(word, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static let dash: UInt8 = 0x2D

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: 60, through: 0, by: -4) { bytes.append(hexDigit(UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15)) }
    }

    /// Up to 16 lower-case digits as a number.
    private static func word(_ field: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        var word: UInt64 = 0
        for index in range {
            let digit: UInt8
            switch field[index] {
            case 0x30...0x39: digit = field[index] - 0x30
            case 0x61...0x66: digit = field[index] - 0x61 + 10
            default: return nil
            }
            word = word << 4 | UInt64(digit)
        }
        return word
    }
}
