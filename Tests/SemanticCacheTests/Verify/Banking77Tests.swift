// The replay of BANKING77 with real vectors: minutes in a release build, so only where WEIR_BANKING77_VECTORS names a file of them.
//   WEIR_BANKING77_VECTORS=… swift test -c release --filter Banking77
// WEIR_BANKING77_SEEDS chooses how many orders of the questions are tried.

import GatewayModel
import Glibc
import SemanticCache
import TestSupport
import Testing

@Suite(.enabled(if: getenv("WEIR_BANKING77_VECTORS") != nil), .serialized)
struct Banking77Tests {
    private func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    private func requests() throws -> [SimulatedRequest] {
        try #require(VectorFile.read(environment("WEIR_BANKING77_VECTORS") ?? ""))
    }

    private func run(_ rows: [SimulatedRequest], maxError: Double, judgeError: Double, guarded: Bool, seeds: Int, offset: Int = 0) throws
        -> [SemanticSimulation.Point]
    {
        try (1...seeds).map { seed in
            var order = SplitMix64(seed: UInt64(seed + offset))
            var simulation = SemanticSimulation(policy: SemanticPolicy(rule: .maxError(maxError)))
            simulation.seed = UInt64(seed + offset)
            simulation.judgeError = judgeError
            let shuffled = rows.shuffled(using: &order)
            guard guarded else { return try simulation.run(shuffled).total }
            var texts: [[UInt8]: GuardText] = [:]
            func prepared(_ text: Span<UInt8>) -> GuardText {
                let key = text.withUnsafeBufferPointer { Array($0) }
                if let known = texts[key] { return known }
                let new = GuardText(text)
                texts[key] = new
                return new
            }
            return try simulation.run(shuffled) { SemanticGuard.verdict(prepared($0), prepared($1)) }.total
        }
    }

    @Test func `the bound holds and hits come on bank questions`() throws {
        let rows = try requests()
        let seeds = environment("WEIR_BANKING77_SEEDS").flatMap { Int($0) } ?? 5
        let offset = environment("WEIR_BANKING77_OFFSET").flatMap { Int($0) } ?? 0
        let chosen = environment("WEIR_BANKING77_ROWS") ?? "off,on,mistaken"
        var runs = 0
        var broken = 0
        for (name, guarded, judgeError) in [("off", false, 0.0), ("on", true, 0.0), ("mistaken", false, 0.05)] where chosen.contains(name) {
            for bound in [0.005, 0.01, 0.02, 0.05] {
                let totals = try run(rows, maxError: bound, judgeError: judgeError, guarded: guarded, seeds: seeds, offset: offset)
                runs += totals.count
                broken += totals.count { $0.error > bound }
                let hits = totals.map(\.hitRate).reduce(0, +) / Double(totals.count)
                let error = totals.map(\.error).reduce(0, +) / Double(totals.count)
                let each = totals.map { "\(percent($0.hitRate))@\(percent($0.error))" }.joined(separator: " ")
                print(
                    "guard \(name), bound \(percent(bound)): hits \(percent(hits)), error \(percent(error)), audits \(totals[0].audits), gated \(totals[0].gated): \(each)"
                )
                if name == "off", bound == 0.01 { #expect(hits >= 0.45) }
                if name == "off", bound == 0.02 { #expect(hits >= 0.55) }
                if name == "on", bound == 0.01 { #expect(hits >= 0.38) }
                if name == "on", bound == 0.02 { #expect(hits >= 0.47) }
            }
        }
        #expect(Double(broken) <= 0.05 * Double(runs))
    }

    private func percent(_ share: Double) -> String {
        let hundredths = Int((share * 10_000).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}
