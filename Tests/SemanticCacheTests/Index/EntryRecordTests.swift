import GatewayModel
import Hashing
import TestSupport
import Testing

@testable import SemanticCache

@Suite struct EntryRecordTests {
    private func record(text: [UInt8] = Array("What is a weir?".utf8), tenant: String = "tenant-ü") throws -> EntryRecord {
        EntryRecord(
            id: 7, created: WallTime(milliseconds: -5), partition: named(3), answer: named(4), isAlias: true,
            owner: EntryOwner(tenant: tenant, keyID: "", model: "gpt/🙂"), text: text, encoder: .max,
            gate: try #require(QuantisedVector(codes: [1, -128, 127])),
            vector: try #require(QuantisedVector(codes: (0..<70).map { Int8($0 - 35) })))
    }

    private func read(_ bytes: [UInt8]) -> EntryRecord? { EntryRecord(bytes.span) }

    @Test func `a record changes on its way to the disk and back`() throws {
        let rich = try record()
        #expect(read(try #require(rich.encoded())) == rich)
        var plain = try record(text: [], tenant: "")
        plain.isAlias = false
        #expect(read(try #require(plain.encoded())) == plain)
    }

    @Test func `a name or text at its limit is refused, or one beyond it stored`() throws {
        let longest = String(repeating: "n", count: EntryRecord.nameBytesMax)
        let kept = try record(tenant: longest)
        #expect(read(try #require(kept.encoded())) == kept)
        #expect(try record(tenant: longest + "n").encoded() == nil)
        #expect(try record(text: [UInt8](repeating: 0x61, count: 1 << 20)).encoded() != nil)
        #expect(try record(text: [UInt8](repeating: 0x61, count: 1 << 20 + 1)).encoded() == nil)
    }

    @Test func `a truncated, longer or changed record is read`() throws {
        let bytes = try #require(try record().encoded())
        for length in 0..<bytes.count { #expect(read(Array(bytes[..<length])) == nil) }
        #expect(read(bytes + [0]) == nil)
        var random = SplitMix64(seed: 1)
        // Every byte counts, but for the unused bits of the flags.
        for place in bytes.indices where place != 6 && place != 7 {
            var changed = bytes
            changed[place] ^= UInt8(truncatingIfNeeded: 1 << (random.next() % 8))
            #expect(read(changed) == nil)
        }
    }

    @Test func `garbage under a right checksum traps`() throws {
        let bytes = try #require(try record().encoded())
        var random = SplitMix64(seed: 2)
        var read = 0
        for round in 0..<1500 {
            var changed = bytes
            for _ in 0..<1 + round % 3 {
                let from = round % 2 == 0 ? 104 : 16
                let place = from + Int(random.next() % UInt64(round % 2 == 0 ? 16 : bytes.count - 16))
                changed[place] = [0, 0xFF, UInt8(truncatingIfNeeded: random.next())][round % 3]
            }
            if round % 5 == 0 { changed.removeLast(Int(random.next() % UInt64(changed.count - 16))) }
            let checksum = xxh3(changed.span.extracting(16..<changed.count))
            for index in 0..<8 { changed[8 + index] = UInt8(truncatingIfNeeded: checksum >> UInt64(8 * index)) }
            guard let record = EntryRecord(changed.span) else { continue }
            read += 1
            #expect(record.vector.cosine(record.vector) > 0.99 && record.gate.norm > 0)
        }
        #expect(read > 100)
    }
}
