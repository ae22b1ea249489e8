import Glibc
import SemanticCache

/// Pairs of texts from a tab-separated file beside the tests. A third of them, by a hash of the pair, is held out: the rules were written
/// looking at the others only.
struct PairFile {
    struct Pair {
        var kind: String
        var left: String
        var right: String

        /// Fowler, Noll, Vo: FNV-1a, 64 bits, of both texts.
        var isHeldOut: Bool {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in (left + "\t" + right).utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            return (hash >> 32) % 3 == 0
        }

        func verdict(_ rules: GuardRules = .all) -> GuardVerdict { SemanticGuard.verdict(GuardText(left), GuardText(right), rules: rules) }
    }

    var pairs: [Pair]

    init(_ name: String) {
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        var bytes: [UInt8] = []
        if let file = fopen("/\(folder)/Fixtures/\(name)", "r") {
            var block = [UInt8](repeating: 0, count: 65_536)
            while case let count = fread(&block, 1, block.count, file), count > 0 { bytes += block[..<count] }
            fclose(file)
        }
        pairs = String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
            let fields = line.split(separator: "\t").map(String.init)
            guard !line.hasPrefix("#"), fields.count >= 2 else { return nil }
            return Pair(kind: fields.count > 2 ? fields[0] : "", left: fields[fields.count - 2], right: fields[fields.count - 1])
        }
    }
}
