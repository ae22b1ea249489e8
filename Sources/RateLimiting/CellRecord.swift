// The stored form of a cell, little-endian: version, kind, measure, ordinal (a byte each); scope kind, id; selector kind, text; value
// kind, value (a byte, then two bytes of length and the bytes); time of the record in ms, amount, burst, period, and the numbers of the
// state (eight bytes each, the numbers after a byte that counts them). The store adds a checksum. Reading trusts nothing.
import GatewayModel

/// A cell on its way to or from the store.
struct CellRecord: Equatable {
    static let version: UInt8 = 1

    var identity: SubjectIdentity
    var measure: LimitMeasure
    var ordinal: UInt8
    var parameters: CellParameters
    /// Civil time of the record.
    var savedAt: Int64
    var state: CellState

    /// Reads a cell; nil if nothing of it is recorded.
    init?(of cell: LimitCell, _ identity: SubjectIdentity, _ now: LimitTime) {
        guard let state = CellState(of: cell, now) else { return nil }
        self.identity = identity
        measure = cell.measure
        ordinal = cell.ordinal
        parameters = cell.parameters
        savedAt = now.milliseconds
        self.state = state
    }

    /// A cell as it would be now, had it gone on since.
    func makeCell(_ now: LimitTime) -> LimitCell {
        let cell = LimitCell(parameters, measure: measure, ordinal: ordinal, now: now)
        let (elapsed, overflow) = now.milliseconds.subtractingReportingOverflow(savedAt)
        state.apply(to: cell, elapsed: overflow ? 0 : max(0, elapsed), now)
        cell.isRecorded.store(true, ordering: .relaxed)
        return cell
    }

    // MARK: Writing

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160)
        bytes.append(CellRecord.version)
        bytes.append(parameters.kind.rawValue)
        bytes.append(CellRecord.code(of: measure))
        bytes.append(ordinal)
        let scopeKind: UInt8 =
            switch identity.scope {
            case .key: 1
            case .tenant: 2
            case .route: 3
            }
        CellRecord.append(scopeKind, identity.scope.id.utf8, to: &bytes)
        switch identity.selector {
        case .all: CellRecord.append(0, [], to: &bytes)
        case .model(let pattern): CellRecord.append(1, pattern.utf8, to: &bytes)
        case .metadata(let name): CellRecord.append(2, name.utf8, to: &bytes)
        }
        switch identity.value {
        case nil: CellRecord.append(0, [], to: &bytes)
        case .absent: CellRecord.append(1, [], to: &bytes)
        case .overflow: CellRecord.append(2, [], to: &bytes)
        case .value(let value): CellRecord.append(3, value, to: &bytes)
        }
        for number in [savedAt, parameters.amount, parameters.burst, parameters.period] { CellRecord.append(number, to: &bytes) }
        bytes.append(UInt8(state.numbers.count))
        for number in state.numbers { CellRecord.append(number, to: &bytes) }
        return bytes
    }

    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func append(_ kind: UInt8, _ text: some Collection<UInt8>, to bytes: inout [UInt8]) {
        let count = min(text.count, Int(UInt16.max))
        bytes.append(kind)
        bytes.append(UInt8(count & 0xFF))
        bytes.append(UInt8(count >> 8))
        bytes.append(contentsOf: text.prefix(count))
    }

    private static func code(of measure: LimitMeasure) -> UInt8 {
        switch measure {
        case .requests: 1
        case .hits: 2
        case .tokens: 3
        case .inputTokens: 4
        case .outputTokens: 5
        case .cost: 6
        case .concurrency: 7
        }
    }

    // MARK: Reading

    /// Reads what `bytes` wrote; nil for anything else.
    init?(_ bytes: [UInt8]) {
        var reader = RecordReader(bytes)
        guard reader.byte() == CellRecord.version, let kind = reader.byte().flatMap(CellParameters.Kind.init(rawValue:)),
            let code = reader.byte(), let measure = LimitMeasure.allCases.first(where: { CellRecord.code(of: $0) == code }),
            let ordinal = reader.byte(),
            let identity = reader.identity(), let savedAt = reader.number(), let amount = reader.number(), let burst = reader.number(),
            let period = reader.number(), let count = reader.byte(), Int(count) == CellState.count(of: kind)
        else { return nil }
        var numbers: [Int64] = []
        for _ in 0..<count {
            guard let number = reader.number() else { return nil }
            numbers.append(number)
        }
        let isFitting = kind == .level ? measure.isMetered : kind == .interval ? measure == .requests || measure == .hits : kind.isBudget
        guard reader.isAtEnd, isFitting, measure != .concurrency else { return nil }
        self.identity = identity
        self.measure = measure
        self.ordinal = ordinal
        parameters = CellParameters(kind: kind, amount: amount, burst: burst, period: period)
        self.savedAt = savedAt
        state = CellState(numbers: numbers)
    }
}

/// Reads the parts of a record; each is nil when the bytes do not have it.
private struct RecordReader {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func byte() -> UInt8? {
        guard offset < bytes.count else { return nil }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func number() -> Int64? {
        guard bytes.count - offset >= 8 else { return nil }
        var value: UInt64 = 0
        for index in 0..<8 { value |= UInt64(bytes[offset + index]) << UInt64(8 * index) }
        offset += 8
        return Int64(bitPattern: value)
    }

    private mutating func text() -> (kind: UInt8, bytes: [UInt8])? {
        guard let kind = byte(), let low = byte(), let high = byte() else { return nil }
        let count = Int(low) | Int(high) << 8
        guard bytes.count - offset >= count else { return nil }
        defer { offset += count }
        return (kind, Array(bytes[offset..<offset + count]))
    }

    mutating func identity() -> SubjectIdentity? {
        guard let scopePart = text(), let id = String(validating: scopePart.bytes, as: UTF8.self), let selectorPart = text(),
            let name = String(validating: selectorPart.bytes, as: UTF8.self), let valuePart = text()
        else { return nil }
        let scope: LimitScope
        switch scopePart.kind {
        case 1: scope = .key(id)
        case 2: scope = .tenant(id)
        case 3: scope = .route(id)
        default: return nil
        }
        switch (selectorPart.kind, valuePart.kind) {
        case (0, 0): return SubjectIdentity(scope: scope, selector: .all)
        case (1, 0): return SubjectIdentity(scope: scope, selector: .model(name))
        case (2, 1): return SubjectIdentity(scope: scope, selector: .metadata(name), value: .absent)
        case (2, 2): return SubjectIdentity(scope: scope, selector: .metadata(name), value: .overflow)
        case (2, 3) where valuePart.bytes.count <= MetadataFamily.valueBytesMax:
            return SubjectIdentity(scope: scope, selector: .metadata(name), value: .value(valuePart.bytes))
        default: return nil
        }
    }
}
