// Rows of recorded traffic with their bodies (`GET /logs/export?payloads=true`), as far as the semantic cache could have had to do with them.

import GatewayModel
import GatewayServer
import Hashing
import JSON
import Providers
import RequestScan
import SemanticCache

/// A request that the semantic cache would have been asked about.
struct SemanticRow {
    var createdAt: WallTime
    var tenant: String
    /// The last user message, UTF-8.
    var text: [UInt8]
    /// Of everything else.
    var partition: Digest256
    /// The words of the answer, UTF-8.
    var answer: [UInt8]
    /// What it cost, in USD.
    var cost: Double
    /// What is left to say about its eligibility is the text's length in tokens.
    var eligibility: Eligibility

    /// What became of a line that is no such request.
    enum Other: String, CaseIterable, Error {
        /// Not a JSON object, or without a time.
        case unreadable
        /// Another operation, an operator's action, a request that failed.
        case other = "other_rows"
        /// A body is missing or was cut off.
        case withoutPayload = "without_payload"
        /// Answered from the exact cache: the semantic cache was not asked.
        case exactHit = "exact_hits"
        /// Answered from the semantic cache: what a fresh answer would have been is not known.
        case semanticHit = "semantic_hits"
        /// The conversation does not end with the user's words, or the answer is not a text.
        case notText = "not_text"
    }

    /// Reads a line.
    init(_ line: [UInt8], _ scanner: inout RequestScanner) throws(Other) {
        guard let row = try? JSONValue(parsing: line.span), case .object = row else {
            throw .unreadable
        }
        let fields = RowFields(row)
        guard let created = fields.time("created_at") else { throw .unreadable }
        let operation = Operation.allCases.first { $0.name == fields.text("operation") }
        guard let operation, operation.kind == .generate, (fields.amount("status_code") ?? 0) == 200, !fields.flag("audit") else {
            throw .other
        }
        switch fields.text("cache_layer") {
        case "exact", "stale", "collapsed": throw .exactHit
        case "semantic": throw .semanticHit
        default: break
        }
        guard let request = Self.body("request", row), let response = Self.body("response", row) else { throw .withoutPayload }
        guard let part = SemanticPart.read(request.span, operation: operation),
            let answer = AnswerText.read(response.span, operation: operation, isStream: fields.flag("stream"))
        else { throw .notText }
        (createdAt, tenant, text, self.answer) = (created, fields.text("tenant") ?? "", part.text, answer)
        cost = row["cost"]?.doubleValue ?? 0
        partition = try Self.partition(part, fields, operation, &scanner)
        eligibility = try Self.eligibility(part, request, operation, &scanner)
    }

    private static func body(_ name: String, _ row: JSONValue) -> [UInt8]? {
        guard row[name + "_truncated"]?.boolValue != true else { return nil }
        switch row[name] {
        case .string(let text)?: return Array(text.utf8)
        case .object(let object)?:
            var bytes: [UInt8] = []
            JSONValue.object(object).write(to: &bytes)
            return bytes
        default: return nil
        }
    }

    /// Tenant, target, operation and everything but the text, as the gateway divides its index.
    private static func partition(
        _ part: SemanticPart, _ fields: RowFields, _ operation: Operation, _ scanner: inout RequestScanner
    ) throws(Other) -> Digest256 {
        do throws(ScanError) {
            let rest = try scanner.scan(part.rest.span, operation: operation)
            var digest = SHA256()
            for name in ["tenant", "provider", "model"] { digest.update(Array("\(fields.text(name) ?? "")\n".utf8).span) }
            digest.update([operation.rawValue].span)
            digest.update((rest.restDigest ?? rest.bodyDigest).bytes.span)
            return digest.finalize()
        } catch {
            throw .other
        }
    }

    private static func eligibility(
        _ part: SemanticPart, _ request: [UInt8], _ operation: Operation, _ scanner: inout RequestScanner
    ) throws(Other) -> Eligibility {
        do throws(ScanError) {
            let scan = try scanner.scan(request.span, operation: operation)
            // Longer than any answer to a question of today may be kept.
            return Eligibility(part, scan, ttlSeconds: .max)
        } catch {
            throw .other
        }
    }
}
