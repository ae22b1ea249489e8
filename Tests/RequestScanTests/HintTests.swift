import GatewayModel
import JSON
import RequestScan
import Testing

/// OpenRouter's `models` and `provider`.
@Suite struct HintTests {
    private func hints(_ body: String) throws(ScanError) -> RoutingWishes? { try scan(body).hints(in: Array(body.utf8).span) }

    private func param(_ body: String) -> String? {
        do throws(ScanError) {
            _ = try hints(body)
            return nil
        } catch {
            #expect(error.gatewayError.status == 400 && error.gatewayError.code == "invalid_field")
            return error.gatewayError.param
        }
    }

    private func text(_ range: Range<Int>?, _ body: String) -> String? {
        range.map { String(decoding: Array(body.utf8)[$0], as: UTF8.self) }
    }

    @Test func `a hint is misread`() throws {
        let wishes = try #require(
            try hints(
                #"{"models":["openai/gpt-4o","a\u002fb"],"provider":{"order":["openai","groq"],"allow_fallbacks":false,"only":["groq"],"#
                    + #""ignore":["azure"],"sort":"throughput","max_price":{"prompt":1,"completion":"2.5","request":0,"image":9},"#
                    + #""quantizations":[7],"zdr":1}}"#))
        var expected = RoutingWishes()
        expected.models = ["openai/gpt-4o", "a/b"]
        expected.order = ["openai", "groq"]
        expected.allowsFallbacks = false
        expected.only = ["groq"]
        expected.ignore = ["azure"]
        expected.sort = .throughput
        expected.maxPromptPrice = 1
        expected.maxCompletionPrice = 2.5
        expected.maxRequestPrice = 0
        #expect(wishes == expected)
    }

    @Test func `an absent, null or empty hint is taken for a wish`() throws {
        #expect(try hints(#"{"model":"m"}"#) == nil)
        #expect(try hints(#"{"a":{"models":["x"],"provider":{"order":["x"]}}}"#) == nil)
        for body in [
            #"{"models":null}"#, #"{"models":[],"provider":{}}"#, #"{"provider":null}"#,
            #"{"provider":{"order":null,"allow_fallbacks":null,"only":null,"ignore":[],"sort":null,"max_price":null}}"#,
            #"{"provider":{"sort":{},"max_price":{"prompt":null}}}"#, #"{"provider":{"sort":{"by":null}}}"#,
        ] {
            #expect(try hints(body) == RoutingWishes(), "\(body)")
        }
        #expect(try hints(#"{"provider":{"only":[]}}"#)?.only == [], "an empty list allows none")
        #expect(try hints(#"{"provider":{"sort":{"by":"latency","partition":"model"}}}"#)?.sort == .latency)
    }

    @Test(
        arguments: [
            (#"{"models":"m"}"#, "models"), (#"{"models":{}}"#, "models"), (#"{"models":["m",7]}"#, "models[1]"),
            (#"{"models":[""]}"#, "models[0]"), (#"{"models":[null]}"#, "models[0]"), (#"{"provider":"openai"}"#, "provider"),
            (#"{"provider":[]}"#, "provider"), (#"{"provider":{"order":"openai"}}"#, "provider.order"),
            (#"{"provider":{"order":[["openai"]]}}"#, "provider.order[0]"),
            (#"{"provider":{"allow_fallbacks":"no"}}"#, "provider.allow_fallbacks"),
            (#"{"provider":{"allow_fallbacks":0}}"#, "provider.allow_fallbacks"), (#"{"provider":{"only":true}}"#, "provider.only"),
            (#"{"provider":{"ignore":{"a":1}}}"#, "provider.ignore"), (#"{"provider":{"sort":"cheap"}}"#, "provider.sort"),
            (#"{"provider":{"sort":["price"]}}"#, "provider.sort"), (#"{"provider":{"sort":{"by":1}}}"#, "provider.sort.by"),
            (#"{"provider":{"sort":{"by":{"by":"price"}}}}"#, "provider.sort.by"), (#"{"provider":{"max_price":1}}"#, "provider.max_price"),
            (#"{"provider":{"max_price":{"prompt":-1}}}"#, "provider.max_price.prompt"),
            (#"{"provider":{"max_price":{"completion":"free"}}}"#, "provider.max_price.completion"),
            (#"{"provider":{"max_price":{"completion":"0x10"}}}"#, "provider.max_price.completion"),
            (#"{"provider":{"max_price":{"completion":"nan"}}}"#, "provider.max_price.completion"),
            (#"{"provider":{"max_price":{"request":1e12}}}"#, "provider.max_price.request"),
        ])
    func `a hint of the wrong type is ignored instead of refused by name`(body: String, expected: String) {
        #expect(param(body) == expected)
    }

    @Test func `a limit of the hints is off by one`() throws {
        func list(_ count: Int) -> String { "[" + (0..<count).map { "\"n\($0)\"" }.joined(separator: ",") + "]" }
        #expect(try hints(#"{"models":\#(list(20))}"#)?.models.count == 20)
        #expect(param(#"{"models":\#(list(21))}"#) == "models")
        for name in ["order", "only", "ignore"] {
            #expect(param(#"{"provider":{"\#(name)":\#(list(64))}}"#) == nil)
            #expect(param(#"{"provider":{"\#(name)":\#(list(65))}}"#) == "provider.\(name)")
        }
        #expect(param(#"{"models":["\#(String(repeating: "é", count: 128))"]}"#) == nil)
        #expect(param(#"{"models":["\#(String(repeating: "é", count: 128))x"]}"#) == "models[0]")
        // The array and the object count as values.
        #expect(param(#"{"provider":{"x":\#(list(1022))}}"#) == nil)
        #expect(param(#"{"provider":{"x":\#(list(1023))}}"#) == "provider")
    }

    @Test func `a hint's range leaves a piece of the member behind`() throws {
        let body = #"{ "models" : "x" , "provider" :[ ], "model":"m" }"#
        let found = try scan(body)
        #expect(text(found.modelsMemberRange, body) == #""models" : "x""# && text(found.modelsRange, body) == #""x""#)
        #expect(text(found.providerMemberRange, body) == #""provider" :[ ]"# && text(found.providerRange, body) == "[ ]")
        let none = try scan(#"{"model":"m"}"#)
        #expect(none.modelsMemberRange == nil && none.modelsRange == nil && none.providerMemberRange == nil && none.providerRange == nil)
        #expect(!none.hasHints && found.hasHints)
    }

    @Test func `the order of preference changes the key of an answer that it did not change`() throws {
        let plain = try scan(#"{"model":"m","messages":[],"n":1}"#)
        #expect(plain.bodyDigestWithoutHints == nil && plain.restDigestWithoutHints == nil)
        for body in [
            #"{"model":"m","models":["a","b"],"messages":[],"n":1}"#, #"{"provider":{"sort":"price"},"n":1,"messages":[]}"#,
            #"{"provider":null,"models":[],"n":1,"messages":[]}"#,
        ] {
            let hinted = try scan(body)
            #expect(hinted.bodyDigestWithoutHints == plain.bodyDigest && hinted.bodyDigest != plain.bodyDigest, "\(body)")
        }
        let items = try scan(#"{"input":["a"],"dimensions":3}"#, .embeddings)
        let hinted = try scan(#"{"input":["a"],"dimensions":3,"models":["m"]}"#, .embeddings)
        #expect(hinted.restDigestWithoutHints == items.restDigest && hinted.restDigest != items.restDigest)
        #expect(hinted.bodyDigestWithoutHints == items.bodyDigest)
    }

    @Test func `removing the hints leaves a body of another key`() throws {
        let body = Array(#"{"models":["a"],"messages":[{"role":"user","content":"x"}],"provider":{"only":["p"]}}"#.utf8)
        let found = try scan(body)
        let edits = [found.modelsMemberRange, found.providerMemberRange].compactMap { $0.map(BodyEdit.removeMember) }
        let edited = BodyEditor.apply(edits, to: body.span, scan: found)
        #expect(try scan(edited).bodyDigest == found.bodyDigestWithoutHints)
    }

    @Test func `hints of a body that is not the scanned one trap`() throws {
        let found = try scan(#"{"models":["a","b"],"provider":{}}"#)
        #expect(throws: ScanError.self) { try found.hints(in: Array("{}".utf8).span) }
        #expect(throws: ScanError.self) { try found.hints(in: [UInt8](repeating: 0x5B, count: 64).span) }
    }

    @Test func `random hints are read unlike the document says`() throws {
        var generator = DocumentGenerator(seed: 33)
        var accepted = 0
        for _ in 0..<1_000 {
            var body = JSONObject()
            if generator.int(0...3) > 0 { body["models"] = list(&generator) }
            if generator.int(0...3) > 0 {
                var provider = JSONObject()
                for name in ["order", "only", "ignore"] where generator.int(0...1) == 0 { provider[name] = list(&generator) }
                if generator.int(0...2) == 0 { provider["allow_fallbacks"] = generator.pick([true, false, nil, true, false, "x"]) }
                if generator.int(0...2) == 0 { provider["sort"] = generator.pick(["price", ["by": "latency"], nil, "speed", [:]]) }
                if generator.int(0...2) == 0 {
                    provider["max_price"] = ["prompt": generator.pick([1, "0.5", nil, .number("1e-3"), .number("1e99")])]
                }
                if generator.int(0...2) == 0 { provider[generator.string()] = generator.value() }
                body["provider"] = .object(provider)
            }
            let bytes = generator.spelling(ofBody: body)
            #expect(scanFault(bytes, generator.pick([.chatCompletions, .embeddings])) == nil, "\(String(decoding: bytes, as: UTF8.self))")
            if (try? scan(bytes).hints(in: bytes.span)) != nil { accepted += 1 }
        }
        #expect((150..<900).contains(accepted), "the corpus must hold both kinds: \(accepted)")
    }

    private func list(_ generator: inout DocumentGenerator) -> JSONValue {
        if generator.int(0...12) == 0 { return generator.value(1) }
        return .array((0..<generator.int(0...4)).map { _ in .string(generator.pick(["a", "b/c", "é", "x\"y"])) })
    }
}
