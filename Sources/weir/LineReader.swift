#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Lines of a file or of standard input, read as they come; what is in memory at a time is a block and a line.
struct LineReader: ~Copyable {
    /// One line.
    enum Line {
        case text([UInt8])
        /// It was longer than a line may be and is left out.
        case tooLong
    }

    /// The longest line unless a reader says otherwise.
    static let lineBytesMax = 256 * 1024
    private static let blockBytes = 256 * 1024

    private let descriptor: Int32
    private let lineBytesMax: Int
    private var block: [UInt8] = []
    private var position = 0
    /// Bytes read so far.
    private(set) var bytesRead = 0
    /// Bytes of the whole file; nil for what is no file.
    let size: Int?

    /// Opens a file; `-` is standard input.
    init(path: String, lineBytesMax: Int = LineReader.lineBytesMax) throws {
        self.lineBytesMax = lineBytesMax
        descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandError("\(path) can't be read: \(String(cString: strerror(errno))).", exitCode: .failure)
        }
        var status = stat()
        size = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    deinit { if descriptor > 0 { close(descriptor) } }

    /// The next line without its end; nil at the end of the file.
    mutating func next() throws -> Line? {
        var line: [UInt8] = []
        var isTooLong = false
        while true {
            if position == block.count, try !fill() {
                if isTooLong { return .tooLong }
                return line.isEmpty ? nil : .text(line)
            }
            let end = block[position...].firstIndex(of: 0x0A) ?? block.count
            if line.count + end - position > lineBytesMax { isTooLong = true }
            if !isTooLong { line += block[position..<end] }
            position = end
            guard end < block.count else { continue }
            position += 1
            return isTooLong ? .tooLong : .text(line)
        }
    }

    /// Reads a block; false at the end.
    private mutating func fill() throws -> Bool {
        position = 0
        let descriptor = self.descriptor
        var failure: Int32 = 0
        block = [UInt8](unsafeUninitializedCapacity: LineReader.blockBytes) { buffer, count in
            var got = read(descriptor, buffer.baseAddress, LineReader.blockBytes)
            while got < 0, errno == EINTR { got = read(descriptor, buffer.baseAddress, LineReader.blockBytes) }
            if got < 0 { failure = errno }
            count = max(0, got)
        }
        guard failure == 0 else { throw CommandError("Reading failed: \(String(cString: strerror(failure))).", exitCode: .failure) }
        bytesRead += block.count
        return !block.isEmpty
    }
}
