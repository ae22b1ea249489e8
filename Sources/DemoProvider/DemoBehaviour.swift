/// What a model name asks the demo provider to do: `demo-chat` answers at once, every other name misbehaves as it says.
///
/// Names are read left to right; a number at the end is a parameter (`demo-slow-2s`, `demo-big-100000`). A name without a meaning of its
/// own behaves as `demo-chat`, so that tests can use any model name. What follows a tilde means nothing: `demo-fail-503~a` and
/// `demo-fail-503~b` fail alike and are two models to whoever keeps count of failures.
public enum DemoBehaviour: Equatable, Sendable {
    /// `demo-chat`, `demo-embed` and every unknown name.
    case normal
    /// `demo-reasoning`: the answer comes with reasoning, in the dialect's own form.
    case reasoning
    /// `demo-slow-2s`, `demo-slow-300ms`: the whole answer comes later.
    case slow(milliseconds: Int)
    /// `demo-slow-stream`, `demo-slow-stream-20`: so many milliseconds (default 50) before each event.
    case slowStream(milliseconds: Int)
    /// `demo-wait-NAME`: the answer is held until `POST /demo/release/NAME`.
    case wait(name: String)
    /// `demo-wait-stream-NAME`: head and two events at once, the rest is held until `POST /demo/release/NAME`.
    case waitStream(name: String)
    /// `demo-fail-503`, `demo-fail-429-after-5`: this status, with `Retry-After` in seconds if named.
    case fail(status: Int, retryAfterSeconds: Int?)
    /// `demo-fail-once-503`: the first request of each distinct input fails, the next ones are answered.
    case failOnce(status: Int)
    /// `demo-cut-stream`, `demo-cut-stream-0`: the connection closes after so many events (default 3).
    case cutStream(events: Int)
    /// `demo-rst-stream`, `demo-rst-stream-0`: as above with a TCP reset.
    case resetStream(events: Int)
    /// `demo-cut-body`: closes in the middle of a body of known length.
    case cutBody
    /// `demo-cut-chunked`: closes before the last chunk.
    case cutChunked
    /// `demo-rst`: a TCP reset instead of an answer.
    case reset
    /// `demo-hang`: never answers.
    case hang
    /// `demo-stall-stream`: head and two events, then silence.
    case stallStream
    /// `demo-no-done`: ends cleanly without saying that it is done.
    case noDone
    /// `demo-error-in-200`: an error object under status 200.
    case errorInSuccess
    /// `demo-error-event`: an error in the middle of a stream.
    case errorEvent
    /// `demo-usage-absurd`: negative, textual and huge token counts.
    case usageAbsurd
    /// `demo-usage-missing`: no usage report at all.
    case usageMissing
    /// `demo-big-BYTES`: an answer text of this size.
    case big(bytes: Int)
    /// `demo-big-event-BYTES`: the same in one single event.
    case bigEvent(bytes: Int)
    /// `demo-tokens-N`: an answer of exactly so many output tokens.
    case tokens(Int)
    /// `demo-length`: ends because of the length limit.
    case length
    /// `demo-content-filter`: ends because of a content filter.
    case contentFilter
    /// `demo-redirect`: status 307 to another path of this server, which counts who came.
    case redirect
    /// `demo-huge-headers`: a head of over one MiB.
    case hugeHeaders
    /// `demo-set-cookie`: a cookie and a hop-by-hop field in the head.
    case setCookie
    /// `demo-echo-key`: an error whose text repeats the caller's key.
    case echoKey
    /// `demo-gzip`: encoded even where only identity was accepted.
    case gzip
    /// `demo-html`: a page of HTML under status 200.
    case html
    /// `demo-sse-odd`: legal but unusual event framing: CRLF, no space after the colon, comments, pieces of seven bytes.
    case oddStream
    /// `demo-close-idle`: a good answer; the connection closes when it was idle for 30 ms, although it was to be kept.
    case closeIdle

    /// The behaviour that a model name asks for.
    public init(model: String) {
        guard model.hasPrefix("demo-") else {
            self = .normal
            return
        }
        let name = model.prefix { $0 != "~" }.dropFirst("demo-".count)
        self = DemoBehaviour.plain[String(name)] ?? DemoBehaviour.parameterised(name) ?? .normal
    }

    private static let plain: [String: DemoBehaviour] = [
        "reasoning": .reasoning, "slow-stream": .slowStream(milliseconds: 50), "cut-stream": .cutStream(events: 3),
        "rst-stream": .resetStream(events: 3), "cut-body": .cutBody, "cut-chunked": .cutChunked, "rst": .reset, "hang": .hang,
        "stall-stream": .stallStream, "no-done": .noDone, "error-in-200": .errorInSuccess, "error-event": .errorEvent,
        "usage-absurd": .usageAbsurd, "usage-missing": .usageMissing, "length": .length, "content-filter": .contentFilter,
        "redirect": .redirect, "huge-headers": .hugeHeaders, "set-cookie": .setCookie, "echo-key": .echoKey, "gzip": .gzip,
        "html": .html, "sse-odd": .oddStream, "close-idle": .closeIdle,
    ]

    private static func parameterised(_ name: Substring) -> DemoBehaviour? {
        func parameter(_ prefix: String) -> Substring? { name.hasPrefix(prefix) ? name.dropFirst(prefix.count) : nil }
        func number(_ prefix: String, _ range: ClosedRange<Int>) -> Int? {
            parameter(prefix).flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
        }
        let hour = 0...3_600_000
        if let milliseconds = number("slow-stream-", hour) { return .slowStream(milliseconds: milliseconds) }
        if let span = parameter("slow-") {
            if span.hasSuffix("ms"), let count = Int(span.dropLast(2)), hour.contains(count) { return .slow(milliseconds: count) }
            if span.hasSuffix("s"), let count = Int(span.dropLast()), (0...3600).contains(count) {
                return .slow(milliseconds: count * 1000)
            }
            return nil
        }
        if let held = parameter("wait-stream-") { return .waitStream(name: String(held)) }
        if let held = parameter("wait-") { return .wait(name: String(held)) }
        if let status = number("fail-once-", 400...599) { return .failOnce(status: status) }
        if let failure = parameter("fail-") { return failing(failure) }
        if let events = number("cut-stream-", 0...1_000_000) { return .cutStream(events: events) }
        if let events = number("rst-stream-", 0...1_000_000) { return .resetStream(events: events) }
        if let bytes = number("big-event-", 0...100_000_000) { return .bigEvent(bytes: bytes) }
        if let bytes = number("big-", 0...100_000_000) { return .big(bytes: bytes) }
        if let count = number("tokens-", 0...1_000_000) { return .tokens(count) }
        return nil
    }

    private static func failing(_ text: Substring) -> DemoBehaviour? {
        let parts = text.split(separator: "-")
        guard let first = parts.first, let status = Int(first), (400...599).contains(status) else { return nil }
        if parts.count == 1 { return .fail(status: status, retryAfterSeconds: nil) }
        guard parts.count == 3, parts[1] == "after", let seconds = Int(parts[2]), seconds >= 0 else { return nil }
        return .fail(status: status, retryAfterSeconds: seconds)
    }
}
