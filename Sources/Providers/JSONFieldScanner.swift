// Reads a few fields out of JSON without building a tree: every delta of every stream and every answer's body passes here. It is incremental
// (a body may be cut anywhere, memory stays constant) and exact about structure, so that "usage" inside a text is never taken for a field.

import GatewayModel

/// What gets the fields. Generic, so that the calls are direct.
protocol JSONFieldHandler {
    /// An object or array begins at a path.
    mutating func began(_ path: FieldPath, isObject: Bool)
    /// An object or array ended at a path.
    mutating func ended(_ path: FieldPath, isObject: Bool)
    /// A string: at most `JSONFieldScanner.captureMax` of its bytes, escapes decoded, for paths that are captured; else none. `characters`
    /// is its length in code points.
    mutating func string(_ path: FieldPath, _ text: Span<UInt8>, characters: Int)
    /// A number's text, for paths that are captured.
    mutating func number(_ path: FieldPath, _ text: Span<UInt8>)
    /// `true`, `false` or `null`.
    mutating func literal(_ path: FieldPath, isNull: Bool)
}

/// The names of the objects around a value, outermost first, eight bits each. Arrays leave no trace: `choices[1].index` is `choices.index`.
typealias FieldPath = UInt64

/// An incremental scanner over one JSON value.
struct JSONFieldScanner: Sendable {
    /// How far it got.
    enum Status: Sendable { case reading, complete, malformed }

    /// Most bytes of a string, key or number that are kept.
    static let captureMax = 128
    /// Most containers inside one another.
    static let depthMax = 64
    /// Most names in a path; values further in are skipped.
    private static let pathMax = 7

    private enum Expectation: UInt8, Sendable { case value, valueOrEnd, key, keyOrEnd, colon, commaOrEnd, nothing }
    private enum Token: UInt8, Sendable { case none, string, escape, unicode, number, literal }

    private(set) var status = Status.reading
    private var expectation = Expectation.value
    private var token = Token.none
    private var isKey = false
    private var isCaptured = false
    private var isCounted = false
    private var unicodeLeft = 0
    private var unicodeValue: UInt32 = 0
    private var characters = 0
    private var capture: [UInt8] = []

    /// The path of the value that is being read.
    private var path: FieldPath = 0
    /// How many names `path` would have; beyond `pathMax` it is `.max`.
    private var pathDepth = 0
    private var depth = 0
    /// One bit per container, innermost lowest: whether it is an object.
    private var kinds: UInt64 = 0

    init() {}

    /// Starts over with a new value, keeping buffers.
    mutating func reset() {
        status = .reading
        expectation = .value
        token = .none
        path = 0
        pathDepth = 0
        depth = 0
        kinds = 0
    }

    /// Reads the next bytes. After `complete`, anything but whitespace is malformed.
    mutating func scan<Handler: JSONFieldHandler>(_ bytes: Span<UInt8>, _ handler: inout Handler) {
        var index = 0
        while index < bytes.count, status != .malformed {
            switch token {
            case .none: index = structure(bytes, index, &handler)
            case .string: index = string(bytes, index, &handler)
            case .escape: index = escape(bytes, index)
            case .unicode: index = unicode(bytes, index)
            case .number: index = number(bytes, index, &handler)
            case .literal: index = literal(bytes, index, &handler)
            }
        }
    }

    /// Ends the value: a number at the top level is only known to be over now. Returns whether one whole value was read.
    mutating func finish<Handler: JSONFieldHandler>(_ handler: inout Handler) -> Bool {
        if token == .number { endNumber(&handler) }
        return status == .complete
    }
}

// MARK: Structure

extension JSONFieldScanner {
    @inline(__always)
    private mutating func structure<Handler: JSONFieldHandler>(_ bytes: Span<UInt8>, _ start: Int, _ handler: inout Handler) -> Int {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case 0x20, 0x0A, 0x0D, 0x09: continue
            case 0x22:
                beginString()
                return index
            case 0x3A where expectation == .colon: expectation = .value
            case 0x2C where expectation == .commaOrEnd: expectation = kinds & 1 == 1 ? .key : .value
            case 0x7B, 0x5B: open(isObject: byte == 0x7B, &handler)
            case 0x7D, 0x5D: close(isObject: byte == 0x7D, &handler)
            case 0x2D, 0x30...0x39:
                guard expectation == .value || expectation == .valueOrEnd else { return fail() }
                token = .number
                isCaptured = AnswerField.isCaptured(reportedPath)
                capture.removeAll(keepingCapacity: true)
                return index - 1
            case 0x74, 0x66, 0x6E:
                guard expectation == .value || expectation == .valueOrEnd else { return fail() }
                token = .literal
                capture.removeAll(keepingCapacity: true)
                return index - 1
            default: return fail()
            }
            if status == .malformed { return index }
        }
        return index
    }

    private mutating func fail() -> Int {
        status = .malformed
        return .max
    }

    private mutating func open<Handler: JSONFieldHandler>(isObject: Bool, _ handler: inout Handler) {
        guard expectation == .value || expectation == .valueOrEnd, depth < JSONFieldScanner.depthMax else {
            status = .malformed
            return
        }
        handler.began(reportedPath, isObject: isObject)
        depth += 1
        kinds = kinds << 1 | (isObject ? 1 : 0)
        expectation = isObject ? .keyOrEnd : .valueOrEnd
    }

    private mutating func close<Handler: JSONFieldHandler>(isObject: Bool, _ handler: inout Handler) {
        let isAllowed = expectation == .commaOrEnd || expectation == (isObject ? .keyOrEnd : .valueOrEnd)
        guard depth > 0, (kinds & 1 == 1) == isObject, isAllowed else {
            status = .malformed
            return
        }
        depth -= 1
        kinds >>= 1
        handler.ended(reportedPath, isObject: isObject)
        endValue()
    }

    /// After a value: the name that led to it leaves the path.
    @inline(__always)
    private mutating func endValue() {
        if depth == 0 {
            expectation = .nothing
            status = .complete
            return
        }
        if kinds & 1 == 1 { popName() }
        expectation = .commaOrEnd
    }

    @inline(__always)
    private mutating func pushName(_ field: UInt8) {
        pathDepth += 1
        guard pathDepth <= JSONFieldScanner.pathMax else { return }
        path = path << 8 | FieldPath(field)
    }

    @inline(__always)
    private mutating func popName() {
        if pathDepth <= JSONFieldScanner.pathMax { path >>= 8 }
        pathDepth -= 1
    }

    /// The path that a handler is told: none that is known, where there are too many names.
    @inline(__always) private var reportedPath: FieldPath { pathDepth <= JSONFieldScanner.pathMax ? path : .max }
}

// MARK: Strings, numbers, literals

extension JSONFieldScanner {
    @inline(__always)
    private mutating func beginString() {
        switch expectation {
        case .key, .keyOrEnd:
            isKey = true
            // Below an unknown name no name matters.
            isCaptured = path == 0 || path & 0xFF != FieldPath(AnswerField.unknown.rawValue)
            isCounted = false
        case .value, .valueOrEnd:
            isKey = false
            isCaptured = AnswerField.isCaptured(reportedPath)
            isCounted = !isCaptured && AnswerField.isText(reportedPath)
        default:
            status = .malformed
        }
        token = .string
        characters = 0
        capture.removeAll(keepingCapacity: true)
    }

    @inline(__always)
    private mutating func string<Handler: JSONFieldHandler>(_ bytes: Span<UInt8>, _ start: Int, _ handler: inout Handler) -> Int {
        let end = stringRun(bytes, start)
        if isCaptured {
            let room = JSONFieldScanner.captureMax - capture.count
            if room > 0 { capture.append(span: bytes.extracting(start..<min(end, start + room))) }
        } else if isCounted {
            for index in start..<end where bytes[index] & 0xC0 != 0x80 { characters += 1 }
        }
        guard end < bytes.count else { return end }
        switch bytes[end] {
        case 0x22:
            token = .none
            isKey ? endKey() : endString(&handler)
        case 0x5C: token = .escape
        default: status = .malformed
        }
        return end + 1
    }

    /// Where the plain characters of a string end: at a quote, a backslash or a control character.
    @inline(__always)
    private func stringRun(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            var index = start
            let count = buffer.count
            while index < count {
                let byte = unsafe buffer[index]
                if byte == 0x22 || byte == 0x5C || byte < 0x20 { break }
                index &+= 1
            }
            return index
        }
    }

    private mutating func escape(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        let byte = bytes[start]
        switch byte {
        case 0x22, 0x5C, 0x2F: add(UInt32(byte))
        case 0x62: add(0x08)
        case 0x66: add(0x0C)
        case 0x6E: add(0x0A)
        case 0x72: add(0x0D)
        case 0x74: add(0x09)
        case 0x75:
            token = .unicode
            unicodeLeft = 4
            unicodeValue = 0
            return start + 1
        default: status = .malformed
        }
        token = .string
        return start + 1
    }

    private mutating func unicode(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        guard let digit = hexValue(of: bytes[start]) else { return fail() }
        unicodeValue = unicodeValue << 4 | UInt32(digit)
        unicodeLeft -= 1
        if unicodeLeft == 0 {
            token = .string
            // The second half of a surrogate pair is the same character as the first.
            if unicodeValue < 0xDC00 || unicodeValue > 0xDFFF { add(unicodeValue) }
        }
        return start + 1
    }

    /// Adds one decoded character. Beyond ASCII only its presence matters: no name or value that is compared has such characters.
    private mutating func add(_ scalar: UInt32) {
        if isCounted { characters += 1 }
        if isCaptured, capture.count < JSONFieldScanner.captureMax { capture.append(scalar < 0x80 ? UInt8(scalar) : 0x3F) }
    }

    @inline(__always)
    private mutating func endKey() {
        pushName(isCaptured ? AnswerField.named(capture.span).rawValue : AnswerField.unknown.rawValue)
        expectation = .colon
    }

    @inline(__always)
    private mutating func endString<Handler: JSONFieldHandler>(_ handler: inout Handler) {
        if isCaptured || isCounted { handler.string(reportedPath, capture.span, characters: isCaptured ? capture.count : characters) }
        endValue()
    }

    private mutating func number<Handler: JSONFieldHandler>(_ bytes: Span<UInt8>, _ start: Int, _ handler: inout Handler) -> Int {
        let end = numberRun(bytes, start)
        if isCaptured {
            let room = JSONFieldScanner.captureMax - capture.count
            if room > 0 { capture.append(span: bytes.extracting(start..<min(end, start + room))) }
        }
        if end < bytes.count { endNumber(&handler) }
        return end
    }

    /// Where the characters of a number end. In an array of numbers that nobody wants (an embedding), where the last of them ends that the
    /// next follows without space: vectors are megabytes.
    @inline(__always)
    private func numberRun(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        let runsOn = !isCaptured && depth > 0 && kinds & 1 == 0
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            var index = start
            let count = buffer.count
            while index < count {
                let byte = unsafe buffer[index]
                if byte &- 0x30 <= 9 || byte == 0x2D || byte == 0x2E || byte | 0x20 == 0x65 || byte == 0x2B {
                    index &+= 1
                } else if runsOn, byte == 0x2C, index &+ 1 < count, unsafe JSONFieldScanner.beginsNumber(buffer[index &+ 1]) {
                    index &+= 2
                } else {
                    break
                }
            }
            return index
        }
    }

    @inline(__always) private static func beginsNumber(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 || byte == 0x2D }

    private mutating func endNumber<Handler: JSONFieldHandler>(_ handler: inout Handler) {
        token = .none
        if isCaptured { handler.number(reportedPath, capture.span) }
        endValue()
    }

    private mutating func literal<Handler: JSONFieldHandler>(_ bytes: Span<UInt8>, _ start: Int, _ handler: inout Handler) -> Int {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            guard byte >= 0x61, byte <= 0x7A, capture.count < 5 else { return fail() }
            capture.append(byte)
            index += 1
            let isNull = capture.span.equals("null")
            if isNull || capture.span.equals("true") || capture.span.equals("false") {
                token = .none
                handler.literal(reportedPath, isNull: isNull)
                endValue()
                return index
            }
        }
        return index
    }
}
