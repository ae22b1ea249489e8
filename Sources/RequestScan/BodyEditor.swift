internal import JSON

/// One change to a body that was scanned.
public enum BodyEdit: Sendable, Equatable {
    /// Puts a string in the place of `model`'s value, or adds the member.
    case setModel(String)
    /// Puts a bool in the place of `stream`'s value, or adds the member.
    case setStream(Bool)
    /// Makes `stream_options.include_usage` true. A `stream_options` that is neither object nor null is left for the upstream to refuse.
    case includeUsage
    /// Takes a top-level member out: one of the scan's member ranges.
    case removeMember(Range<Int>)
    /// Keeps the embeddings items of these indices, in this order, and drops the others. An `input` that is a single item stays as it is.
    case keepEmbeddingItems([Int])
}

/// Applies edits to a body by copying everything else byte for byte: spacing, order, escapes and unknown fields stay the client's own.
public struct BodyEditor: Sendable {
    private struct Splice {
        var range: Range<Int>
        var text: [UInt8]
    }

    private var splices: [Splice] = []
    private var removals: [Range<Int>] = []
    /// Members to put first, already joined by commas.
    private var added: [UInt8] = []

    private init() {}

    /// The edited body. `scan` must be the scan of `body`, indices those of its items, and no edit may occur twice: else a trap or nonsense.
    public static func apply(_ edits: [BodyEdit], to body: Span<UInt8>, scan: RequestScan) -> [UInt8] {
        var output: [UInt8] = []
        append(edits, to: body, scan: scan, into: &output)
        return output
    }

    /// Appends the edited body to `output`, under the same conditions as `apply`.
    public static func append(_ edits: [BodyEdit], to body: Span<UInt8>, scan: RequestScan, into output: inout [UInt8]) {
        var editor = BodyEditor()
        for edit in edits { editor.prepare(edit, body, scan) }
        editor.prepareRemovals(body)
        editor.prepareAdded(scan)
        editor.write(body, into: &output)
    }

    // MARK: Edits

    private mutating func prepare(_ edit: BodyEdit, _ body: Span<UInt8>, _ scan: RequestScan) {
        switch edit {
        case .setModel(let name):
            var text: [UInt8] = []
            appendJSONString(name, to: &text)
            set("model", scan.modelRange, to: text)
        case .setStream(let isStream): set("stream", scan.streamRange, to: Array((isStream ? "true" : "false").utf8))
        case .includeUsage: includeUsage(body, scan)
        case .removeMember(let range): if !removals.contains(range) { removals.append(range) }
        case .keepEmbeddingItems(let indices): keep(indices, body, scan)
        }
    }

    private mutating func set(_ key: String, _ range: Range<Int>?, to text: [UInt8]) {
        if let range { splices.append(Splice(range: range, text: text)) } else { add(key, text) }
    }

    private mutating func add(_ key: String, _ text: [UInt8]) {
        if !added.isEmpty { added.append(0x2C) }
        appendJSONString(key, to: &added)
        added.append(0x3A)
        added.append(contentsOf: text)
    }

    private mutating func includeUsage(_ body: Span<UInt8>, _ scan: RequestScan) {
        if scan.includeUsage { return }
        if let range = scan.includeUsageRange {
            splices.append(Splice(range: range, text: Array("true".utf8)))
            return
        }
        guard let range = scan.streamOptionsRange else { return add("stream_options", Array(#"{"include_usage":true}"#.utf8)) }
        switch body[range.lowerBound] {
        case 0x7B:
            let inside = range.lowerBound + 1
            let isEmpty = body[Self.afterWhitespace(body, from: inside)] == 0x7D
            splices.append(
                Splice(range: inside..<inside, text: Array((isEmpty ? #""include_usage":true"# : #""include_usage":true,"#).utf8)))
        case 0x6E: splices.append(Splice(range: range, text: Array(#"{"include_usage":true}"#.utf8)))
        default: break
        }
    }

    private mutating func keep(_ indices: [Int], _ body: Span<UInt8>, _ scan: RequestScan) {
        guard scan.embeddingInput != .whole, let range = scan.embeddingInputRange, scan.embeddingItems != [range] else { return }
        var text: [UInt8] = [0x5B]
        for index in indices {
            if text.count > 1 { text.append(0x2C) }
            Self.copy(body, scan.embeddingItems[index], to: &text)
        }
        text.append(0x5D)
        splices.append(Splice(range: range, text: text))
    }

    // MARK: Members that go

    /// Neighbouring removals go as one, so that each comma goes exactly once: the one after the run, or at the object's end the one before.
    private mutating func prepareRemovals(_ body: Span<UInt8>) {
        let sorted = removals.sorted { $0.lowerBound < $1.lowerBound }
        var index = 0
        while index < sorted.count {
            let start = sorted[index].lowerBound
            var end = sorted[index].upperBound
            var next = Self.afterWhitespace(body, from: end)
            index += 1
            while index < sorted.count, body[next] == 0x2C, Self.afterWhitespace(body, from: next + 1) == sorted[index].lowerBound {
                end = sorted[index].upperBound
                next = Self.afterWhitespace(body, from: end)
                index += 1
            }
            splices.append(Splice(range: Self.withComma(body, start..<end, next: next), text: []))
        }
    }

    private static func withComma(_ body: Span<UInt8>, _ run: Range<Int>, next: Int) -> Range<Int> {
        if body[next] == 0x2C { return run.lowerBound..<next + 1 }
        var before = run.lowerBound
        while isWhitespace(body[before - 1]) { before -= 1 }
        return body[before - 1] == 0x2C ? before - 1..<run.upperBound : run
    }

    private mutating func prepareAdded(_ scan: RequestScan) {
        guard !added.isEmpty else { return }
        if scan.memberCount > removals.count { added.append(0x2C) }
        splices.append(Splice(range: scan.contentStart..<scan.contentStart, text: added))
    }

    // MARK: Output

    private mutating func write(_ body: Span<UInt8>, into output: inout [UInt8]) {
        // An insertion comes before a removal that starts at the same byte.
        splices.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        output.reserveCapacity(output.count + body.count + splices.reduce(0) { $0 + $1.text.count })
        var position = 0
        for splice in splices {
            // Edits of a member that is removed as well go with it.
            guard splice.range.lowerBound >= position else { continue }
            Self.copy(body, position..<splice.range.lowerBound, to: &output)
            output.append(contentsOf: splice.text)
            position = splice.range.upperBound
        }
        Self.copy(body, position..<body.count, to: &output)
    }

    private static func copy(_ body: Span<UInt8>, _ range: Range<Int>, to output: inout [UInt8]) {
        body.extracting(range).withUnsafeBufferPointer { output.append(contentsOf: $0) }
    }

    private static func afterWhitespace(_ body: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while isWhitespace(body[index]) { index += 1 }
        return index
    }

    private static func isWhitespace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
}
