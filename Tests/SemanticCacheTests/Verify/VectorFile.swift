import Glibc
import SemanticCache

/// Questions with their vectors, as `WEIR_BANKING77_VECTORS` names them. Little-endian: "WVEC", version 1, rows, dimensions, gate dimensions
/// (32 bits each); each row: label, length of the text (32 bits each), text, vector, gate vector (32-bit floats).
enum VectorFile {
    static func read(_ path: String) -> [SimulatedRequest]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        func word() -> Int? {
            var word: UInt32 = 0
            return fread(&word, 4, 1, file) == 1 ? Int(word) : nil
        }
        func floats(_ count: Int) -> [Float]? {
            var values = [Float](repeating: 0, count: count)
            return fread(&values, 4, count, file) == count ? values : nil
        }
        guard word() == 0x4345_5657, word() == 1, let rows = word(), let dimensions = word(), let gateDimensions = word() else {
            return nil
        }
        var requests: [SimulatedRequest] = []
        requests.reserveCapacity(rows)
        for _ in 0..<rows {
            guard let label = word(), let length = word(), length < 1 << 20 else { return nil }
            var text = [UInt8](repeating: 0, count: length)
            guard fread(&text, 1, length, file) == length, let vector = floats(dimensions), let gate = floats(gateDimensions) else {
                return nil
            }
            requests.append(SimulatedRequest(text: text, gate: gate, vector: vector, label: UInt64(label)))
        }
        return requests
    }
}
