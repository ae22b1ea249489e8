import GatewayModel
import Glibc
import Hashing
import Testing

/// Timings, printed with WEIR_MEASURE=1 in a release build: `WEIR_MEASURE=1 swift test -c release --filter Measurements`.
@Suite(.enabled(if: getenv("WEIR_MEASURE") != nil)) struct HashingMeasurements {
    @Test func `nanoseconds per digest`() {
        for count in [64, 300, 16_384] {
            let message = [UInt8](repeating: 0x61, count: count)
            let rounds = 20_000_000 / (count + 200)
            var sink: UInt64 = 0
            let begin = MonotonicTime.now()
            for _ in 0..<rounds { sink &+= SHA256.digest(of: message.span).words.0 }
            let middle = MonotonicTime.now()
            for _ in 0..<rounds { sink &+= xxh3(message.span) }
            let end = MonotonicTime.now()
            let sha = Double(middle.nanoseconds(since: begin)) / Double(rounds)
            let xxh = Double(end.nanoseconds(since: middle)) / Double(rounds)
            print("measured: \(count) B  SHA-256 \(sha) ns (\(Double(count) / sha) GB/s)  XXH3 \(xxh) ns  [\(sink & 1)]")
        }
        let hmac = HMACSHA256(key: [UInt8](repeating: 7, count: 32).span)
        let key = [UInt8](repeating: 0x62, count: 46)
        var sink: UInt64 = 0
        let begin = MonotonicTime.now()
        for _ in 0..<200_000 { sink &+= hmac.authenticationCode(for: key.span).words.0 }
        print("measured: HMAC of 46 B \(Double(MonotonicTime.now().nanoseconds(since: begin)) / 200_000) ns  [\(sink & 1)]")
    }
}
