// Safetensors (Hugging Face, format 0.x): u64 length of a JSON header, the header (name -> dtype, shape, data_offsets), the data.

internal import JSON

/// The tensors of a checkpoint, read from the mapping. Only 32-bit floats.
struct SafetensorsFile {
    private struct Tensor {
        var shape: [Int]
        var range: Range<Int>
    }

    private let path: String
    private let bytes: ModelBytes
    private let tensors: [String: Tensor]

    private static let headerBytesMax = 16 << 20

    init(path: String) throws(EmbeddingModelError) {
        let bytes = try ModelBytes(mapping: path)
        guard bytes.count > 8 else { throw .unsuitableSource(path: path, "no safetensors file") }
        let length = bytes.uint64(at: 0)
        guard length >= 2, length <= UInt64(min(Self.headerBytesMax, bytes.count - 8)) else {
            throw .unsuitableSource(path: path, "no safetensors file")
        }
        let header = Array(UnsafeRawBufferPointer(start: bytes.base + 8, count: Int(length)))
        guard let members = Self.members(header) else { throw .unsuitableSource(path: path, "its header is not JSON") }
        var tensors: [String: Tensor] = [:]
        for (name, value) in members where name != "__metadata__" && value["dtype"]?.stringValue == "F32" {
            guard let tensor = Self.tensor(value, data: 8 + Int(length), end: bytes.count) else {
                throw .unsuitableSource(path: path, "the tensor \(name) lies outside of the file")
            }
            tensors[name] = tensor
        }
        self.path = path
        self.bytes = bytes
        self.tensors = tensors
    }

    private static func members(_ header: [UInt8]) -> [(String, JSONValue)]? {
        guard let value = try? JSONValue(parsing: header.span), let object = value.objectValue else { return nil }
        return object.members.map { ($0.key, $0.value) }
    }

    private static func tensor(_ value: JSONValue, data: Int, end: Int) -> Tensor? {
        guard let shape = value["shape"]?.arrayValue?.compactMap(\.intValue), let first = value["data_offsets"]?[0]?.intValue,
            let last = value["data_offsets"]?[1]?.intValue, first >= 0, last >= first, last <= end - data
        else { return nil }
        var count = 4
        for side in shape {
            let (product, isOver) = count.multipliedReportingOverflow(by: side)
            guard side > 0, !isOver else { return nil }
            count = product
        }
        return count == last - first ? Tensor(shape: shape, range: (data + first)..<(data + last)) : nil
    }

    /// The shape of a tensor; `nil` if there is none of that name.
    func shape(_ name: String) -> [Int]? { tensors[name]?.shape }

    /// The elements of a tensor that must have this shape.
    func floats(_ name: String, _ shape: [Int]) throws(EmbeddingModelError) -> [Float] {
        guard let tensor = tensors[name] else { throw .unsuitableSource(path: path, "the tensor \(name) is absent") }
        guard tensor.shape == shape else {
            throw .unsuitableSource(path: path, "the tensor \(name) has the shape \(tensor.shape), not \(shape)")
        }
        var values = [Float](repeating: 0, count: tensor.range.count / 4)
        values.withUnsafeMutableBytes {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: bytes.base + tensor.range.lowerBound, count: tensor.range.count))
        }
        guard values.allSatisfy(\.isFinite) else {
            throw .unsuitableSource(path: path, "the tensor \(name) has elements that are no numbers")
        }
        return values
    }
}
