// The chunked coding (RFC 9112 section 7.1) as a machine that looks at one byte at a time: nothing is buffered, so it does not matter how
// the bytes are split. Extensions and trailers are checked, bounded and dropped.

/// Finds the data in a chunked body.
struct ChunkedDecoder: Sendable {
    enum Output: Equatable {
        /// All input was taken; the body goes on.
        case needMore
        /// Data of the body, as positions in the input.
        case data(Range<Int>)
        /// The body and its trailer section are complete.
        case end
    }

    private enum State: UInt8 {
        case sizeStart, size, extensions, sizeLineFeed, data, dataReturn, dataLineFeed
        case trailerStart, trailerName, trailerValue, trailerLineFeed, endLineFeed
    }

    private var state = State.sizeStart
    /// The size being read, then the bytes of the chunk still to come.
    private var remaining: UInt64 = 0
    private var digits = 0
    private var extensions = ChunkExtensions()
    /// Bytes of data so far.
    private(set) var dataBytes: UInt64 = 0
    /// Bytes that are neither data nor trailers.
    private var overheadBytes: UInt64 = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private var trailerFields = 0

    /// Goes on from `offset`; stops after each stretch of data.
    mutating func next(
        _ input: UnsafeBufferPointer<UInt8>, from offset: inout Int, _ limits: HTTP1Limits
    ) throws(HTTPRefusal) -> Output {
        while offset < input.count {
            if state == .data { return takeData(available: input.count &- offset, from: &offset) }
            let byte = input[offset]
            offset &+= 1
            if state.rawValue < State.trailerStart.rawValue {
                overheadBytes &+= 1
                try take(framing: byte, limits)
            } else {
                trailerBytes &+= 1
                guard trailerBytes <= limits.trailerBytesMax else { throw .trailersTooLarge }
                if try take(trailer: byte, limits) { return .end }
            }
        }
        return .needMore
    }

    private mutating func takeData(available: Int, from offset: inout Int) -> Output {
        let count = Int(truncatingIfNeeded: min(remaining, UInt64(available)))
        let range = offset..<offset &+ count
        offset &+= count
        remaining &-= UInt64(count)
        dataBytes &+= UInt64(count)
        if remaining == 0 { state = .dataReturn }
        return .data(range)
    }

    private mutating func take(framing byte: UInt8, _ limits: HTTP1Limits) throws(HTTPRefusal) {
        switch state {
        case .sizeStart:
            guard let value = byte.hexValue else { throw .invalidChunk }
            (remaining, digits, state) = (UInt64(value), 1, .size)
        case .size:
            if let value = byte.hexValue {
                digits &+= 1
                guard digits <= 16 else { throw .invalidChunk }
                remaining = remaining &<< 4 | UInt64(value)
            } else if byte == .carriageReturn {
                state = .sizeLineFeed
            } else {
                guard byte == 0x3B else { throw .invalidChunk }
                (extensions, state) = (ChunkExtensions(), .extensions)
                try countExtensionByte(limits)
            }
        case .extensions:
            if byte == .carriageReturn, extensions.mayEnd {
                state = .sizeLineFeed
            } else {
                guard extensions.take(byte) else { throw .invalidChunk }
                try countExtensionByte(limits)
            }
        case .sizeLineFeed:
            guard byte == .lineFeed else { throw .invalidChunk }
            state = remaining == 0 ? .trailerStart : .data
        case .dataReturn:
            guard byte == .carriageReturn else { throw .invalidChunk }
            state = .dataLineFeed
        default:
            guard byte == .lineFeed else { throw .invalidChunk }
            state = .sizeStart
            try checkOverhead(limits)
        }
    }

    private mutating func countExtensionByte(_ limits: HTTP1Limits) throws(HTTPRefusal) {
        extensionBytes &+= 1
        guard extensionBytes <= limits.chunkOverheadBytesMax else { throw .chunkOverhead }
    }

    /// Plain framing of a large upload may be more than the floor; what it may not be is many times the data.
    private func checkOverhead(_ limits: HTTP1Limits) throws(HTTPRefusal) {
        guard overheadBytes > UInt64(limits.chunkOverheadBytesMax) else { return }
        let (allowed, overflow) = dataBytes.multipliedReportingOverflow(by: UInt64(limits.chunkOverheadRatioMax))
        guard overflow || overheadBytes <= allowed else { throw .chunkOverhead }
    }

    /// Whether the trailer section ended with this byte.
    private mutating func take(trailer byte: UInt8, _ limits: HTTP1Limits) throws(HTTPRefusal) -> Bool {
        switch state {
        case .trailerStart:
            if byte == .carriageReturn {
                state = .endLineFeed
            } else {
                guard ByteClass.token.contains(byte) else { throw .invalidTrailer }
                trailerFields &+= 1
                guard trailerFields <= limits.fieldsMax else { throw .trailersTooLarge }
                state = .trailerName
            }
        case .trailerName:
            if byte == .colon {
                state = .trailerValue
            } else {
                guard ByteClass.token.contains(byte) else { throw .invalidTrailer }
            }
        case .trailerValue:
            if byte == .carriageReturn {
                state = .trailerLineFeed
            } else {
                guard byte.isFieldValueByte else { throw .invalidTrailer }
            }
        case .trailerLineFeed:
            guard byte == .lineFeed else { throw .invalidTrailer }
            state = .trailerStart
        default:
            guard byte == .lineFeed else { throw .invalidTrailer }
            return true
        }
        return false
    }
}
