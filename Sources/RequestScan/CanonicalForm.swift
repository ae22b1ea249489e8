// The canonical form of a body: what "the same request" means. It is part of the cache key's format; a change needs a new format version.
//
// It is a sequence of tokens, each introduced by one byte that cannot occur in UTF-8 (RFC 3629 uses no byte above 0xF4), so every token's end
// is unambiguous without a length in front, and no two different documents share a form:
//
//     F5 null   F6 false   F7 true   FC number's text   FD string's UTF-8, escapes decoded
//     F8 key value key value ... F9   object            FA value value ... FB   array
//
// Members are in the order of the text, except those of the body's own object, of message objects and of their content parts (two levels):
// these are sorted by (length of the key, bytes of the key). Everything else is verbatim: tools, schemas and tool arguments may change the
// answer with their order. Numbers keep their text: 1.0 is not 1.
//
// The form is written while the body is scanned. A long run of string bytes without escapes is not copied: it is noted with its place and
// hashed from the body later, so that a large prompt costs no second copy of itself.

internal import GatewayModel
internal import Hashing

/// The bytes that introduce canonical tokens.
enum CanonicalTag {
    static let null: UInt8 = 0xF5
    static let `false`: UInt8 = 0xF6
    static let `true`: UInt8 = 0xF7
    static let objectStart: UInt8 = 0xF8
    static let objectEnd: UInt8 = 0xF9
    static let arrayStart: UInt8 = 0xFA
    static let arrayEnd: UInt8 = 0xFB
    static let number: UInt8 = 0xFC
    static let string: UInt8 = 0xFD
}

/// A run of body bytes that belongs at a position of the canonical bytes.
struct CanonicalRun: BitwiseCopyable {
    var position: Int
    var start: Int
    var count: Int
}

/// A position in the canonical form: so many copied bytes, so many runs before it.
struct CanonicalMark: BitwiseCopyable {
    var bytes: Int
    var runs: Int
}

/// The canonical form while it grows: copied bytes, and runs left in the body.
struct CanonicalForm {
    /// Runs shorter than this are copied: noting and hashing one apart costs about as much as copying so many bytes.
    static let runBytesMin = 1024

    private(set) var bytes = ScratchBuffer<UInt8>(capacity: 4096)
    private(set) var runs = ScratchBuffer<CanonicalRun>(capacity: 16)
    /// Where reordered members are assembled.
    private var spare = ScratchBuffer<UInt8>(capacity: 256)
    private var spareRuns = ScratchBuffer<CanonicalRun>(capacity: 4)

    var mark: CanonicalMark { CanonicalMark(bytes: bytes.count, runs: runs.count) }

    @inline(__always)
    mutating func append(_ tag: UInt8) { bytes.append(tag) }

    /// Makes sure that `count` bytes beyond the last may be read, whatever they hold.
    @inline(__always)
    mutating func reserve(_ count: Int) { bytes.reserve(count) }

    /// Copies `count` body bytes from `start`; the body ends at `limit`.
    @inline(__always)
    mutating func copy(_ body: UnsafePointer<UInt8>, from start: Int, count: Int, limit: Int) {
        if count <= 16, start &+ 16 <= limit {
            bytes.appendShort(body + start, count)
        } else {
            bytes.append(body + start, count)
        }
    }

    /// Notes a run of body bytes instead of copying it.
    mutating func refer(toBodyFrom start: Int, count: Int) {
        runs.append(CanonicalRun(position: bytes.count, start: start, count: count))
    }

    /// Puts the members of the object that was scanned last, `first.form` to now, into the order of `members`.
    mutating func reorder(_ members: UnsafeMutableBufferPointer<MemberRecord>, from first: CanonicalMark) {
        spare.truncate(to: 0)
        spareRuns.truncate(to: 0)
        for member in members {
            let shift = first.bytes &+ spare.count &- member.start.bytes
            spare.append(bytes.base + member.start.bytes, member.end.bytes &- member.start.bytes)
            for index in member.start.runs..<member.end.runs {
                var run = runs[index]
                run.position &+= shift
                spareRuns.append(run)
            }
        }
        bytes.truncate(to: first.bytes)
        bytes.append(spare.base, spare.count)
        runs.truncate(to: first.runs)
        runs.append(spareRuns.base, spareRuns.count)
    }

    /// Feeds everything between two marks to `hash`.
    func hash(from start: CanonicalMark, to end: CanonicalMark, body: UnsafePointer<UInt8>, into hash: inout SHA256) {
        var position = start.bytes
        for index in start.runs..<end.runs {
            let run = runs[index]
            hash.update(UnsafeBufferPointer(start: bytes.base + position, count: run.position &- position).span)
            hash.update(UnsafeBufferPointer(start: body + run.start, count: run.count).span)
            position = run.position
        }
        hash.update(UnsafeBufferPointer(start: bytes.base + position, count: end.bytes &- position).span)
    }

    mutating func reset(retaining retained: Int) {
        bytes.reset(retaining: retained)
        spare.reset(retaining: retained)
        runs.reset(retaining: retained / MemoryLayout<CanonicalRun>.stride)
        spareRuns.reset(retaining: retained / MemoryLayout<CanonicalRun>.stride)
    }

    func release() {
        bytes.release()
        runs.release()
        spare.release()
        spareRuns.release()
    }
}
