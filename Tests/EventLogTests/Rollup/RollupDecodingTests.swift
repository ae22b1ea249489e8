@testable import EventLog
import GatewayModel
import TestSupport
import Testing

/// What the readers of records do with bytes that no checksum has vouched for.
@Suite struct RollupDecodingTests {
    @Test func `a cell reads back as it was written`() {
        var random = SplitMix64(seed: 12)
        for count in [0, 1, 50] {
            var cell = RollupCell()
            for _ in 0..<count { cell.add(randomEvent(at: noon * 1000, &random)) }
            cell.counters[RollupMeasure.cost] = count == 1 ? .max : cell.counters[RollupMeasure.cost]
            let bytes = encoded(cell)
            let read = bytes.withUnsafeBufferPointer { RollupCell(encoded: $0) }
            #expect((0..<RollupCounters.count).allSatisfy { read?.counters[$0] == cell.counters[$0] } && read?.buckets == cell.buckets)
        }
    }

    @Test func `a cell with any byte changed, cut off or added is read or refused, never beyond its end`() {
        var random = SplitMix64(seed: 13)
        var cell = RollupCell()
        for _ in 0..<20 { cell.add(randomEvent(at: noon * 1000, &random)) }
        let sound = encoded(cell)
        var refused = 0
        for round in 0..<20_000 {
            var bytes = sound
            switch round % 4 {
            case 0: bytes = Array(bytes.prefix(Int(random.next() % UInt64(bytes.count))))
            case 1: bytes.append(UInt8(truncatingIfNeeded: random.next()))
            case 2: bytes = (0..<Int(random.next() % 40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            default: bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            if bytes.withUnsafeBufferPointer({ RollupCell(encoded: $0) }) == nil { refused += 1 }
        }
        // What is cut or longer is always refused.
        #expect(refused >= 10_000)
    }

    @Test func `labels with any byte changed or cut off are read or refused, never beyond their end`() {
        var random = SplitMix64(seed: 14)
        var sound: [UInt8] = []
        let fits = RollupLabels.write(event(at: noon, tenant: "acme", model: "größer"), bytesMax: 256, to: &sound)
        #expect(fits && sound.withUnsafeBufferPointer { RollupLabelView($0)?.minute } == noon)
        for length in 0..<sound.count { #expect(sound[..<length].withUnsafeBufferPointer { RollupLabelView($0) == nil }) }
        for _ in 0..<5000 {
            var bytes = sound
            bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            bytes.withUnsafeBufferPointer { key in
                guard let labels = RollupLabelView(key) else { return }
                #expect(labels.minute % 60 == 0 && (0..<4).reduce(17) { $0 + labels.texts[$1].count } == bytes.count)
            }
        }
    }

    @Test func `numbers read back as they were written, and an endless one ends`() {
        var bytes: [UInt8] = []
        let numbers: [UInt64] = [0, 127, 128, 16_383, 16_384, 1 << 52, .max]
        for number in numbers { bytes.append(number: number) }
        bytes.withUnsafeBufferPointer { bytes in
            var cursor = ByteCursor(bytes)
            #expect(numbers.map { _ in cursor.number() } == numbers && cursor.isAtEnd && !cursor.isFailed)
            #expect(cursor.number() == 0 && cursor.isFailed)
        }
        [UInt8](repeating: 0x80, count: 30).withUnsafeBufferPointer { bytes in
            var cursor = ByteCursor(bytes)
            #expect(cursor.number() == 0 && cursor.isFailed && cursor.slice(.max).isEmpty)
        }
    }

    @Test func `keys are numbered by their bytes, not by what Unicode takes for the same`() {
        var index = ByteKeyIndex()
        func insert(_ text: String, max: Int = .max) -> Int? {
            var text = text
            return text.withUTF8 { index.insert($0, max: max) }
        }
        #expect(insert("é") == 0 && insert("e\u{301}") == 1 && insert("") == 2 && insert("é") == 0)
        #expect(insert("new", max: 3) == nil && insert("", max: 3) == 2 && insert("new", max: 4) == 3)
        for number in 0..<1000 { #expect(insert("key \(number)") == number + 4) }
        for number in 0..<1000 { #expect(insert("key \(number)", max: 0) == number + 4) }
        index.removeAll()
        #expect(insert("é") == 0 && index.count == 1)
    }

    private func encoded(_ cell: RollupCell) -> [UInt8] {
        var bytes: [UInt8] = []
        var scratch: [UInt8] = []
        cell.encode(to: &bytes, scratch: &scratch)
        return bytes
    }
}
