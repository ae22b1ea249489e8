import GatewayModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes a row into memory on the stack that is large enough for any.
struct EventEncoder {
    private let target: UnsafeMutableRawBufferPointer
    private var count = EventLayout.textsAt
    private var sections: EventLayout.Sections = []

    /// `target` has at least `EventLayout.rowBytesMax` bytes.
    private init(_ target: UnsafeMutableRawBufferPointer) { self.target = target }

    /// Writes the row; returns its bytes.
    static func write(_ event: borrowing GatewayEvent, into target: UnsafeMutableRawBufferPointer) -> Int {
        var encoder = EventEncoder(target)
        encoder.writeTexts(event)
        encoder.writeTrace(event)
        let described = encoder.writeAttempts(event)
        if event.request != nil { encoder.sections.insert(.request) }
        if event.response != nil { encoder.sections.insert(.response) }
        encoder.writeHead(event, described: described)
        return encoder.count
    }

    private func writeHead(_ event: borrowing GatewayEvent, described: Int) {
        put(EventLayout.version, at: EventLayout.versionAt)
        put(sections.rawValue, at: EventLayout.sectionsAt)
        put(event.cacheLayer.rawValue, at: EventLayout.layerAt)
        put(event.errorKind.rawValue, at: EventLayout.errorKindAt)
        put(event.cacheReason?.storedCode ?? 0, at: EventLayout.reasonAt)
        put(UInt8(truncatingIfNeeded: described), at: EventLayout.describedAt)
        put(event.flags.rawValue, at: EventLayout.flagsAt)
        put(event.id.high, at: EventLayout.idHighAt)
        put(event.id.low, at: EventLayout.idLowAt)
        put(UInt64(bitPattern: event.createdAt.milliseconds), at: EventLayout.createdAt)
        put(UInt16(clamping: event.status), at: EventLayout.statusAt)
        put(UInt16(clamping: event.step), at: EventLayout.stepAt)
        put(UInt32(clamping: event.attemptCount), at: EventLayout.attemptCountAt)
        put(event.similarity.bitPattern, at: EventLayout.similarityAt)
        put(UInt32(0), at: EventLayout.similarityAt + 4)
        put(event.durationMicroseconds, .duration)
        put(event.overheadMicroseconds, .overhead)
        put(event.firstByteMicroseconds, .firstByte)
        put(event.tokensIn, .tokensIn)
        put(event.tokensOut, .tokensOut)
        put(event.tokensCached, .tokensCached)
        put(event.tokensSaved, .tokensSaved)
        put(event.costNanoUSD, .cost)
        put(event.costSavedNanoUSD, .costSaved)
        put(event.requestBytes, .requestBytes)
        put(event.responseBytes, .responseBytes)
    }

    private mutating func writeTexts(_ event: borrowing GatewayEvent) {
        write(event.tenant, .tenant)
        write(event.keyID, .keyID)
        write(event.provider, .provider)
        write(event.model, .model)
        write(event.route, .route)
        write(event.operation, .operation)
        write(event.path, .path)
        write(event.eventID, .eventID)
        write(event.errorCode, .errorCode)
        write(event.cacheStatus, .cacheStatus)
        write(event.finishReason, .finishReason)
        // Half an object is none.
        let isTooLong = event.metadata.utf8.count > EventLayout.Text.metadata.bytesMax
        if isTooLong { sections.insert(.clipped) }
        write(isTooLong ? "" : event.metadata, .metadata)
    }

    private mutating func writeTrace(_ event: borrowing GatewayEvent) {
        guard let trace = event.trace else { return }
        sections.insert(.trace)
        put(trace.traceHigh, at: count)
        put(trace.traceLow, at: count + 8)
        put(trace.parentSpan, at: count + 16)
        put(trace.span, at: count + 24)
        put(UInt8(trace.isSampled ? 1 : 0), at: count + 32)
        count += EventLayout.traceBytes
    }

    /// As many attempts as fit; returns how many.
    private mutating func writeAttempts(_ event: borrowing GatewayEvent) -> Int {
        var described = 0
        for attempt in event.attempts {
            let most = EventLayout.attemptBytes + 128 + 256 + 64
            guard described < EventLayout.attemptsMax, count + most <= EventLayout.rowBytesMax else {
                sections.insert(.clipped)
                break
            }
            put(UInt16(clamping: attempt.status), at: count)
            put(attempt.microseconds, at: count + 2)
            put(UInt8(attempt.isRepeat ? 1 : 0), at: count + 10)
            let lengths = count + 11
            count += EventLayout.attemptBytes
            put(UInt16(append(attempt.provider, bytesMax: 128)), at: lengths)
            put(UInt16(append(attempt.model, bytesMax: 256)), at: lengths + 2)
            put(UInt16(append(attempt.failure, bytesMax: 64)), at: lengths + 4)
            described += 1
        }
        return described
    }

    @inline(__always)
    private mutating func write(_ text: borrowing String, _ field: EventLayout.Text) {
        _ = append(text, bytesMax: field.bytesMax)
        put(UInt16(truncatingIfNeeded: count - EventLayout.textsAt), at: EventLayout.endsAt + 2 * field.rawValue)
    }

    /// Appends whole characters of at most `bytesMax` bytes; returns how many bytes it were.
    @inline(__always)
    private mutating func append(_ text: borrowing String, bytesMax: Int) -> Int {
        var length = text.utf8.count
        guard length > 0 else { return 0 }
        var isClipped = false
        let (target, start) = (self.target, count)
        let copied: Void? = text.utf8.withContiguousStorageIfAvailable { source in
            if length > bytesMax {
                length = bytesMax
                isClipped = true
                while length > 0, source[length] & 0xC0 == 0x80 { length -= 1 }
            }
            guard let from = source.baseAddress, let to = target.baseAddress else { return }
            memcpy(to + start, from, length)
        }
        if copied == nil { length = 0 }
        if isClipped { sections.insert(.clipped) }
        count += length
        return length
    }

    @inline(__always)
    private func put(_ value: UInt64, _ number: EventLayout.Number) { put(value, at: number.offset) }

    @inline(__always)
    private func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        target.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }
}
