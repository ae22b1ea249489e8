import Hashing

/// Learning state as bytes: magic, version, checksum (XXH3-64 over all behind it), then everything little-endian. A restart goes on where it
/// stood; state of another version or with any damage is forgotten, which costs hits and never correctness.
extension ScopeLearner {
    static let magic: UInt32 = 0x314C_5857  // "WXL1"
    static let version: UInt32 = 1
    private static let headerLength = 16

    /// Everything that was learnt. About 32 bytes a remembered request: at most 440 KB.
    func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.add(Self.magic)
        bytes.add(Self.version)
        bytes.add(UInt64(0))
        for counter in counters.list { bytes.add(counter) }
        bytes.add(UInt32(labelsSinceFit))
        bytes.add(UInt8(isAlarmed ? 1 : 0))
        bytes.add(UInt8(model == nil ? 0 : 1))
        for model in [model, halves?.even, halves?.odd] {
            for index in 0..<LogisticModel.size { bytes.add((model?.coefficients[index] ?? 0).bitPattern) }
        }
        bytes.add(UInt32(calibrations.count))
        for (bound, calibration) in calibrations.sorted(by: { $0.key < $1.key }) {
            bytes.add(UInt8(calibration.threshold == nil ? 0 : 1))
            for number in [bound, calibration.threshold ?? 0, calibration.estimate, calibration.upper, calibration.meanSpread] {
                bytes.add(number.bitPattern)
            }
        }
        bytes.add(UInt32(auditLog.outcomes.count))
        for outcome in auditLog.outcomes {
            bytes.add(outcome.ordinal)
            bytes.add(outcome.weight.bitPattern)
            bytes.add(UInt8(outcome.isWrong ? 1 : 0))
        }
        bytes.add(UInt32(window.labels.count))
        for label in window.labels {
            bytes.add(label.features, label.ordinal)
            bytes.add(label.weight.bitPattern)
            bytes.add(UInt8(label.isRight ? 1 : 0))
        }
        bytes.add(UInt32(window.unjudged.count))
        for request in window.unjudged {
            bytes.add(request.features, request.ordinal)
            bytes.add(request.count.bitPattern)
        }
        let checksum = xxh3(bytes.span.extracting(Self.headerLength..<bytes.count))
        for index in 0..<8 { bytes[8 + index] = UInt8(truncatingIfNeeded: checksum >> UInt64(8 * index)) }
        return bytes
    }

    /// Reads what `encoded` wrote; `nil` for anything else.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes: bytes)
        guard reader.next(UInt32.self) == Self.magic, reader.next(UInt32.self) == Self.version, let checksum = reader.next(UInt64.self),
            xxh3(bytes.span.extracting(Self.headerLength..<bytes.count)) == checksum
        else { return nil }
        self.init()
        guard read(&reader), reader.isAtEnd else { return nil }
    }

    private mutating func read(_ reader: inout ByteReader) -> Bool {
        var list: [UInt64] = []
        for _ in 0..<Counters.count {
            // Half the range: counting on must not overflow.
            guard let counter = reader.next(UInt64.self), counter <= UInt64(Int64.max) else { return false }
            list.append(counter)
        }
        guard let labels = reader.next(UInt32.self), let alarm = reader.next(UInt8.self), let isFitted = reader.next(UInt8.self) else {
            return false
        }
        var models: [LogisticModel] = []
        for _ in 0..<3 {
            var coefficients: [Double] = []
            for _ in 0..<LogisticModel.size {
                guard let value = reader.double(), value.isFinite else { return false }
                coefficients.append(value)
            }
            models.append(LogisticModel(coefficients: coefficients))
        }
        guard let found = Self.readCalibrations(&reader), let audits = Self.readAudits(&reader), let window = Self.readWindow(&reader)
        else {
            return false
        }
        restore(
            counters: Counters(list: list), labelsSinceFit: Int(labels), isAlarmed: alarm == 1, models: isFitted == 1 ? models : [],
            calibrations: found, audits: audits, window: window)
        return true
    }

    private static func readCalibrations(_ reader: inout ByteReader) -> [Double: Calibration]? {
        guard let count = reader.next(UInt32.self), count <= 64 else { return nil }
        var found: [Double: Calibration] = [:]
        for _ in 0..<count {
            guard let hasThreshold = reader.next(UInt8.self), let bound = reader.double(), let threshold = reader.double(),
                let estimate = reader.double(), let upper = reader.double(), let spread = reader.double(),
                [bound, threshold, estimate, upper, spread].allSatisfy(\.isFinite), spread > 0
            else { return nil }
            var calibration = Calibration.unknown
            calibration.threshold = hasThreshold == 1 ? threshold : nil
            calibration.estimate = estimate
            calibration.upper = upper
            calibration.meanSpread = spread
            found[bound] = calibration
        }
        return found
    }

    private static func readAudits(_ reader: inout ByteReader) -> AuditLog? {
        guard let count = reader.next(UInt32.self), count <= AuditLog.capacity else { return nil }
        var log = AuditLog()
        for _ in 0..<count {
            guard let ordinal = reader.next(UInt64.self), let weight = reader.float(), let wrong = reader.next(UInt8.self) else {
                return nil
            }
            log.add(AuditLog.Outcome(ordinal: ordinal, weight: weight, isWrong: wrong == 1))
        }
        return log
    }

    private static func readWindow(_ reader: inout ByteReader) -> LabelWindow? {
        guard let labelCount = reader.next(UInt32.self), labelCount <= LabelWindow.labelsMax * 2 else { return nil }
        var labels: [LabelWindow.Label] = []
        for _ in 0..<labelCount {
            guard let (features, ordinal) = reader.features(), let weight = reader.float(), let right = reader.next(UInt8.self) else {
                return nil
            }
            labels.append(LabelWindow.Label(features: features, weight: weight, ordinal: ordinal, isRight: right == 1))
        }
        guard let count = reader.next(UInt32.self), count <= LabelWindow.unjudgedMax * 2 else { return nil }
        var unjudged: [LabelWindow.Unjudged] = []
        for _ in 0..<count {
            guard let (features, ordinal) = reader.features(), let count = reader.float() else { return nil }
            unjudged.append(LabelWindow.Unjudged(features: features, ordinal: ordinal, count: count))
        }
        return LabelWindow(labels: labels, unjudged: unjudged)
    }
}

extension ScopeLearner.Counters {
    static let count = 9

    var list: [UInt64] {
        [requests, served, audits, auditsJudged, auditsWrong, explored, labels, wouldHaveServed, alarms]
    }

    /// From a list of `count`.
    init(list: [UInt64]) {
        self.init(
            requests: list[0], served: list[1], audits: list[2], auditsJudged: list[3], auditsWrong: list[4], explored: list[5],
            labels: list[6], wouldHaveServed: list[7], alarms: list[8])
    }
}

extension [UInt8] {
    fileprivate mutating func add(_ features: MatchFeatures, _ ordinal: UInt64) {
        add(ordinal)
        for number in [features.cosine, features.margin, features.gateCosine] { add(number.bitPattern) }
        add(UInt32(clamping: features.entries))
        add(UInt8(clamping: features.support))
        add(UInt8(clamping: features.blocked))
        add(UInt8(features.isExplored ? 1 : 0))
    }
}

/// Reads numbers from bytes, and knows where they end.
struct ByteReader {
    let bytes: [UInt8]
    private(set) var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    /// The next little-endian number; `nil` past the end.
    mutating func next<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
        let size = MemoryLayout<Number>.size
        guard bytes.count - at >= size else { return nil }
        defer { at += size }
        return bytes.withUnsafeBytes { $0.number(at, type) }
    }

    mutating func double() -> Double? { next(UInt64.self).map { Double(bitPattern: $0) } }

    /// A finite number.
    mutating func float() -> Float? {
        guard let value = next(UInt32.self).map({ Float(bitPattern: $0) }), value.isFinite else { return nil }
        return value
    }

    fileprivate mutating func features() -> (MatchFeatures, UInt64)? {
        guard let ordinal = next(UInt64.self), let cosine = float(), let margin = float(), let gate = float(),
            let entries = next(UInt32.self), let support = next(UInt8.self), let blocked = next(UInt8.self),
            let explored = next(UInt8.self)
        else { return nil }
        let features = MatchFeatures(
            cosine: cosine, margin: margin, support: Int(support), gateCosine: gate, entries: Int(entries), isExplored: explored == 1,
            blocked: Int(blocked))
        return (features, ordinal)
    }
}
