// Writing text as bytes: what heads, logs and JSON on the hot path are made with. No `String`, no allocation beyond the array's own growth.

extension [UInt8] {
    /// Appends a literal.
    @inlinable public mutating func append(literal: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    /// Appends bytes of a span.
    @inlinable public mutating func append(span: Span<UInt8>) {
        span.withUnsafeBufferPointer { append(contentsOf: $0) }
    }

    /// Appends a number in decimal.
    public mutating func append(decimal number: Int64) {
        if number < 0 { append(0x2D) }
        append(decimal: number.magnitude)
    }

    /// Appends a number in decimal.
    public mutating func append(decimal number: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var rest = number
        var start = 20
        repeat {
            start -= 1
            digits[start] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
            rest /= 10
        } while rest > 0
        append(span: digits.span.extracting(start..<20))
    }

    /// Appends milliseconds with three decimals from nanoseconds, as `Server-Timing` wants them.
    public mutating func append(millisecondsFromNanoseconds nanoseconds: UInt64) {
        let microseconds = nanoseconds / 1000
        append(decimal: Int64(clamping: microseconds / 1000))
        append(0x2E)
        let fraction = microseconds % 1000
        append(UInt8(truncatingIfNeeded: 0x30 + fraction / 100))
        append(UInt8(truncatingIfNeeded: 0x30 + fraction / 10 % 10))
        append(UInt8(truncatingIfNeeded: 0x30 + fraction % 10))
    }
}
