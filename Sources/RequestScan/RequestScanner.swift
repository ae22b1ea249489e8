public import GatewayModel
internal import Hashing

/// Scans JSON request bodies: one pass over the bytes, no document in memory, no string per key. One per loop; it keeps its scratch memory from
/// body to body, so a steady state allocates nothing (embedding batches: the list of items). Copies share the scratch: use them on one thread.
public struct RequestScanner {
    private let limits: ScanLimits
    private let scratch: RequestScanScratch

    /// Makes a scanner.
    public init(limits: ScanLimits = ScanLimits()) {
        self.limits = limits
        scratch = RequestScanScratch(memoBytesMax: limits.memoBytesMax)
    }

    /// Reads one whole body.
    ///
    /// Time is linear in the body's length (times the logarithm of an object's member count), whatever it holds. Throws for anything but one
    /// JSON object as RFC 8259 has it, and for what readers disagree about: duplicate keys, lone surrogates, numbers beyond a Double.
    ///
    /// A body that came before is compared with what it was then and not read again.
    public mutating func scan(_ body: Span<UInt8>, operation: Operation) throws(ScanError) -> RequestScan {
        try body.withUnsafeBufferPointer { (buffer) throws(ScanError) -> RequestScan in
            guard let place = scratch.memo.place(of: buffer) else { return try read(buffer, operation) }
            if let known = scratch.memo.scan(of: buffer, at: place, operation: operation) { return known }
            let found = try read(buffer, operation)
            scratch.memo.keep(found, of: buffer, at: place, operation: operation)
            return found
        }
    }

    private func read(_ body: UnsafeBufferPointer<UInt8>, _ operation: Operation) throws(ScanError) -> RequestScan {
        guard let base = body.baseAddress, !body.isEmpty else { throw .empty }
        var pass = ScanPass(count: body.count, base: base, operation: operation, limits: limits, scratch: scratch)
        defer { takeBack(&pass) }
        try pass.document()
        pass.found.bodyDigest = digest(of: pass)
        if operation == .embeddings { pass.found.restDigest = digest(of: pass, withoutInput: true) }
        if pass.found.hasHints { addDigestsWithoutHints(&pass) }
        return pass.found
    }

    /// The digest of one item of an embeddings `input`: SHA-256 of its canonical form. An item has the same digest alone and in a batch.
    ///
    /// `range` is one of `RequestScan.embeddingItems`, `body` the bytes that were scanned. Throws when the range holds no JSON value.
    public mutating func itemDigest(_ range: Range<Int>, in body: Span<UInt8>) throws(ScanError) -> Digest256 {
        guard range.lowerBound >= 0, range.upperBound <= body.count else { throw .truncated(offset: body.count) }
        return try body.withUnsafeBufferPointer { (buffer) throws(ScanError) -> Digest256 in
            guard let base = buffer.baseAddress, !range.isEmpty else { throw .empty }
            var pass = ScanPass(count: range.upperBound, base: base, operation: .other, limits: limits, scratch: scratch)
            defer { takeBack(&pass) }
            pass.position = range.lowerBound
            let start = pass.canonical.mark
            _ = try pass.value(Scope(place: .opaque, isText: false))
            guard pass.position == range.upperBound else { throw .trailingBytes(offset: pass.position) }
            var hash = SHA256()
            pass.canonical.hash(from: start, to: pass.canonical.mark, body: base, into: &hash)
            return hash.finalize()
        }
    }

    /// The pass had the scratch for itself and may have grown it.
    private func takeBack(_ pass: inout ScanPass) {
        pass.canonical.reset(retaining: limits.retainedBytes)
        pass.members.reset(retaining: limits.retainedBytes / MemoryLayout<MemberRecord>.stride)
        scratch.canonical = pass.canonical
        scratch.members = pass.members
    }

    /// Hashes the body once more: bodies with hints are few.
    @inline(never)
    private func addDigestsWithoutHints(_ pass: inout ScanPass) {
        pass.found.bodyDigestWithoutHints = digest(of: pass, withoutHints: true)
        if pass.operation == .embeddings { pass.found.restDigestWithoutHints = digest(of: pass, withoutInput: true, withoutHints: true) }
    }

    /// The digest of the body's members, which the pass left in canonical order.
    private func digest(of pass: borrowing ScanPass, withoutInput: Bool = false, withoutHints: Bool = false) -> Digest256 {
        var hash = SHA256()
        for index in 0..<pass.members.count {
            let member = pass.members[index]
            switch member.exclusion {
            case .none: break
            case .body: continue
            case .rest: if withoutInput { continue }
            case .hints: if withoutHints { continue }
            }
            pass.canonical.hash(from: member.start, to: member.end, body: pass.base, into: &hash)
        }
        return hash.finalize()
    }
}
