import Foundation
import JSON

/// Files beside the tests.
enum Fixtures {
    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
        return [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    static func lines(_ name: String) throws -> [String] {
        // Split at line feeds alone, byte by byte: tokens are combining marks and other things that join a line feed to a character.
        try bytes(name).split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    }

    static func texts() throws -> [[UInt8]] {
        let bytes = try bytes("texts.json")
        let value = try JSONValue(parsing: bytes.span)
        return (value.arrayValue ?? []).compactMap { $0.stringValue.map { Array($0.utf8) } }
    }

    /// Vectors as the generator writes them: f32 scale, i16 × dimensions.
    static func vectors(_ name: String, dimensions: Int) throws -> [[Float]] {
        let bytes = try bytes(name)
        let stride = 4 + 2 * dimensions
        return (0..<(bytes.count / stride)).map { index in
            bytes.withUnsafeBytes { raw in
                let start = index * stride
                let scale = Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: start, as: UInt32.self)))
                return (0..<dimensions).map {
                    Float(Int16(littleEndian: raw.loadUnaligned(fromByteOffset: start + 4 + 2 * $0, as: Int16.self))) * scale
                }
            }
        }
    }
}

/// Cosine in double precision.
func cosine(_ left: [Float], _ right: [Float]) -> Double {
    var dot = 0.0
    var a = 0.0
    var b = 0.0
    for (x, y) in zip(left, right) {
        dot += Double(x) * Double(y)
        a += Double(x) * Double(x)
        b += Double(y) * Double(y)
    }
    return a == 0 && b == 0 ? 1 : dot / (a * b).squareRoot()
}
