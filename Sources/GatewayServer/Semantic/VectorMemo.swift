import GatewayModel
import Hashing

/// Vectors of texts that were embedded lately: the same question with another system prompt, or from another tenant, costs no second run of the
/// model. A vector tells nothing that the text does not, and who asks has the text: nothing passes between tenants. Any thread.
///
/// Two generations: what was asked for since the older one was full is kept, the rest goes with it.
public final class VectorMemo: @unchecked Sendable {  // @unchecked: everything mutable is guarded by `lock`.
    private let lock = Lock()
    private let generationMax: Int
    private var young: [Digest256: [Float]] = [:]
    private var old: [Digest256: [Float]] = [:]

    /// `entriesMax`: texts remembered, rounded down to an even number; below 2, none.
    public init(entriesMax: Int) { generationMax = entriesMax / 2 }

    /// The vector of a text, if it is remembered.
    public func vector(of text: [UInt8]) -> [Float]? {
        guard generationMax > 0 else { return nil }
        let key = SHA256.digest(of: text.span)
        return lock.withLock {
            if let vector = young[key] { return vector }
            guard let vector = old[key] else { return nil }
            insert(vector, key)
            return vector
        }
    }

    /// Remembers a text's vector.
    public func remember(_ vector: [Float], of text: [UInt8]) {
        guard generationMax > 0 else { return }
        let key = SHA256.digest(of: text.span)
        lock.withLock { insert(vector, key) }
    }

    private func insert(_ vector: [Float], _ key: Digest256) {
        // One that is there already needs no room: others must not go for it.
        if young[key] == nil, young.count >= generationMax {
            old = young
            young = [:]
        }
        young[key] = vector
    }

    /// Texts remembered now.
    public var count: Int { lock.withLock { young.count + old.keys.count { young[$0] == nil } } }
}
