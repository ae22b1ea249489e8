/// Finds what a misspelt name was probably meant to be.
public enum NearestName {
    /// The candidate at the smallest edit distance, if that is at most a third of the name's length (and at least 1 is allowed); else the
    /// first that the name is the beginning of.
    public static func of(_ name: String, among candidates: [String]) -> String? {
        guard name.utf8.count <= 64 else { return nil }
        let allowed = max(1, name.utf8.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let distance = editDistance(Array(name.utf8), Array(candidate.utf8))
            if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name ?? candidates.first { name.utf8.count >= 3 && $0.hasPrefix(name) }
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    public static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before: [Int] = []
        var previous = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let cost = left[row] == right[column] ? 0 : 1
                var best = min(previous[column] + cost, previous[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, before[column - 1] + 1)
                }
                current.append(best)
            }
            before = previous
            previous = current
        }
        return previous[right.count]
    }
}
