import GatewayModel
import Testing

@testable import RequestScan

/// What a scanner remembers of bodies must never be another body's.
@Suite struct ScanMemoTests {
    private func body(_ count: Int, _ mark: String = "") -> [UInt8] {
        let frame = #"{"model":"m","messages":[{"role":"user","content":""#
        let end = #""}],"temperature":0}"#
        let fill = String(repeating: "x", count: count - frame.utf8.count - end.utf8.count - mark.utf8.count)
        return Array((frame + mark + fill + end).utf8)
    }

    private func scan(_ scanner: inout RequestScanner, _ body: [UInt8], _ operation: Operation = .chatCompletions) throws -> RequestScan {
        try scanner.scan(body.span, operation: operation)
    }

    @Test func `a body that comes again and again is read as at first`() throws {
        var generator = DocumentGenerator(seed: 81)
        var remembering = RequestScanner()
        for _ in 0..<300 {
            let bytes = generator.spelling(ofBody: generator.body())
            var fresh = RequestScanner(limits: ScanLimits(memoBytesMax: 0))
            let expected = Result { try scan(&fresh, bytes) }
            for _ in 0..<4 {
                switch (Result { try scan(&remembering, bytes) }, expected) {
                case (.success(let found), .success(let wanted)): #expect(found == wanted)
                case (.failure, .failure): break
                default: Issue.record("\(String(decoding: bytes, as: UTF8.self))")
                }
            }
        }
    }

    @Test func `long bodies that differ only where the hash does not look are told apart`() throws {
        var scanner = RequestScanner()
        let one = body(64 << 10)
        var other = one
        other[2 << 10 + 100] = UInt8(ascii: "y")
        other[20_011] = UInt8(ascii: "y")
        let (first, second) = (try scan(&scanner, one).bodyDigest, try scan(&scanner, other).bodyDigest)
        #expect(first != second)
        for _ in 0..<6 {
            #expect(try scan(&scanner, one).bodyDigest == first)
            #expect(try scan(&scanner, other).bodyDigest == second)
        }
    }

    @Test func `the same bytes for another operation are read anew`() throws {
        var scanner = RequestScanner()
        let bytes = Array(#"{"model":"m","input":["a","b"]}"#.utf8)
        for _ in 0..<4 {
            #expect(try scan(&scanner, bytes, .embeddings).embeddingItems.count == 2)
            #expect(try scan(&scanner, bytes, .responses).embeddingItems.isEmpty)
        }
    }

    @Test func `a body is kept at its second sight, and what is kept stays within its bytes`() throws {
        let found = try {
            var scanner = RequestScanner(); return try scan(&scanner, body(200))
        }()
        var memo = ScanMemo(slots: 16, bytesMax: 4000)
        func see(_ bytes: [UInt8]) -> Bool? {
            bytes.withUnsafeBufferPointer { buffer in
                guard let place = memo.place(of: buffer) else { return nil }
                if memo.scan(of: buffer, at: place, operation: .other) != nil { return true }
                memo.keep(found, of: buffer, at: place, operation: .other)
                return false
            }
        }
        #expect([see(body(1000)), see(body(1000)), see(body(1000))] == [false, false, true])
        #expect(see(body(1001)) == nil)
        for number in 0..<200 {
            let bytes = body(900, "\(number)")
            _ = see(bytes)
            _ = see(bytes)
            #expect(see(bytes) == true)
            #expect(memo.bytes <= 4000)
        }
    }
}
