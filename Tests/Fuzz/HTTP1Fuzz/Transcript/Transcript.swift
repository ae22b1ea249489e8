import HTTP1

/// All that a parser says about a stream of bytes, in a form that can be compared: what the tests, the fuzzer and the comparison with other
/// parsers look at.
public struct Transcript: Equatable, Sendable {
    /// One request as far as it was read.
    public struct Request: Equatable, Sendable {
        /// The method.
        public var method = ""
        /// The request target as sent.
        public var target: [UInt8] = []
        /// The path.
        public var path: [UInt8] = []
        /// The query, if there is a `?`.
        public var query: [UInt8]?
        /// The host and port asked for.
        public var host: [UInt8]?
        /// Whether it is HTTP/1.0.
        public var isHTTP10 = false
        /// The header fields in order.
        public var fields: [Field] = []
        /// How the body is delimited.
        public var framing = RequestHead.BodyFraming.none
        /// Whether the connection may go on.
        public var keepsAlive = true
        /// Whether the client waits for `100 Continue`.
        public var expectsContinue = false
        /// The body so far.
        public var body: [UInt8] = []
        /// Whether its end was reached.
        public var isComplete = false
    }

    /// One header field.
    public struct Field: Equatable, Sendable {
        /// The name as sent.
        public var name: [UInt8]
        /// The value, blanks trimmed.
        public var value: [UInt8]
        /// Whether it must not be forwarded.
        public var isHopByHop: Bool
    }

    /// The requests in order.
    public var requests: [Request] = []
    /// Why the rest was refused.
    public var refusal: HTTPRefusal?
    /// Broken promises of the parser; empty unless it has a bug.
    public var violations: [String] = []

    /// Feeds `bytes` to a new parser in pieces that end at `cuts` (ascending) and at the end. Each piece is a copy of exact size, so that a
    /// read past its end is seen by the address sanitizer.
    public init(_ bytes: [UInt8], cuts: [Int] = [], limits: HTTP1Limits = HTTP1Limits()) {
        var parser = RequestParser(limits: limits)
        var start = 0
        for end in cuts + [bytes.count] {
            feed(Array(bytes[start..<end]), to: &parser)
            start = end
        }
    }

    private mutating func feed(_ piece: [UInt8], to parser: inout RequestParser) {
        var offset = 0
        while true {
            let before = offset
            let wasRefused = refusal
            let event = parser.next(piece.span, from: &offset)
            if offset < before || offset > piece.count { violations.append("offset went from \(before) to \(offset) of \(piece.count)") }
            if let wasRefused, event != .refused(wasRefused) { violations.append("\(event) after a refusal") }
            switch event {
            case .needMore:
                if offset != piece.count { violations.append("needMore with input left") }
                return
            case .head: requests.append(request(parser.head))
            case .body(let range): take(body: range, of: piece, before..<offset, parser)
            case .end:
                if requests.last?.isComplete != false {
                    violations.append("an end without a request")
                } else {
                    requests[requests.count - 1].isComplete = true
                }
            case .refused(let found):
                refusal = found
                return
            }
        }
    }

    private mutating func take(body range: Range<Int>, of piece: [UInt8], _ taken: Range<Int>, _ parser: RequestParser) {
        guard !range.isEmpty, taken.contains(range.lowerBound), range.upperBound <= taken.upperBound, requests.last?.isComplete == false
        else {
            violations.append("body \(range) of \(taken)")
            return
        }
        requests[requests.count - 1].body += piece[range]
        if parser.bodyBytes != UInt64(requests[requests.count - 1].body.count) { violations.append("bodyBytes \(parser.bodyBytes)") }
    }

    private mutating func request(_ head: RequestHead) -> Request {
        func text(_ range: Range<Int>) -> [UInt8] {
            guard range.upperBound <= head.byteCount else {
                violations.append("\(range) is outside a head of \(head.byteCount)")
                return []
            }
            return Array(head.bytes[range])
        }
        checkFields(head)
        return Request(
            method: "\(head.method.name)", target: text(head.target), path: text(head.path), query: head.query.map { text($0) },
            host: head.host.map { text($0) }, isHTTP10: head.isHTTP10,
            fields: head.fields.map { Field(name: text($0.name), value: text($0.value), isHopByHop: $0.isHopByHop) },
            framing: head.bodyFraming, keepsAlive: head.keepsAlive, expectsContinue: head.expectsContinue)
    }

    /// What every accepted head must be, checked without the parser's own tables.
    private mutating func checkFields(_ head: RequestHead) {
        for field in head.fields {
            let (name, value) = (head.bytes[field.name], head.bytes[field.value])
            if name.isEmpty || name.contains(where: { $0 <= 0x20 || $0 >= 0x7F || $0 == 0x3A }) { violations.append("name \(name)") }
            if value.contains(where: { ($0 < 0x20 && $0 != 9) || $0 == 0x7F }) { violations.append("value \(value)") }
            if field.known?.name != field.known.map({ _ in head.string(field.name).lowercased() }) { violations.append("known \(field)") }
        }
        if head.bytes[head.target].contains(where: { $0 <= 0x20 || $0 >= 0x7F }) { violations.append("target") }
        if !(head.bytes[head.path].first == 0x2F || head.bytes[head.path].elementsEqual([0x2A])) { violations.append("path") }
        if !head.isHTTP10, head.count(of: .host) != 1 { violations.append("host") }
        if head.count(of: .contentLength) + head.count(of: .transferEncoding) > 1 { violations.append("framing") }
    }
}

/// Feeds `bytes` whole, byte by byte and in random pieces, and says what was wrong: a broken promise, or a verdict that depends on the
/// pieces. `nil` if nothing was.
public func findParserFault(in bytes: [UInt8], limits: HTTP1Limits = HTTP1Limits()) -> String? {
    let whole = Transcript(bytes, limits: limits)
    if let violation = whole.violations.first { return violation }
    if Transcript(bytes, cuts: Array(bytes.indices.dropFirst()), limits: limits) != whole { return "byte by byte it reads differently" }
    var random = SplitMix64(seed: bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
    var cuts: [Int] = []
    var cut = 0
    while cut < bytes.count {
        cut += Int(random.next() % 64)
        if cut <= bytes.count { cuts.append(cut) }
    }
    return Transcript(bytes, cuts: cuts, limits: limits) == whole ? nil : "in pieces \(cuts) it reads differently"
}
