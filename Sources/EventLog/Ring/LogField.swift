import GatewayModel

/// A field of a row as queries name it, and where its value is had from.
enum LogField: Sendable, Equatable {
    case text(EventLayout.Text)
    case name(Name)
    case number(Number)
    case flag(Flag)
    /// A member of the request's metadata.
    case metadata([UInt8])

    /// Texts that are not kept as texts.
    enum Name: String, Sendable, CaseIterable {
        case id
        case errorKind = "error_kind"
        case cacheLayer = "cache_layer"
        case cacheReason = "cache_reason"
        case traceID = "trace_id"
        case spanID = "span_id"
    }

    /// Numbers, in the unit that JSON shows them in.
    enum Number: String, Sendable, CaseIterable {
        case sequence
        case createdAt = "created_at"
        case status = "status_code"
        case duration
        case overhead = "overhead_us"
        case firstByte = "ttfb_ms"
        case tokensIn = "tokens_in"
        case tokensOut = "tokens_out"
        case tokensCached = "tokens_cached"
        case tokensSaved = "tokens_saved"
        case cost
        case costSaved = "cost_saved"
        case requestBytes = "request_size"
        case responseBytes = "response_size"
        case step
        case attempts
        case similarity
        case feedback
        case score
    }

    /// Truth values.
    enum Flag: String, Sendable, CaseIterable {
        case success, cached, stream, estimated, suspect, unpriced
        case customCost = "custom_cost"
        case hasRequest = "has_request"
        case hasResponse = "has_response"
        case audit
    }

    /// The field of that name; `nil` for none.
    init?(name: some StringProtocol) {
        if name.hasPrefix("metadata."), name.utf8.count > 9 {
            self = .metadata(Array(name.utf8.dropFirst(9)))
            return
        }
        guard let field = LogField.byName[String(name)] else { return nil }
        self = field
    }

    private static let byName: [String: LogField] = {
        var table: [String: LogField] = [:]
        for text in EventLayout.Text.allCases { table[text.fieldName] = .text(text) }
        for name in Name.allCases { table[name.rawValue] = .name(name) }
        for number in Number.allCases { table[number.rawValue] = .number(number) }
        for flag in Flag.allCases { table[flag.rawValue] = .flag(flag) }
        return table
    }()
}

extension EventLayout.Text {
    /// The name in JSON and queries.
    var fieldName: String {
        switch self {
        case .tenant: "tenant"
        case .keyID: "key_id"
        case .provider: "provider"
        case .model: "model"
        case .route: "route"
        case .operation: "operation"
        case .path: "path"
        case .eventID: "event_id"
        case .errorCode: "error_code"
        case .cacheStatus: "cache_status"
        case .finishReason: "finish_reason"
        case .metadata: "metadata"
        }
    }
}

/// A row in its surroundings: what a filter looks at.
struct RowContext {
    let row: RowView
    let sequence: UInt64
    /// Whether its payloads are still there.
    let hasPayloads: Bool
    let patch: LogPatch?

    /// `nil` where JSON says null.
    @inline(__always)
    func value(of number: LogField.Number) -> Double? {
        switch number {
        case .sequence: return Double(sequence)
        case .createdAt: return Double(row.createdAt)
        case .status: return Double(row.status)
        case .duration: return Double(row.number(.duration)) / 1000
        case .overhead: return Double(row.number(.overhead))
        case .firstByte:
            let microseconds = row.number(.firstByte)
            return microseconds == 0 ? nil : Double(microseconds) / 1000
        case .tokensIn: return Double(row.number(.tokensIn))
        case .tokensOut: return Double(row.number(.tokensOut))
        case .tokensCached: return Double(row.number(.tokensCached))
        case .tokensSaved: return Double(row.number(.tokensSaved))
        case .cost: return Double(row.number(.cost)) / 1e9
        case .costSaved: return Double(row.number(.costSaved)) / 1e9
        case .requestBytes: return Double(row.number(.requestBytes))
        case .responseBytes: return Double(row.number(.responseBytes))
        case .step: return Double(row.step)
        case .attempts: return Double(row.attemptCount)
        case .similarity:
            let similarity = row.similarity
            // As a reader sees it: the shortest decimal that is this Float.
            return similarity == 0 ? nil : Double(similarity.description)
        case .feedback: return patch?.feedback.map { Double($0) }
        case .score: return patch?.score
        }
    }

    @inline(__always)
    func value(of flag: LogField.Flag) -> Bool {
        switch flag {
        case .success: row.isSuccess
        case .cached: row.layer.isSaved
        case .stream: row.flags.contains(.stream)
        case .estimated: row.flags.contains(.estimated)
        case .suspect: row.flags.contains(.suspect)
        case .unpriced: row.flags.contains(.unpriced)
        case .customCost: row.flags.contains(.customCost)
        case .hasRequest: hasPayloads && row.sections.contains(.request)
        case .hasResponse: hasPayloads && row.sections.contains(.response)
        case .audit: row.flags.contains(.audit)
        }
    }

    /// Runs `body` with the text of a name.
    func withText<R>(of name: LogField.Name, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        var text: [UInt8] = []
        switch name {
        case .id: return EventText.withID(of: row, body)
        case .errorKind: return RowContext.withBytes(of: row.errorKind.name, body)
        case .cacheLayer: return RowContext.withBytes(of: row.layer.name, body)
        case .cacheReason: return RowContext.withBytes(of: row.cacheReason?.rawValue ?? "", body)
        case .traceID:
            if let trace = row.trace {
                EventText.append(hex: trace.traceHigh, to: &text)
                EventText.append(hex: trace.traceLow, to: &text)
            }
        case .spanID: if let trace = row.trace { EventText.append(hex: trace.span, to: &text) }
        }
        return text.withUnsafeBytes { body($0) }
    }

    private static func withBytes<R>(of name: String, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        var name = name
        return name.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }

    /// The metadata as it is shown: the operator's change in place of the request's own.
    func withMetadata<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        guard let changed = patch?.metadata else { return body(row.text(.metadata)) }
        return Array(changed.utf8).withUnsafeBytes { body($0) }
    }
}

/// Ids as text.
enum EventText {
    static func append(id row: RowView, to bytes: inout [UInt8]) {
        var id = RequestID(at: WallTime(milliseconds: 0), random: (0, 0))
        id.high = row.idHigh
        id.low = row.idLow
        id.append(to: &bytes)
    }

    /// The text of a row's id on the stack: a query may look for it in every row.
    static func withID<R>(of row: RowView, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        withUnsafeTemporaryAllocation(byteCount: 36, alignment: 1) { text in
            var at = 0
            for nibble in 0..<32 {
                if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
                    text[at] = 0x2D
                    at += 1
                }
                let word = nibble < 16 ? row.idHigh : row.idLow
                text[at] = hexDigit(UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (nibble & 15))) & 15)
                at += 1
            }
            return body(UnsafeRawBufferPointer(text))
        }
    }

    static func append(hex word: UInt64, to bytes: inout [UInt8]) {
        for shift in stride(from: UInt64(60), through: 0, by: -4) { bytes.append(hexDigit(UInt8(truncatingIfNeeded: word >> shift) & 15)) }
    }

    /// Reads the 36 characters of an id; `nil` for anything else.
    static func id(_ text: String) -> RequestID? {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (index, byte) in bytes.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == 0x2D else { return nil }
                continue
            }
            guard let digit = hexValue(of: byte) else { return nil }
            if digits < 16 { words.0 = words.0 << 4 | UInt64(digit) } else { words.1 = words.1 << 4 | UInt64(digit) }
            digits += 1
        }
        var id = RequestID(at: WallTime(milliseconds: 0), random: (0, 0))
        id.high = words.0
        id.low = words.1
        return id
    }
}
