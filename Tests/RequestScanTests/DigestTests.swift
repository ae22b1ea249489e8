import GatewayModel
import Hashing
import JSON
import RequestScan
import Testing

/// F1, F2, X2, P1: which bodies are the same request.
@Suite struct DigestTests {
    private func digest(_ body: String, _ operation: Operation = .chatCompletions) throws -> Digest256 {
        try scan(body, operation).bodyDigest
    }

    private let base =
        #"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"t"},{"type":"image_url","image_url":{"url":"u","detail":"low"}}]}],"temperature":0.5,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{},"b":{}}}}}]}"#

    @Test(arguments: [
        #""temperature":0.50"#, #""temperature":1"#, #""top_p":0.5"#, #""top_k":5"#, #""seed":1"#, #""n":2"#, #""logprobs":true"#,
        #""stop":["x"]"#,
        #""user":"u""#, #""tool_choice":"auto""#, #""response_format":{"type":"json_object"}"#, #""max_tokens":5"#,
        #""presence_penalty":0"#,
        #""never_heard_of":null"#, #""logit_bias":{}"#, #""metadata":{"a":1}"#, #""store":false"#, #""models":["x"]"#, #""provider":{}"#,
        #""cache":true"#,
        #""model":5"#, #""stream":1"#, #""stream_options":7"#,
    ])
    func `a field is left out of the key`(member: String) throws {
        let key = member.prefix { $0 != ":" }
        let plain = base.replacing(#""temperature":0.5,"#, with: "").replacing(#""model":"m","#, with: "")
        let changed = "{" + member + "," + plain.dropFirst()
        #expect(changed.contains(key))
        #expect(try digest(changed) != digest(plain))
        #expect(try digest(changed) != digest(base))
    }

    @Test func `fields do not all tell apart`() throws {
        let variants = [
            base, base.replacing("0.5", with: "0.6"), base.replacing("\"s\"", with: "\"S\""), base.replacing("\"t\"", with: "\"T\""),
            base.replacing("\"u\"", with: "\"v\""), base.replacing("low", with: "high"), base.replacing("\"f\"", with: "\"g\""),
            base.replacing("\"user\"", with: "\"developer\""), base.replacing("\"s\"", with: "[\"s\"]"),
            base.replacing("0.5", with: "\"0.5\""),
            base.replacing("0.5", with: "null"), base.replacing(#","temperature":0.5"#, with: ""),
            base.replacing("temperature", with: "Temperature"),
            base.replacing(#""a":{},"b":{}"#, with: #""b":{},"a":{}"#), base.replacing("s\"", with: "s \""),
            base.replacing(#"{"url":"u","detail":"low"}"#, with: #"{"detail":"low","url":"u"}"#),
        ]
        #expect(try Set(variants.map { try digest($0) }).count == variants.count)
    }

    @Test func `order of messages or parts is lost`() throws {
        let first = #"{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}"#
        let second = #"{"messages":[{"role":"user","content":"b"},{"role":"user","content":"a"}]}"#
        #expect(try digest(first) != digest(second))
    }

    @Test(arguments: [
        (#"{"model":"m","a":1,"b":[2]}"#, #" { "b" : [ 2 ] , "a" : 1 , "model" : "other" } "#, Operation.chatCompletions),
        (#"{"a":"A/é"}"#, #"{"\u0061":"\u0041\/\u00E9"}"#, .chatCompletions),
        (#"{"messages":[{"role":"user","content":"x"}]}"#, #"{"messages":[{"content":"x","role":"user"}]}"#, .messages),
        (
            #"{"input":[{"type":"message","role":"user","content":"x"}]}"#, #"{"input":[{"content":"x","role":"user","type":"message"}]}"#,
            .responses
        ),
        (
            #"{"contents":[{"role":"user","parts":[{"text":"x"}]}]}"#, #"{"contents":[{"parts":[{"text":"x"}],"role":"user"}]}"#,
            .generateContent
        ),
        (
            #"{"messages":[{"content":[{"type":"text","text":"x"}]}]}"#, #"{"messages":[{"content":[{"text":"x","type":"text"}]}]}"#,
            .messages
        ),
        (#"{"a":1}"#, #"{"a":1,"stream":false}"#, .chatCompletions),
        (#"{"a":1}"#, #"{"a":1,"stream":true,"stream_options":{"include_usage":true}}"#, .chatCompletions),
        (#"{"a":1}"#, #"{"stream":null,"a":1,"stream_options":null}"#, .chatCompletions),
        (#"{"a":1}"#, #"{"cache":{"ttl":5},"a":1}"#, .chatCompletions),
    ])
    func `one request gets two keys`(first: String, second: String, operation: Operation) throws {
        #expect(try digest(first, operation) == digest(second, operation))
    }

    @Test(arguments: [
        (#"{"tools":[{"a":1,"b":2}]}"#, #"{"tools":[{"b":2,"a":1}]}"#),
        (#"{"response_format":{"a":1,"b":2}}"#, #"{"response_format":{"b":2,"a":1}}"#),
        (#"{"messages":[{"tool_calls":[{"a":1,"b":2}]}]}"#, #"{"messages":[{"tool_calls":[{"b":2,"a":1}]}]}"#),
        (#"{"messages":[{"content":[{"input":{"a":1,"b":2}}]}]}"#, #"{"messages":[{"content":[{"input":{"b":2,"a":1}}]}]}"#),
        (#"{"generationConfig":{"a":1,"b":2}}"#, #"{"generationConfig":{"b":2,"a":1}}"#), (#"{"a":1.0}"#, #"{"a":1}"#),
        (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#),
        (#"{"a":1e0}"#, #"{"a":1E0}"#), (#"{"a":{"stream":true}}"#, #"{"a":{}}"#), (#"{"a":{"model":"x"}}"#, #"{"a":{"model":"y"}}"#),
        (#"{"messages":[{"stream":false}]}"#, #"{"messages":[{}]}"#), (#"{"a":"e\u0301"}"#, #"{"a":"\u00e9"}"#), (#"{"a":null}"#, #"{}"#),
        (#"{"a":"null"}"#, #"{"a":null}"#), (#"{"a":"1"}"#, #"{"a":1}"#), (#"{"a":[]}"#, #"{"a":{}}"#),
        (#"{"a":[[],[]]}"#, #"{"a":[[[]]]}"#),
        (#"{"a":["bc"]}"#, #"{"a":["b","c"]}"#), (#"{"a":"bc"}"#, #"{"ab":"c"}"#), (#"{"a":[1,2]}"#, #"{"a":[12]}"#),
        (#"{"a":["b"]}"#, #"{"a":[{"b":"b"}]}"#),
        (#"{"a":[true]}"#, #"{"a":["true"]}"#), (#"{"a":{"b":1},"c":2}"#, #"{"a":{"b":1,"c":2}}"#), (#"{"a":"\u0000"}"#, #"{"a":""}"#),
    ])
    func `two requests get one key`(first: String, second: String) throws {
        #expect(try digest(first) != digest(second))
    }

    @Test func `the model or the stream tells two embeddings or chats apart`() throws {
        #expect(try digest(#"{"model":"a","input":"x"}"#, .embeddings) == digest(#"{"input":"x","model":"b","stream":false}"#, .embeddings))
    }

    @Test(arguments: ["api_base", "base_url", "custom_host", "provider_url", "api_key", "custom_llm_provider", "model_list", "fallbacks"])
    func `a field that names a host is acted on or left out of the key`(key: String) throws {
        let plain = try scan(#"{"model":"m","messages":[]}"#)
        let with = try scan(#"{"model":"m","messages":[],"\#(key)":"http://169.254.169.254/"}"#)
        #expect(with.bodyDigest != plain.bodyDigest)
        #expect(
            with.inputCharacters == plain.inputCharacters && with.statefulFields == [] && with.providerRange == nil
                && with.modelsRange == nil)
    }

    @Test func `random spellings of one body get two keys, or random changes none`() throws {
        var generator = DocumentGenerator(seed: 21)
        var scanner = RequestScanner()
        for _ in 0..<1_500 {
            let body = generator.body()
            let operation = generator.pick([Operation.chatCompletions, .responses, .messages, .generateContent, .embeddings])
            let expected = ReferenceCanonicalForm.bodyDigest(body, operation)
            for _ in 0..<2 {
                let spelling = generator.spelling(ofBody: body)
                let found = try scanner.scan(spelling.span, operation: operation)
                #expect(found.bodyDigest == expected, "\(String(decoding: spelling, as: UTF8.self))")
            }
            var changed = body
            changed["zz" + generator.pick(["y", "yy"])] = generator.value(1)
            let other = try scanner.scan(generator.spelling(ofBody: changed).span, operation: operation)
            #expect(other.bodyDigest != expected)
        }
    }

    /// F2. One million with WEIR_MEASURE set.
    @Test func `different documents collide`() throws {
        var generator = DocumentGenerator(seed: 22)
        var scanner = RequestScanner()
        var seen: [Digest256: [UInt8]] = [:]
        for _ in 0..<(isMeasuring ? 1_000_000 : 15_000) {
            // Few letters, much structure: what a careless concatenation would confuse.
            let text: JSONValue = ["a": ambiguous(&generator, 3)]
            let bytes = text.bytes
            let digest = try scanner.scan(bytes.span, operation: .other).bodyDigest
            if let earlier = seen[digest] { #expect(earlier == bytes) } else { seen[digest] = bytes }
        }
        #expect(seen.count > 3_000)
    }

    private func ambiguous(_ generator: inout DocumentGenerator, _ depth: Int) -> JSONValue {
        switch generator.int(0...(depth > 0 ? 5 : 2)) {
        case 0: return .string(generator.pick(["", "a", "b", "ab", "ba", "aa", "1"]))
        case 1: return .number(generator.pick(["1", "11", "111"]))
        case 2: return generator.pick([nil, true, false])
        case 3, 4: return .array((0..<generator.int(0...3)).map { _ in ambiguous(&generator, depth - 1) })
        default:
            var object = JSONObject()
            for _ in 0..<generator.int(0...3) { object[generator.pick(["", "a", "b", "ab", "1"])] = ambiguous(&generator, depth - 1) }
            return .object(object)
        }
    }

    @Test func `runs left in the body are hashed out of order`() throws {
        for length in [1023, 1024, 1025, 5000] {
            let long = String(repeating: "x", count: length)
            let text =
                #"{"messages":[{"role":"user","content":"\#(long)","a":"\#(long)y\n\#(long)"},{"content":[{"type":"t","text":"\#(long)z"}]}],"b":"\#(long)"}"#
            let document = try JSONValue(parsing: Array(text.utf8).span)
            let object = try #require(document.objectValue)
            #expect(try digest(text) == ReferenceCanonicalForm.bodyDigest(object, .chatCompletions))
        }
    }

    @Test func `a very long string is read in part only`() throws {
        // 32 MiB, the body limit, where the build is fast enough.
        let count = _isDebugAssertConfiguration() ? 1 << 20 : 32 << 20
        let head = Array(#"{"messages":""#.utf8)
        let body = head + [UInt8](repeating: 0x61, count: count) + Array(#""}"#.utf8)
        var form: [UInt8] = [0xFD] + Array("messages".utf8) + [0xFD]
        form.append(contentsOf: body[head.count..<body.count - 2])
        let found = try scan(body)
        let expected = SHA256.digest(of: form.span)
        #expect(found.inputCharacters == count && found.bodyDigest == expected)
        #expect(refusal(Array(body.dropLast(2))) == .truncated(offset: body.count - 2))
    }
}
