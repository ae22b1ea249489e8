import Glibc
internal import Hashing

/// The checksum of a packed model's body: XXH3 over blocks of 1 MiB, each seeded with the sum of the block before.
enum BodyChecksum {
    static let blockBytes = 1 << 20

    /// Reads a file from an offset to its end.
    static func of(path: String, from start: Int) throws(EmbeddingModelError) -> UInt64 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(path: path, code: errno) }
        defer { close(descriptor) }
        var block = [UInt8](repeating: 0, count: blockBytes)
        var sum: UInt64 = 0
        var offset = start
        while true {
            let count = try fill(&block, descriptor, offset, path)
            guard count > 0 else { return sum }
            sum = xxh3(block.span.extracting(0..<count), seed: sum &+ 1)
            offset += count
        }
    }

    private static func fill(
        _ block: inout [UInt8], _ descriptor: Int32, _ offset: Int, _ path: String
    ) throws(EmbeddingModelError) -> Int {
        var filled = 0
        while filled < block.count {
            let wanted = block.count - filled
            let got = block.withUnsafeMutableBytes { raw in
                raw.baseAddress.map { pread(descriptor, $0 + filled, wanted, off_t(offset + filled)) } ?? 0
            }
            if got < 0 {
                if errno == EINTR { continue }
                throw .unreadable(path: path, code: errno)
            }
            if got == 0 { break }
            filled += got
        }
        return filled
    }
}
