/// The value of a number's text. Exact for the short decimals that requests hold; anything else takes the library's way.
func parsedNumber(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Double {
    guard end &- start <= 15 else { return libraryNumber(bytes, from: start, to: end) }
    var digits = 0
    var divisor = 1.0
    var seenPoint = false
    for index in start..<end {
        let byte = bytes[index]
        switch byte {
        case 0x30...0x39:
            digits = digits &* 10 &+ Int(byte &- 0x30)
            if seenPoint { divisor *= 10 }
        case 0x2E: seenPoint = true
        case 0x2D where index == start: break
        default: return libraryNumber(bytes, from: start, to: end)
        }
    }
    // Both are exact, so their quotient is correctly rounded.
    let magnitude = Double(digits) / divisor
    return bytes[start] == 0x2D ? -magnitude : magnitude
}

@inline(never)
private func libraryNumber(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Double {
    Double(String(decoding: UnsafeBufferPointer(start: bytes + start, count: end &- start), as: UTF8.self)) ?? 0
}

/// A number as an integer: fractions dropped, within ±2^53.
func clampedInteger(_ number: Double) -> Int { Int(min(max(number, -9_007_199_254_740_992), 9_007_199_254_740_992)) }
