// Whether a number's text is finite as an IEEE double, decided on the digits alone: no allocation, no strtod, linear time. Numbers keep their
// text everywhere in the gateway, so nothing else needs their value; but a text such as 1e400 means infinity to one reader and an error to
// the next, and the cache key and the upstream must not disagree about what was asked.

/// Decimal digits of 2^1024 - 2^970: from here on, rounding to nearest gives infinity (IEEE 754-2019, 4.3.1). An integer of 309 digits.
private let firstInfinite: StaticString =
    """
    17976931348623158079372897140530341507993413271003782693617377898044496829276475094664901797758720709633028641\
    66928879109465555478519404026306574886715058206819089020007083836762738548458177115317644757302700698555713669\
    59622842914819860834936475292719074168444365510704342711559699508093042880177904174497792
    """

/// Whether the text of a number, already checked against RFC 8259's grammar, is finite as a Double. `1e-400` is: it is zero.
public func jsonNumberIsFinite(_ text: Span<UInt8>) -> Bool {
    text.withUnsafeBufferPointer { isFinite($0) }
}

private func isFinite(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var integerDigits = 0
    var leadingZeros = 0
    var seenNonZero = false
    var seenPoint = false
    var mantissaEnd = text.count
    for (index, byte) in text.enumerated() {
        if byte == 0x65 || byte == 0x45 {
            mantissaEnd = index
            break
        }
        if byte == 0x2E { seenPoint = true }
        guard byte >= 0x30, byte <= 0x39 else { continue }
        if byte != 0x30 { seenNonZero = true }
        if !seenPoint { integerDigits += 1 }
        if !seenNonZero { leadingZeros += 1 }
    }
    guard seenNonZero else { return true }
    // The value is 0.d1d2d3... x 10^magnitude with d1 not zero.
    let magnitude = integerDigits - leadingZeros + exponent(of: text, from: mantissaEnd)
    let threshold = firstInfinite.utf8CodeUnitCount
    if magnitude != threshold { return magnitude < threshold }
    return significantDigits(of: text, before: mantissaEnd, areBelow: firstInfinite)
}

/// The exponent's value, clamped far outside what a text of any length could balance.
private func exponent(of text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var value = 0
    var isNegative = false
    for index in start..<text.count {
        let byte = text[index]
        if byte == 0x2D { isNegative = true }
        guard byte >= 0x30, byte <= 0x39 else { continue }
        value = min(value * 10 + Int(byte - 0x30), 1 << 48)
    }
    return isNegative ? -value : value
}

/// Compares digit strings of the same magnitude, the shorter one continued with zeros.
private func significantDigits(of text: UnsafeBufferPointer<UInt8>, before end: Int, areBelow limit: StaticString) -> Bool {
    var position = 0
    var seenNonZero = false
    for index in 0..<end {
        let byte = text[index]
        guard byte >= 0x30, byte <= 0x39 else { continue }
        if byte != 0x30 { seenNonZero = true }
        guard seenNonZero else { continue }
        guard position < limit.utf8CodeUnitCount else { return false }
        let bound = limit.utf8Start[position]
        if byte != bound { return byte < bound }
        position += 1
    }
    for index in position..<limit.utf8CodeUnitCount where limit.utf8Start[index] != 0x30 { return true }
    return false
}
