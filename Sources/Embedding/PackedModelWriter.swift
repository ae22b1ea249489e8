import Glibc
internal import GatewayModel
internal import Hashing

/// Writes a packed model: first beside its place, synced, then renamed over it, so that a reader sees the old file or the new one.
struct PackedModelWriter {
    private var sections: [(name: String, bytes: [UInt8])] = []

    mutating func add(_ name: String, _ bytes: [UInt8]) { sections.append((name, bytes)) }

    mutating func add<Element: BitwiseCopyable>(_ name: String, _ elements: [Element]) {
        add(name, elements.withUnsafeBytes { Array($0) })
    }

    /// Writes the file. Sections keep their order.
    func write(_ info: ModelInfo, to path: String) throws(EmbeddingModelError) {
        let table = PackedModel.headerBytes + sections.count * PackedModel.sectionBytes
        var offset = Self.aligned(table)
        var entries: [UInt8] = []
        for section in sections {
            entries.append(contentsOf: Self.padded(section.name, to: 32))
            entries.append(longWord: UInt64(offset))
            entries.append(longWord: UInt64(section.bytes.count))
            offset = Self.aligned(offset + section.bytes.count)
        }
        let scratch = "\(path).new-\(getpid())"
        let descriptor = open(scratch, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .unreadable(path: scratch, code: errno) }
        defer { close(descriptor) }
        do throws(EmbeddingModelError) {
            try put(entries, descriptor, PackedModel.headerBytes, scratch)
            var place = Self.aligned(table)
            for section in sections {
                try put(section.bytes, descriptor, place, scratch)
                place = Self.aligned(place + section.bytes.count)
            }
            guard ftruncate(descriptor, off_t(offset)) == 0 else { throw .unreadable(path: scratch, code: errno) }
            let checksum = try BodyChecksum.of(path: scratch, from: PackedModel.headerBytes)
            try put(header(info, bytes: offset, checksum: checksum), descriptor, 0, scratch)
            guard fsync(descriptor) == 0, rename(scratch, path) == 0 else { throw .unreadable(path: path, code: errno) }
        } catch {
            unlink(scratch)
            throw error
        }
    }

    private func header(_ info: ModelInfo, bytes: Int, checksum: UInt64) -> [UInt8] {
        var header = PackedModel.magic
        for word in [PackedModel.version, info.role.rawValue, info.precision.rawValue, UInt32(sections.count)] { header.append(word: word) }
        header.append(longWord: UInt64(bytes))
        info.source.append(to: &header)
        header.append(longWord: checksum)
        for number in [info.dimensions, info.layers, info.heads, info.inner, info.positions, info.tokens] {
            header.append(word: UInt32(number))
        }
        header.append(contentsOf: Self.padded(info.name, to: 64))
        header.append(contentsOf: [UInt8](repeating: 0, count: 248 - header.count))
        header.append(longWord: xxh3(header.span))
        return header
    }

    private func put(_ bytes: [UInt8], _ descriptor: Int32, _ offset: Int, _ path: String) throws(EmbeddingModelError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                raw.baseAddress.map { pwrite(descriptor, $0 + written, raw.count - written, off_t(offset + written)) } ?? 0
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .unreadable(path: path, code: errno) }
            written += count
        }
    }

    private static func aligned(_ offset: Int) -> Int {
        (offset + PackedModel.alignment - 1) / PackedModel.alignment * PackedModel.alignment
    }

    private static func padded(_ text: String, to count: Int) -> [UInt8] {
        let bytes = Array(text.utf8.prefix(count - 1))
        return bytes + [UInt8](repeating: 0, count: count - bytes.count)
    }
}
