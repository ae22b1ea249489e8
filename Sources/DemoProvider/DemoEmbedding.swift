/// Embeddings without a model: words of a text vote for pseudo-random directions, so that the same text gives the same vector and texts
/// sharing words lie closer than texts that do not.
public enum DemoEmbedding {
    /// A vector of length one. `dimensions` in 1...4096.
    public static func vector(of text: String, dimensions: Int) -> [Float] {
        var sum = [Float](repeating: 0, count: dimensions)
        let words = text.lowercased().split { !$0.isLetter && !$0.isNumber }
        for word in words.isEmpty ? [Substring(text)] : words {
            var state: UInt64 = 0xcbf2_9ce4_8422_2325
            for byte in word.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
            for index in 0..<dimensions { sum[index] += next(&state) }
        }
        var norm: Float = 0
        for value in sum { norm += value * value }
        let scale = norm > 0 ? 1 / norm.squareRoot() : 0
        return sum.map { $0 * scale }
    }

    /// SplitMix64, as a number in -1..<1.
    private static func next(_ state: inout UInt64) -> Float {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        word ^= word >> 31
        return Float(Int32(truncatingIfNeeded: word >> 32)) / 2_147_483_648
    }

    /// Little-endian 32-bit floats in base64, OpenAI's `encoding_format: base64`.
    static func base64(_ vector: [Float]) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(vector.count * 4)
        for value in vector {
            for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(shift))) }
        }
        return Base64.text(of: bytes)
    }
}

/// RFC 4648 base64 with padding.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(of bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let second = left > 1 ? bytes[index + 1] : 0
            let third = left > 2 ? bytes[index + 2] : 0
            let word = UInt32(bytes[index]) << 16 | UInt32(second) << 8 | UInt32(third)
            for place in 0..<4 { text.append(place <= left ? alphabet[Int(word >> UInt32(18 - 6 * place)) & 63] : 0x3D) }
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }
}
