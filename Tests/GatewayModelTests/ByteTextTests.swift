import GatewayModel
import Testing

@Suite struct ByteTextTests {
    @Test(arguments: [0, 1, -1, 9, 10, 99, 100, -100, 1_000_000, .max, .min] as [Int64])
    func `a number is written with all its digits`(number: Int64) {
        var bytes: [UInt8] = []
        bytes.append(decimal: number)
        #expect(String(decoding: bytes, as: UTF8.self) == String(number))
    }

    @Test(arguments: [0, 9, 10, UInt64(Int64.max) + 1, .max - 1, .max] as [UInt64])
    func `a number beyond the signed ones is written with all its digits`(number: UInt64) {
        var bytes: [UInt8] = []
        bytes.append(decimal: number)
        #expect(String(decoding: bytes, as: UTF8.self) == String(number))
    }

    @Test(
        arguments: [(0, "0.000"), (999, "0.000"), (1000, "0.001"), (1_234_567, "1.234"), (60_000_000_000, "60000.000")]
            as [(UInt64, String)])
    func `milliseconds keep three decimals`(nanoseconds: UInt64, text: String) {
        var bytes: [UInt8] = []
        bytes.append(millisecondsFromNanoseconds: nanoseconds)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }
}
