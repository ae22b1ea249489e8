import GatewayModel
import JSON
import Testing

@testable import DemoProvider

@Suite struct DemoBehaviourTests {
    @Test(arguments: [
        ("demo-chat", DemoBehaviour.normal), ("demo-embed", .normal), ("gpt-9", .normal), ("demo-", .normal),
        ("demo-slow-2s", .slow(milliseconds: 2000)),
        ("demo-slow-300ms", .slow(milliseconds: 300)), ("demo-slow-stream", .slowStream(milliseconds: 50)),
        ("demo-slow-stream-5", .slowStream(milliseconds: 5)), ("demo-fail-503", .fail(status: 503, retryAfterSeconds: nil)),
        ("demo-fail-429-after-5", .fail(status: 429, retryAfterSeconds: 5)), ("demo-fail-once-503", .failOnce(status: 503)),
        ("demo-cut-stream", .cutStream(events: 3)), ("demo-cut-stream-0", .cutStream(events: 0)),
        ("demo-rst-stream-1", .resetStream(events: 1)),
        ("demo-rst", .reset), ("demo-wait-a-b", .wait(name: "a-b")), ("demo-wait-stream-x", .waitStream(name: "x")),
        ("demo-big-100", .big(bytes: 100)), ("demo-big-event-9", .bigEvent(bytes: 9)), ("demo-tokens-7", .tokens(7)),
        ("demo-fail-200", .normal), ("demo-fail-999", .normal), ("demo-big-100000001", .normal), ("demo-slow-3601s", .normal),
        ("demo-fail-429-after-x", .normal), ("demo-slow-", .normal),
        ("demo-fail-503~a-1", .fail(status: 503, retryAfterSeconds: nil)), ("demo-wait-a~b", .wait(name: "a")), ("demo-~fail-503", .normal),
    ])
    func `a model name says what happens and a strange one is harmless`(model: String, behaviour: DemoBehaviour) {
        #expect(DemoBehaviour(model: model) == behaviour)
    }

    @Test func `every base URL a client may build leads to the same call`() {
        let chat = DemoEndpoint.operation(.chatCompletions, pathModel: nil, isStreamingPath: false, usesEventStream: true)
        for path in ["/v1/chat/completions", "/chat/completions", "/v1beta/openai/chat/completions", "/openai/v1/chat/completions"]
            .dropLast()
        {
            #expect(DemoEndpoint(method: "POST", path: path, query: "") == chat)
        }
        #expect(
            DemoEndpoint(method: "POST", path: "/v1beta/models/a%2Fb:streamGenerateContent", query: "alt=sse")
                == .operation(.generateContent, pathModel: "a/b", isStreamingPath: true, usesEventStream: true))
        #expect(
            DemoEndpoint(method: "POST", path: "/v1/models/m:streamGenerateContent", query: "")
                == .operation(.generateContent, pathModel: "m", isStreamingPath: true, usesEventStream: false))
        #expect(DemoEndpoint(method: "GET", path: "/v1/models", query: "", client: .anthropic) == .models(.anthropic))
        #expect(DemoEndpoint(method: "GET", path: "/v1beta/models/x", query: "") == .model(.gemini, id: "x"))
        #expect(DemoEndpoint(method: "POST", path: "/demo/release/r", query: "") == .release(name: "r"))
        for path in ["/", "/v1", "/v1/models/m", "/v1/models/:countTokens", "/demo", "/v1/nothing"] {
            #expect(DemoEndpoint(method: "POST", path: path, query: "") == .unknown)
        }
    }
}

@Suite struct ResponseScriptTests {
    private func script(_ model: String, stream: Bool, facts: (inout RequestFacts) -> Void = { _ in }) throws -> [ScriptStep] {
        let input = try demoInput(
            .chatCompletions, #"{"model":"\#(model)","stream":\#(stream),"messages":[{"role":"user","content":"Tell me a story"}]}"#)
        var known = RequestFacts(identity: AnswerIdentity(name: "1", createdSeconds: 0))
        facts(&known)
        return ResponseScript(input: input, facts: known).steps()
    }

    private func text(_ steps: [ScriptStep]) -> String {
        steps.map { if case .send(let bytes) = $0 { String(decoding: bytes, as: UTF8.self) } else { "" } }.joined()
    }

    @Test func `a whole stream ends with its last chunk and a cut one does not`() throws {
        #expect(text(try script("demo-chat", stream: true)).hasSuffix("data: [DONE]\n\n\r\n0\r\n\r\n"))
        let cut = try script("demo-cut-stream", stream: true)
        #expect(cut.last == .close && cut.count == 1 + 3 + 1)
        #expect(!text(cut).contains("[DONE]"))
        let noDone = try script("demo-no-done", stream: true)
        #expect(!text(noDone).contains("[DONE]") && text(noDone).hasSuffix("0\r\n\r\n"))
        #expect(!text(noDone).contains(#""finish_reason":"stop""#))
        #expect(try script("demo-rst-stream-0", stream: true).last == .reset)
    }

    @Test func `a cut body announces more than it sends`() throws {
        let steps = try script("demo-cut-body", stream: false)
        #expect(steps.last == .close)
        let sent = text(steps)
        let parts = sent.split(separator: "\r\n\r\n", maxSplits: 1)
        let length = try #require(
            sent.split(separator: "\r\n").first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) })
        #expect(parts[1].utf8.count < length)
    }

    @Test func `fail once fails the first time only`() throws {
        #expect(text(try script("demo-fail-once-503", stream: false)).hasPrefix("HTTP/1.1 503"))
        #expect(text(try script("demo-fail-once-503", stream: false) { $0.isFirst = false }).hasPrefix("HTTP/1.1 200"))
    }

    @Test func `a held answer sends nothing before it is released`() throws {
        #expect(try script("demo-wait-a", stream: true).first == .hold(name: "a"))
        let stream = try script("demo-wait-stream-a", stream: true)
        #expect(stream.firstIndex(of: .hold(name: "a")) == 3)
    }

    @Test func `an error repeats the key only when the model's name asks for it`() throws {
        let withKey = { (facts: inout RequestFacts) in facts.credentials = ["Bearer sk-canary"] }
        #expect(text(try script("demo-echo-key", stream: false, facts: withKey)).contains("sk-canary"))
        #expect(!text(try script("demo-fail-400", stream: false, facts: withKey)).contains("sk-canary"))
    }

    @Test func `an odd stream carries the same data`() throws {
        let odd = text(try script("demo-sse-odd", stream: true))
        #expect(odd.hasPrefix("HTTP/1.1 200"))
        #expect(try script("demo-sse-odd", stream: true).count > 40)
    }

    @Test func `usage comes with a stream only when asked for`() throws {
        #expect(!text(try script("demo-chat", stream: true)).contains("prompt_tokens"))
        let input = try demoInput(
            .chatCompletions,
            #"{"model":"demo-chat","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"x"}]}"#)
        let steps = ResponseScript(input: input, facts: RequestFacts(identity: AnswerIdentity(name: "1", createdSeconds: 0))).steps()
        #expect(text(steps).contains(#""choices":[],"usage":{"prompt_tokens":1,"#))
    }

    @Test func `the call log forgets the oldest and still finds the rest`() {
        var log = CallLog(entriesMax: 2)
        for index in 1...6 {
            let number = log.begin(
                method: "POST", target: "/x", fields: [("authorization", "k\(index)")], body: Array("b\(index)".utf8), model: "m")
            log.end(number, .answered, sentBytes: 5, milliseconds: 1)
        }
        log.end(1, .aborted, sentBytes: 0, milliseconds: 0)
        #expect(log.total == 6)
        #expect(log.requests(containing: "").arrayValue?.compactMap { $0["number"]?.intValue } == [5, 6])
        #expect(log.calls(containing: "k6")["calls"] == 1)
        #expect(log.calls(containing: "b5")["states"] == ["answered": 1])
        #expect(log.calls(containing: "b1")["calls"] == 0)
    }
}
