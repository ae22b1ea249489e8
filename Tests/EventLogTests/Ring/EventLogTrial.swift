import GatewayModel
import TestSupport

@testable import EventLog

/// Bytes with damage, read in every way there is.
enum EventLogTrial {
    static func damagedBatch(_ random: inout SplitMix64) -> Int {
        var event = Sample.event(Int(random.next() % 100))
        if random.next() % 2 == 0 { event.request = .init(bytes: [1, 2, 3], fullLength: 9) }
        var bytes: [UInt8] = []
        event.append(to: &bytes)
        Sample.event(7).append(to: &bytes)
        damage(&bytes, &random)
        let batch = EventBatch(bytes: bytes)
        return batch.events.count
    }

    static func damagedBlock(_ random: inout SplitMix64) -> Int {
        let first = 1 + random.next() % 1000
        var builder = RingBlockBuilder(first: first)
        for number in 0..<(1 + random.next() % 5) {
            var batch = EventBatch()
            batch.append(Sample.event(Int(number)))
            batch.forEach { builder.append($0.row, sequence: first + number * 2) }
        }
        var bytes = builder.encoded
        damage(&bytes, &random)
        if random.next() % 2 == 0 { RingBlock.seal(&bytes) }
        return bytes.withUnsafeBytes { bytes in
            guard let view = RingBlockView(bytes), view.isWhole else { return 0 }
            var read = 0
            for index in 0..<view.info.present { if let found = view.row(index), found.row.event() != nil { read += 1 } }
            return read
        }
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
        for _ in 0..<(random.next() % 4) {
            switch random.next() % 4 {
            case 0: bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() % 8)
            case 2: bytes.removeLast(Int(random.next() % UInt64(bytes.count)))
            default: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: Int(random.next() % UInt64(bytes.count)))
            }
            if bytes.isEmpty { bytes = [0] }
        }
    }
}

extension EventLogTrial {
    /// Parses a text made of pieces of filters and matches a row with it. Returns whether it was one.
    static func filter(_ random: inout SplitMix64, _ now: WallTime) -> Bool {
        let pieces = [
            "tenant", "status_code", "metadata.user", "created_at", "success", "id", "trace_id", ".", "eq", "neq", "contains", "lt", "in",
            ":", "=",
            "|", ",", "1", "200", "true", "\u{0}", "é", "\"", "{", "-1e309", "15m", "cost", "metadata.", ".eq:", ".gte:", ".in:", "",
        ]
        let fields = ["tenant", "id", "metadata.user", "cost", "trace_id", "model", "metadata", "span_id"]
        let operators = LogCondition.Operator.allCases
        var text = ""
        if random.next() % 2 == 0 {
            text = fields[Int(random.next() % UInt64(fields.count))] + "."
            text += operators[Int(random.next() % UInt64(operators.count))].rawValue + ":"
        }
        for _ in 0..<(1 + random.next() % 8) { text += pieces[Int(random.next() % UInt64(pieces.count))] }
        return parse(text, now)
    }

    /// Parses any text as a filter, as a cursor and as a search, and matches rows with it. Returns whether it was a filter.
    static func parse(_ text: String, _ now: WallTime) -> Bool {
        _ = LogCursor(text)
        var filter = LogFilter()
        try? filter.search(text)
        do throws(LogQueryError) { try filter.add(text, now: now) } catch { return false }
        for number in [0, 3, 7] {
            var batch = EventBatch()
            batch.append(Sample.event(number))
            batch.forEach { _ = filter.matches(RowContext(row: $0.row, sequence: 1, hasPayloads: true, patch: nil)) }
        }
        _ = filter.fingerprint
        return true
    }
}
