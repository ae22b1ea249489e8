import GatewayModel
import JSON

/// What was said about a request after its end: kept beside its row, gone with it.
public struct LogPatch: Sendable, Equatable {
    /// -1 or 1; `nil` for none.
    public var feedback: Int?
    /// 0 to 100; `nil` for none.
    public var score: Double?
    /// A flat JSON object as text, in place of the request's own; `nil` for no change.
    public var metadata: String?

    /// Nothing said.
    public init() {}

    var isEmpty: Bool { feedback == nil && score == nil && metadata == nil }

    /// What it takes in the store, roughly.
    var cost: Int { 64 + (metadata?.utf8.count ?? 0) }

    /// The bytes that are kept: feedback as a byte, whether there is a score, the score's bits, whether there is metadata, the text.
    var encoded: [UInt8] {
        var bytes: [UInt8] = [1, UInt8(bitPattern: Int8(clamping: feedback ?? 0)), score == nil ? 0 : 1, metadata == nil ? 0 : 1]
        bytes.append(littleEndian: (score ?? 0).bitPattern)
        if let metadata { bytes.append(contentsOf: metadata.utf8) }
        return bytes
    }

    init?(encoded bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 12, bytes.count <= 4096, bytes[0] == 1 else { return nil }
        let feedback = Int(Int8(bitPattern: bytes[1]))
        guard abs(feedback) <= 1 else { return nil }
        self.feedback = feedback == 0 ? nil : feedback
        let score = Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt64.self)))
        if bytes[2] == 1 {
            guard score >= 0, score <= 100 else { return nil }
            self.score = score
        }
        if bytes[3] == 1 { metadata = String(decoding: bytes[12...], as: UTF8.self) }
    }
}

/// A change of a `LogPatch`.
public struct LogChange: Sendable, Equatable {
    /// What becomes of one part.
    public enum Part<Value: Sendable & Equatable>: Sendable, Equatable {
        case keep, clear
        case set(Value)
    }

    /// -1 or 1.
    public var feedback: Part<Int> = .keep
    /// 0 to 100.
    public var score: Part<Double> = .keep
    /// A flat JSON object as text, at most 2 KiB.
    public var metadata: Part<String> = .keep

    /// Changes nothing.
    public init() {}

    /// Why it can't be made; `nil` where it can.
    public var problem: LogQueryError? {
        if case .set(let value) = feedback, value != 1, value != -1 { return LogQueryError("feedback", "is -1, 1 or null") }
        if case .set(let value) = score, !(value >= 0 && value <= 100) {
            return LogQueryError("score", "is a number from 0 to 100, or null")
        }
        if case .set(let text) = metadata {
            guard text.utf8.count <= EventLayout.Text.metadata.bytesMax else {
                return LogQueryError("metadata", "has more than 2048 bytes")
            }
            guard FlatObject.isValid(text) else { return LogQueryError("metadata", "is not a flat JSON object") }
        }
        return nil
    }

    func applied(to patch: LogPatch) -> LogPatch {
        var patch = patch
        switch feedback {
        case .keep: break
        case .clear: patch.feedback = nil
        case .set(let value): patch.feedback = value
        }
        switch score {
        case .keep: break
        case .clear: patch.score = nil
        case .set(let value): patch.score = value
        }
        switch metadata {
        case .keep: break
        case .clear: patch.metadata = "{}"
        case .set(let value): patch.metadata = value
        }
        return patch
    }
}
