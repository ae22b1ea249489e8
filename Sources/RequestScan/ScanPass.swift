// One pass over a body: checks the grammar, writes the canonical form, and tells ScanFields.swift what stands where. Recursive descent, the
// depth bounded by ScanLimits. Everything here runs once per token, so it works on raw memory: every read is preceded by a check against
// `end`, and the buffers grow by themselves.

internal import GatewayModel
internal import JSON

/// What a scanned value turned out to be.
enum ValueKind: UInt8 { case null, `false`, `true`, number, string, emptyArray, array, object }

/// The state of one pass.
struct ScanPass {
    /// Objects up to this size have their keys compared pairwise as they come; larger ones are sorted at their end.
    static let pairwiseMembersMax = 16

    let base: UnsafePointer<UInt8>
    let end: Int
    let operation: Operation
    let limits: ScanLimits
    let names: FieldNames
    var canonical: CanonicalForm
    var members: ScratchBuffer<MemberRecord>
    var position = 0
    var found = RequestScan()
    var items = EmbeddingItems()
    private var depth = 0
    private var memberTotal = 0

    init(count: Int, base: UnsafePointer<UInt8>, operation: Operation, limits: ScanLimits, scratch: RequestScanScratch) {
        self.base = base
        self.end = count
        self.operation = operation
        self.limits = limits
        names = scratch.names
        canonical = scratch.canonical
        members = scratch.members
    }

    /// The whole body. Leaves the records of its own members in `members`.
    mutating func document() throws(ScanError) {
        if end >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF { throw .byteOrderMark }
        skipWhitespace()
        guard position < end else { throw .empty }
        guard base[position] == 0x7B else { throw .notAnObject(offset: position) }
        found.contentStart = position &+ 1
        try object(Scope(place: .root, isText: false))
        skipWhitespace()
        guard position == end else { throw .trailingBytes(offset: position) }
    }

    /// The value at `position`, which is not whitespace.
    mutating func value(_ scope: Scope) throws(ScanError) -> ValueKind {
        guard position < end else { throw .truncated(offset: position) }
        switch base[position] {
        case 0x22:
            let characters = try string(isKey: false)
            if scope.isText { found.inputCharacters &+= characters }
            return .string
        case 0x7B:
            try object(scope.ofObject)
            return .object
        case 0x5B: return try array(scope)
        case 0x74: return try literal("true", CanonicalTag.true, .true)
        case 0x66: return try literal("false", CanonicalTag.false, .false)
        case 0x6E: return try literal("null", CanonicalTag.null, .null)
        case 0x2D, 0x30...0x39:
            try number()
            if scope.place.holdsTokens { found.inputCharacters &+= 4 }
            return .number
        default: throw .syntax(offset: position)
        }
    }

    // MARK: Containers

    private mutating func object(_ scope: Scope) throws(ScanError) {
        try enter()
        let firstMember = members.count
        var notes = ObjectNotes(charactersBefore: found.inputCharacters)
        canonical.append(CanonicalTag.objectStart)
        let start = canonical.mark
        skipWhitespace()
        if position < end, base[position] == 0x7D {
            position &+= 1
        } else {
            repeat { try member(of: scope, firstMember: firstMember, &notes) } while try continues(until: 0x7D)
        }
        try finish(scope, firstMember: firstMember, from: start)
        note(endOf: scope, notes)
        canonical.append(CanonicalTag.objectEnd)
        depth &-= 1
    }

    private mutating func member(of scope: Scope, firstMember: Int, _ notes: inout ObjectNotes) throws(ScanError) {
        guard position < end else { throw .truncated(offset: position) }
        guard base[position] == 0x22 else { throw .syntax(offset: position) }
        let index = members.count
        let record = try key(firstMember: firstMember)
        skipWhitespace()
        guard position < end else { throw .truncated(offset: position) }
        guard base[position] == 0x3A else { throw .syntax(offset: position) }
        position &+= 1
        skipWhitespace()
        let start = position
        if scope.place == .opaque {
            _ = try value(scope)
        } else {
            let field = names.field(of: canonical.bytes.base + record.keyStart, count: record.keyLength, prefix: record.prefix)
            let kind = try value(inner(of: scope, field))
            members.base[index].end = canonical.mark
            if field != .unknown || scope.place == .tool {
                note(FieldValue(field: field, kind: kind, member: index, start: start), in: scope, &notes)
            }
        }
    }

    /// A member's key: into the canonical form and onto the records.
    private mutating func key(firstMember: Int) throws(ScanError) -> MemberRecord {
        let start = canonical.mark
        let offset = position
        memberTotal &+= 1
        guard memberTotal <= limits.members, members.count &- firstMember < limits.membersPerObject else {
            throw .tooManyMembers(offset: offset)
        }
        _ = try string(isKey: true)
        let keyStart = start.bytes &+ 1
        let length = canonical.bytes.count &- keyStart
        // Eight bytes from the key's start are inside the buffer, if not all initialised: those past the key are shifted out.
        canonical.reserve(8)
        var prefix = UnsafeRawPointer(canonical.bytes.base).loadUnaligned(fromByteOffset: keyStart, as: UInt64.self).bigEndian
        if length < 8 {
            let unused = UInt64(truncatingIfNeeded: 64 &- 8 &* length)
            prefix = (prefix >> unused) << unused
        }
        let record = MemberRecord(prefix: prefix, keyStart: keyStart, keyLength: length, start: start, end: start, offset: offset)
        if members.count &- firstMember < Self.pairwiseMembersMax {
            for index in firstMember..<members.count where members[index].hasSameKey(as: record, in: canonical.bytes.base) {
                throw .duplicateKey(offset: offset)
            }
        }
        members.append(record)
        return record
    }

    /// Duplicate keys of a large object, and the order of one that is normalised.
    private mutating func finish(_ scope: Scope, firstMember: Int, from start: CanonicalMark) throws(ScanError) {
        let count = members.count &- firstMember
        let isLarge = count > Self.pairwiseMembersMax
        let own = UnsafeMutableBufferPointer(start: members.base + firstMember, count: count)
        if isLarge || scope.place.sortsKeys {
            let moved = sortMembers(own, keys: canonical.bytes.base)
            if isLarge, let duplicate = duplicateKey(own, keys: canonical.bytes.base) { throw .duplicateKey(offset: duplicate) }
            if moved && scope.place.sortsKeys && scope.place != .root { canonical.reorder(own, from: start) }
        }
        if scope.place == .root { found.memberCount = count } else { members.truncate(to: firstMember) }
    }

    private mutating func array(_ scope: Scope) throws(ScanError) -> ValueKind {
        try enter()
        let inner = scope.ofElement
        canonical.append(CanonicalTag.arrayStart)
        skipWhitespace()
        var kind = ValueKind.emptyArray
        if position < end, base[position] == 0x5D {
            position &+= 1
        } else {
            kind = .array
            repeat {
                let start = position
                let element = try value(inner)
                if scope.place == .embeddingInput || scope.place == .embeddingItem { noteItem(element, from: start, in: scope.place) }
            } while try continues(until: 0x5D)
        }
        canonical.append(CanonicalTag.arrayEnd)
        depth &-= 1
        return kind
    }

    /// After a member or an element: true past a comma, false past the closing bracket.
    @inline(__always)
    private mutating func continues(until bracket: UInt8) throws(ScanError) -> Bool {
        skipWhitespace()
        guard position < end else { throw .truncated(offset: position) }
        let byte = base[position]
        guard byte == 0x2C || byte == bracket else { throw .syntax(offset: position) }
        position &+= 1
        guard byte == 0x2C else { return false }
        skipWhitespace()
        return true
    }

    private mutating func enter() throws(ScanError) {
        guard depth < limits.depth else { throw .tooDeep(offset: position) }
        depth &+= 1
        position &+= 1
    }

    @inline(__always)
    mutating func skipWhitespace() {
        while position < end {
            let byte = base[position]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position &+= 1
        }
    }

    private mutating func literal(_ word: StaticString, _ tag: UInt8, _ kind: ValueKind) throws(ScanError) -> ValueKind {
        for index in 0..<word.utf8CodeUnitCount {
            guard position < end else { throw .truncated(offset: position) }
            guard base[position] == word.utf8Start[index] else { throw .syntax(offset: position) }
            position &+= 1
        }
        canonical.append(tag)
        return kind
    }
}
