import GatewayModel

/// A look at an encoded row where it lies: fields are read at their offsets, nothing is decoded before it is asked for.
///
/// Valid as long as the bytes; it does not leave the closure that lent them. The bytes may be anything: what does not hold makes no view.
struct RowView {
    let bytes: UnsafeRawBufferPointer

    /// `nil` unless the bytes have the head of a row and the texts lie within them in order.
    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= EventLayout.textsAt, bytes.count <= EventLayout.rowBytesMax, bytes[0] == EventLayout.version else {
            return nil
        }
        self.bytes = bytes
        var last = 0
        for index in 0..<EventLayout.Text.allCases.count {
            let end = Int(load(UInt16.self, EventLayout.endsAt + 2 * index))
            guard end >= last else { return nil }
            last = end
        }
        guard EventLayout.textsAt + last <= bytes.count else { return nil }
    }

    @inline(__always)
    func load<Value: FixedWidthInteger>(_ type: Value.Type, _ offset: Int) -> Value {
        Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }

    @inline(__always)
    func number(_ number: EventLayout.Number) -> UInt64 { load(UInt64.self, number.offset) }

    /// The bytes of a text.
    @inline(__always)
    func text(_ text: EventLayout.Text) -> UnsafeRawBufferPointer {
        let index = text.rawValue
        let start = index == 0 ? 0 : Int(load(UInt16.self, EventLayout.endsAt + 2 * (index - 1)))
        let end = Int(load(UInt16.self, EventLayout.endsAt + 2 * index))
        return UnsafeRawBufferPointer(rebasing: bytes[(EventLayout.textsAt + start)..<(EventLayout.textsAt + end)])
    }

    var sections: EventLayout.Sections { .init(rawValue: bytes[EventLayout.sectionsAt]) }
    var layer: GatewayEvent.CacheLayer { .init(rawValue: bytes[EventLayout.layerAt]) ?? .none }
    var errorKind: GatewayEvent.ErrorKind { .init(rawValue: bytes[EventLayout.errorKindAt]) ?? .none }
    var cacheReason: CacheReason? { CacheReason(storedCode: bytes[EventLayout.reasonAt]) }
    var flags: GatewayEvent.Flags { .init(rawValue: load(UInt16.self, EventLayout.flagsAt)) }
    var idHigh: UInt64 { load(UInt64.self, EventLayout.idHighAt) }
    var idLow: UInt64 { load(UInt64.self, EventLayout.idLowAt) }
    var createdAt: Int64 { load(Int64.self, EventLayout.createdAt) }
    var status: Int { Int(load(UInt16.self, EventLayout.statusAt)) }
    var step: Int { Int(load(UInt16.self, EventLayout.stepAt)) }
    var attemptCount: Int { Int(load(UInt32.self, EventLayout.attemptCountAt)) }
    var similarity: Float { Float(bitPattern: load(UInt32.self, EventLayout.similarityAt)) }
    var isSuccess: Bool { (200..<400).contains(status) && errorKind == .none }

    /// Whose drop would hurt how much.
    var dropClass: DropClass {
        if flags.contains(.audit) { return .audit }
        return isSuccess ? .success : .error
    }

    private var tailAt: Int {
        EventLayout.textsAt + Int(load(UInt16.self, EventLayout.endsAt + 2 * (EventLayout.Text.allCases.count - 1)))
    }

    /// The place in a trace; `nil` where there is none.
    var trace: GatewayEvent.Trace? {
        let start = tailAt
        guard sections.contains(.trace), start + EventLayout.traceBytes <= bytes.count else { return nil }
        return GatewayEvent.Trace(
            traceHigh: load(UInt64.self, start), traceLow: load(UInt64.self, start + 8), parentSpan: load(UInt64.self, start + 16),
            span: load(UInt64.self, start + 24), isSampled: bytes[start + 32] & 1 == 1)
    }

    /// The attempts; `nil` where they are not whole.
    var attempts: [GatewayEvent.Attempt]? {
        let described = Int(bytes[EventLayout.describedAt])
        guard described > 0 else { return [] }
        guard described <= EventLayout.attemptsMax else { return nil }
        var at = tailAt + (sections.contains(.trace) ? EventLayout.traceBytes : 0)
        var attempts: [GatewayEvent.Attempt] = []
        attempts.reserveCapacity(described)
        for _ in 0..<described {
            guard at + EventLayout.attemptBytes <= bytes.count else { return nil }
            let provider = Int(load(UInt16.self, at + 11))
            let model = Int(load(UInt16.self, at + 13))
            let failure = Int(load(UInt16.self, at + 15))
            let texts = at + EventLayout.attemptBytes
            let end = texts + provider + model + failure
            guard end <= bytes.count else { return nil }
            attempts.append(
                GatewayEvent.Attempt(
                    provider: string(texts, provider), model: string(texts + provider, model), status: Int(load(UInt16.self, at)),
                    failure: string(texts + provider + model, failure), microseconds: load(UInt64.self, at + 2),
                    isRepeat: bytes[at + 10] & 1 == 1))
            at = end
        }
        return attempts
    }

    /// A text as a string; bytes that are not UTF-8 become U+FFFD.
    func string(_ text: EventLayout.Text) -> String { String(decoding: self.text(text), as: UTF8.self) }

    private func string(_ start: Int, _ count: Int) -> String { String(decoding: bytes[start..<(start + count)], as: UTF8.self) }

    /// The event without its payloads; `nil` where its attempts or trace do not hold.
    func event() -> GatewayEvent? {
        var event = GatewayEvent(id: id, createdAt: WallTime(milliseconds: createdAt))
        guard readCounted(into: &event) else { return nil }
        event.keyID = string(.keyID)
        event.operation = string(.operation)
        event.path = string(.path)
        event.eventID = string(.eventID)
        event.errorCode = string(.errorCode)
        event.cacheStatus = string(.cacheStatus)
        event.finishReason = string(.finishReason)
        event.metadata = string(.metadata)
        return event
    }

    /// The request's id.
    var id: RequestID {
        var id = RequestID(at: WallTime(milliseconds: 0), random: (0, 0))
        id.high = idHigh
        id.low = idLow
        return id
    }

    /// Reads, of an event's texts, those alone that it is counted by, which saves most of the work. Returns `false` where attempts or trace do
    /// not hold.
    func readCounted(into event: inout GatewayEvent) -> Bool {
        guard let attempts else { return false }
        event.tenant = string(.tenant)
        event.provider = string(.provider)
        event.model = string(.model)
        event.route = string(.route)
        event.status = status
        event.errorKind = errorKind
        event.cacheLayer = layer
        event.cacheReason = cacheReason
        event.durationMicroseconds = number(.duration)
        event.overheadMicroseconds = number(.overhead)
        event.firstByteMicroseconds = number(.firstByte)
        event.tokensIn = number(.tokensIn)
        event.tokensOut = number(.tokensOut)
        event.tokensCached = number(.tokensCached)
        event.tokensSaved = number(.tokensSaved)
        event.costNanoUSD = number(.cost)
        event.costSavedNanoUSD = number(.costSaved)
        event.requestBytes = number(.requestBytes)
        event.responseBytes = number(.responseBytes)
        event.step = step
        event.attemptCount = attemptCount
        event.attempts = attempts
        event.similarity = similarity
        event.flags = flags
        event.trace = trace
        return true
    }
}

/// The classes in which dropped rows are counted; the further down, the longer a row is kept when the writer is behind.
public enum DropClass: Int, Sendable, CaseIterable {
    /// Requests that ended well.
    case success
    /// Requests that did not.
    case error
    /// Operators' actions.
    case audit

    /// The name in JSON and labels.
    public var name: String {
        switch self {
        case .success: "success"
        case .error: "error"
        case .audit: "audit"
        }
    }
}
