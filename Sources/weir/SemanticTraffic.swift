import RequestScan
import SemanticCache

/// Recorded traffic, ready to be replayed.
struct SemanticTraffic {
    /// What the semantic cache would have been asked, oldest first.
    private(set) var rows: [SemanticRow] = []
    /// How many lines were something else, and what.
    private(set) var others: [SemanticRow.Other: Int] = [:]
    /// How many requests were not eligible, and why.
    private(set) var ineligible: [IneligibleReason: Int] = [:]
    /// Lines with anything in them.
    private(set) var lines = 0

    /// A line with two bodies of a megabyte, each byte escaped.
    private static let lineBytesMax = 16 << 20

    /// Reads a file; `-` is standard input. Only one tenant's rows where one is named.
    init(path: String, tenant: String?, _ models: SemanticModels, _ words: GuardWords, _ progress: inout ProgressLine) throws {
        var reader = try LineReader(path: path, lineBytesMax: Self.lineBytesMax)
        var scanner = RequestScanner()
        while let line = try reader.next() {
            let (bytes, size) = (reader.bytesRead, reader.size)
            progress.note("reading: " + ProgressLine.share(lines: lines, bytes: bytes, of: size))
            guard case .text(let text) = line else {
                lines += 1
                others[.unreadable, default: 0] += 1
                continue
            }
            guard text.contains(where: { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 }) else { continue }
            lines += 1
            do throws(SemanticRow.Other) {
                let row = try SemanticRow(text, &scanner)
                if let tenant, row.tenant != tenant { throw .other }
                take(row, models, words)
            } catch {
                others[error, default: 0] += 1
            }
        }
        rows.sort { $0.createdAt < $1.createdAt }
        progress.end()
    }

    private mutating func take(_ row: SemanticRow, _ models: SemanticModels, _ words: GuardWords) {
        let limits = EligibilityLimits()
        var eligibility = row.eligibility
        eligibility.tokens = models.tokenCount(row.text, limit: limits.tokens + 1)
        if let reason = eligibility.reason(for: GuardText(row.text.span, words: words), limits: limits) {
            ineligible[reason, default: 0] += 1
        } else {
            rows.append(row)
        }
    }

    /// Requests that reached the semantic cache.
    var requests: Int { rows.count + ineligible.values.reduce(0, +) }
}
