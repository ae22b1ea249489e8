import Glibc
import SemanticCache
import Testing

struct NearMissTests {
    @Test func `report`() {
        let show = getenv("SHOW") != nil
        for (name, good) in [("near-misses.tsv", GuardOutcome.block), ("paraphrases.tsv", .pass)] {
            for held in [false, true] {
                let pairs = PairFile(name).pairs.filter { $0.isHeldOut == held }
                var passed: [String: (Int, Int)] = [:]
                for pair in pairs {
                    let verdict = pair.verdict()
                    let passes = verdict.overall == .pass
                    passed[pair.kind, default: (0, 0)].0 += passes ? 1 : 0
                    passed[pair.kind, default: (0, 0)].1 += 1
                    if show, !held, passes != (good == .pass) {
                        print(
                            "\(name) \(pair.kind) | \(pair.left) | \(pair.right) | \(GuardRule.allCases.filter { verdict[$0] != .pass }.map { "\($0.rawValue)=\(verdict[$0])" }.joined(separator: " "))"
                        )
                    }
                }
                print(
                    name, held ? "held out" : "seen",
                    passed.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.0)/\($0.value.1)" }.joined(separator: ", "))
            }
        }
    }
}
