import GatewayModel
import HTTP1
import HTTP1Transcript
import Testing

/// A request as text; `\u{80}`…`\u{FF}` stand for the bytes 0x80…0xFF.
func latin1(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

/// The transcript of one stream, after checking that it does not depend on how it is split: in two at every boundary, and byte by byte.
func read(_ text: String, limits: HTTP1Limits = HTTP1Limits()) -> Transcript { read(latin1(text), limits: limits) }

func read(_ bytes: [UInt8], limits: HTTP1Limits = HTTP1Limits()) -> Transcript {
    var whole = Transcript(bytes, limits: limits)
    if Transcript(bytes, cuts: Array(bytes.indices.dropFirst()), limits: limits) != whole { whole.violations.append("split at every byte") }
    if bytes.count <= 2000 {
        for cut in bytes.indices where Transcript(bytes, cuts: [cut], limits: limits) != whole {
            whole.violations.append("split at \(cut)")
        }
    }
    return whole
}

/// The start of a POST whose fields follow.
let post = "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n"
/// A harmless request, to stand behind a harmful one.
let evil = "GET /evil HTTP/1.1\r\nHost: gateway\r\n\r\n"

/// A case of a corpus: what is sent, and what must come of it.
struct RefusedCase: CustomTestStringConvertible, Sendable {
    var name: String
    var text: String
    var refusal: HTTPRefusal

    init(_ name: String, _ text: String, _ refusal: HTTPRefusal) {
        (self.name, self.text, self.refusal) = (name, text, refusal)
    }

    var testDescription: String { name }
}

extension Transcript.Request {
    var pathText: String { String(decoding: path, as: UTF8.self) }
    var targetText: String { String(decoding: target, as: UTF8.self) }
    var queryText: String? { query.map { String(decoding: $0, as: UTF8.self) } }
    var hostText: String? { host.map { String(decoding: $0, as: UTF8.self) } }
    var bodyText: String { String(decoding: body, as: UTF8.self) }
    func values(_ name: String) -> [String] {
        fields.filter { String(decoding: $0.name, as: UTF8.self).lowercased() == name }.map { String(decoding: $0.value, as: UTF8.self) }
    }
}

// `#expect` can't take a span as an argument, so the tests call these.

extension RequestParser {
    mutating func next(_ bytes: [UInt8], from offset: inout Int) -> RequestEvent { next(bytes.span, from: &offset) }

    /// Takes all of `bytes`, which must not be refused.
    mutating func takeAll(_ bytes: [UInt8]) {
        var offset = 0
        while true {
            switch next(bytes.span, from: &offset) {
            case .needMore: return
            case .refused(let refusal):
                Issue.record("refused: \(refusal)")
                return
            case .head, .body, .end: break
            }
        }
    }
}

extension FieldName {
    init?(text: String) { self.init(recognizing: Array(text.utf8).span) }
}

func isHopByHop(_ name: String) -> Bool { ResponseWriter.isHopByHop(Array(name.utf8).span) }

func append(_ name: StaticString, _ value: [UInt8], to output: inout [UInt8]) -> Bool {
    ResponseWriter.appendField(name, checked: value.span, to: &output)
}

func append(name: [UInt8], _ value: [UInt8], to output: inout [UInt8]) -> Bool {
    ResponseWriter.appendField(checkedName: name.span, checked: value.span, to: &output)
}
