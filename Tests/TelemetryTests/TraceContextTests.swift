import Telemetry
import TestSupport
import Testing

struct TraceContextTests {
    private static let whole = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    private func read(_ text: String) -> TraceContext? {
        let bytes = Array(text.utf8)
        return TraceContext(traceparent: bytes.span)
    }

    @Test func `the specification's own example is misread`() throws {
        let context = try #require(read(Self.whole))
        #expect(
            context
                == TraceContext(
                    traceHigh: 0x0af7_6519_16cd_43dd, traceLow: 0x8448_eb21_1c80_319c, span: 0xb7ad_6b71_6920_3331, isSampled: true))
        #expect(context.traceparent == Self.whole)
    }

    @Test(arguments: [
        "", "00", String(whole.dropLast()), whole + "0", whole + "-x", "ff" + whole.dropFirst(2), "0g" + whole.dropFirst(2),
        whole.uppercased(), "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01", " " + whole,
    ])
    func `a field that does not hold counts`(_ text: String) {
        #expect(read(text) == nil)
    }

    @Test func `a later version is refused, or what follows it is read`() {
        #expect(read("01" + Self.whole.dropFirst(2) + "-what") == read(Self.whole))
        #expect(read("cc" + Self.whole.dropFirst(2)) == read(Self.whole))
        #expect(read("cc" + Self.whole.dropFirst(2) + "x") == nil)
    }

    @Test func `another flag passes for sampled`() {
        #expect(read(Self.whole.dropLast(2) + "02")?.isSampled == false)
        #expect(read(Self.whole.dropLast(2) + "03")?.isSampled == true)
    }

    @Test func `random bytes trap, or what is written is not read back`() {
        var random = SplitMix64(seed: 7)
        let alphabet = Array("0123456789abcdefg-".utf8)
        for _ in 0..<20_000 {
            var bytes = Array(Self.whole.utf8)
            for _ in 0..<(random.next() % 4) { bytes[Int(random.next() % 55)] = alphabet[Int(random.next() % 18)] }
            if random.next() % 8 == 0 { bytes.removeLast(Int(random.next() % 55)) }
            guard let context = TraceContext(traceparent: bytes.span) else { continue }
            let written = Array(context.traceparent.utf8)
            #expect(TraceContext(traceparent: written.span) == context)
        }
    }
}
