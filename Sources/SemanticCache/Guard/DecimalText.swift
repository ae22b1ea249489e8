/// A JSON number as sign, digits and exponent, so that 1.0, 1 and 1e0 are equal and no precision is lost.
struct DecimalText: Equatable {
    private var isNegative = false
    private var digits: [UInt8] = []
    /// The power of ten of the last digit.
    private var exponent = 0

    /// Reads a number that RFC 8259 allows. An exponent beyond a million counts as a million.
    init(_ text: String) {
        var seenPoint = false
        var bytes = Array(text.utf8)[...]
        if bytes.first == 0x2D {
            isNegative = true
            bytes.removeFirst()
        }
        while let byte = bytes.popFirst() {
            if byte == 0x2E {
                seenPoint = true
            } else if byte.isDigit {
                digits.append(byte)
                if seenPoint { exponent -= 1 }
            } else {
                break
            }
        }
        exponent += DecimalText.exponent(bytes)
        normalise()
    }

    private static func exponent(_ bytes: ArraySlice<UInt8>) -> Int {
        var value = 0
        for byte in bytes where byte.isDigit { value = min(value * 10 + Int(byte - 0x30), 1_000_000) }
        return bytes.first == 0x2D ? -value : value
    }

    private mutating func normalise() {
        while digits.last == 0x30 {
            digits.removeLast()
            exponent += 1
        }
        digits = Array(digits.drop { $0 == 0x30 })
        if digits.isEmpty {
            exponent = 0
            isNegative = false
        }
    }
}
