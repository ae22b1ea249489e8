import GatewayModel
import JSON
import TestSupport
import Testing

@testable import Providers

@Suite struct UniversalRequestTests {
    private func parse(_ body: String, limits: UniversalLimits = UniversalLimits()) throws(GatewayError) -> [UniversalStep] {
        try UniversalRequest(parsing: Array(body.utf8).span, limits: limits).steps
    }

    /// A request of one step with these members beside a provider, an endpoint and a query, unless they are given.
    private func step(_ members: String, limits: UniversalLimits = UniversalLimits()) throws(GatewayError) -> UniversalStep {
        var body = "[{" + members
        for (name, value) in [("provider", "\"openai\""), ("endpoint", "\"chat/completions\""), ("query", "{}")]
        where !members.contains("\"\(name)\"") { body += "\(body == "[{" ? "" : ",")\"\(name)\":\(value)" }
        return try parse(body + "}]", limits: limits)[0]
    }

    private func refusal(_ body: () throws(GatewayError) -> Void) -> GatewayError? {
        do throws(GatewayError) {
            try body()
            return nil
        } catch { return error }
    }

    private func param(_ members: String, limits: UniversalLimits = UniversalLimits()) -> String? {
        let error = refusal { () throws(GatewayError) in _ = try step(members, limits: limits) }
        if let error { #expect(error.status == 400 && error.code == "invalid_field") }
        return error?.param
    }

    private let documented = #"""
        [ {"provider":"workers-ai","endpoint":"@cf/meta/llama-3.1-8b-instruct",
           "headers":{"Authorization":"Bearer cf-token","Content-Type":"application/json","cf-aig-cache-ttl":"0"},
           "config":{"requestTimeout":1000,"maxAttempts":2,"retryDelay":1000,"backoff":"constant"},
           "query":{ "messages":[{"role":"user","content":"] }{ \" é"}] }},
          {"provider":"openai","endpoint":"chat/completions","headers":{"Authorization":"Bearer sk-1"},"query":{"model":"gpt-4o"}} ]
        """#

    @Test func `the documented request is misread`() throws {
        let steps = try parse(documented)
        #expect(steps.count == 2)
        #expect(steps[0].providerName == "workers-ai" && steps[0].endpoint == "@cf/meta/llama-3.1-8b-instruct")
        #expect(steps[0].headers == [UniversalField(name: "content-type", field: .contentType, value: "application/json")])
        #expect(steps[0].credentials == [UniversalField(name: "authorization", field: .authorization, value: "Bearer cf-token")])
        #expect(steps[0].controls == [UniversalField(name: "cf-aig-cache-ttl", field: .cfAigCacheTTL, value: "0")])
        var attempts = AttemptFields()
        attempts.requestTimeoutMilliseconds = 1000
        attempts.maxAttempts = 2
        attempts.retryDelayMilliseconds = 1000
        attempts.backoff = .constant
        #expect(steps[0].attempts == attempts && steps[1].attempts == AttemptFields())
        let queries = steps.map { String(decoding: Array(documented.utf8)[$0.query], as: UTF8.self) }
        #expect(queries == [#"{ "messages":[{"role":"user","content":"] }{ \" é"}] }"#, #"{"model":"gpt-4o"}"#])
        #expect(String(decoding: steps[1].path, as: UTF8.self) == "/openai/chat/completions")
    }

    @Test(
        arguments: [
            ("", "invalid_json"), (" ", "invalid_json"), ("[", "invalid_json"), ("[{]}", "invalid_json"), (#"[{"a":1,}]"#, "invalid_json"),
            ("[] []", "invalid_json"), ("\u{FEFF}[]", "invalid_json"), ("[]", "invalid_field"), ("{}", "invalid_field"),
            (#"{"provider":"openai","endpoint":"chat/completions","query":{}}"#, "invalid_field"), ("null", "invalid_field"),
            (#""x""#, "invalid_field"),
        ])
    func `a body that is no array of steps is not told so`(body: String, code: String) {
        let error = refusal { () throws(GatewayError) in _ = try parse(body) }
        #expect(error?.status == 400 && error?.code == code && error?.param == "steps")
        if body.hasPrefix("{") { #expect(error?.message.contains("even for one step") == true) }
    }

    @Test(
        arguments: [
            (#""provider":7"#, "provider"), (#""provider":"""#, "provider"), (#""provider":null"#, "provider"),
            (#""provider":"open/ai""#, "provider"), (#""provider":"..""#, "provider"), (#""provider":"openai%2F""#, "provider"),
            (#""provider":{}"#, "provider"), (#""provider":["openai"]"#, "provider"),
            (#""endpoint":7"#, "endpoint"), (#""endpoint":"""#, "endpoint"), (#""endpoint":"/""#, "endpoint"),
            (#""endpoint":"?a=1""#, "endpoint"), (#""endpoint":"../models""#, "endpoint"), (#""endpoint":"v1/../../x""#, "endpoint"),
            (#""endpoint":"//evil.example/v1""#, "endpoint"), (#""endpoint":"https://evil.example/v1""#, "endpoint"),
            (#""endpoint":"v1/%2e%2e/x""#, "endpoint"), (#""endpoint":"v1\\x""#, "endpoint"), (#""endpoint":"a b""#, "endpoint"),
            (#""endpoint":"a\r\nHost: x""#, "endpoint"), (#""endpoint":"a#b""#, "endpoint"), (#""endpoint":"a?b=c d""#, "endpoint"),
            (#""endpoint":"a?b=\n""#, "endpoint"), (#""endpoint":"é""#, "endpoint"), (#""query":[]"#, "query"), (#""query":"{}""#, "query"),
            (#""query":null"#, "query"), (#""headers":[]"#, "headers"), (#""headers":"x""#, "headers"), (#""config":[]"#, "config"),
            (#""query":{},"query":{}"#, "query"), (#""headers":{},"head\u0065rs":{}"#, "headers"),
            (#""headers":{"a":"1","a":"2"}"#, "headers"), (#""headers":{"a":"1","A":"2"}"#, "headers.a"),
            (#""headers":{"a":null}"#, "headers.a"), (#""headers":{"a":{}}"#, "headers.a"), (#""headers":{"a":["1"]}"#, "headers.a"),
            (#""headers":{"":"1"}"#, "headers"), (#""headers":{"a b":"1"}"#, "headers"), (#""headers":{"a:":"1"}"#, "headers"),
            (#""headers":{"a\r\nb":"1"}"#, "headers"), (#""headers":{"é":"1"}"#, "headers"), (#""headers":{"a":"1\r\nb: 2"}"#, "headers.a"),
            (#""headers":{"a":"\u0000"}"#, "headers.a"), (#""headers":{"a":"\u007f"}"#, "headers.a"),
            (#""headers":{"cf-aig-max-attempts":"x"}"#, "headers.cf-aig-max-attempts"),
            (#""headers":{"CF-AIG-Backoff":"random"}"#, "headers.cf-aig-backoff"), (#""config":{"maxAttempts":0}"#, "config.maxAttempts"),
            (#""config":{"maxAttempts":1.5}"#, "config.maxAttempts"), (#""config":{"maxAttempts":true}"#, "config.maxAttempts"),
            (#""config":{"requestTimeout":0}"#, "config.requestTimeout"), (#""config":{"requestTimeout":"soon"}"#, "config.requestTimeout"),
            (#""config":{"retryDelay":-1}"#, "config.retryDelay"), (#""config":{"backoff":"none"}"#, "config.backoff"),
            (#""config":{"backoff":3}"#, "config.backoff"), (#""config":{"cacheTtl":-1}"#, "config.cacheTtl"),
            (#""config":{"skipCache":1}"#, "config.skipCache"),
        ])
    func `a broken member of a step is refused without its name, or not at all`(members: String, expected: String) {
        #expect(param(members) == "steps[0].\(expected)")
    }

    @Test func `a missing member, or a step that is none, is not named with its place`() {
        for (body, expected) in [
            (#"[{"endpoint":"a","query":{}}]"#, "steps[0].provider"), (#"[{"provider":"openai","query":{}}]"#, "steps[0].endpoint"),
            (#"[{"provider":"openai","endpoint":"a"}]"#, "steps[0].query"), ("[[]]", "steps[0]"), ("[null]", "steps[0]"),
            (#"[{"provider":"a","endpoint":"b","query":{}}, 7]"#, "steps[1]"),
            (#"[{"provider":"a","endpoint":"b","query":{}},{"provider":"a","endpoint":"b/../c","query":{}}]"#, "steps[1].endpoint"),
        ] {
            #expect(refusal { () throws(GatewayError) in _ = try parse(body) }?.param == expected, "\(body)")
        }
    }

    @Test func `a refusal repeats what the client sent`() {
        for members in [
            #""endpoint":"https://secret.example/""#, #""provider":"sec ret""#, #""headers":{"secret x":"1"}"#,
            #""headers":{"a":"secret\n"}"#, #""config":{"backoff":"secret"}"#, #""headers":{"cf-aig-backoff":"secret"}"#,
        ] {
            let error = refusal { () throws(GatewayError) in _ = try step(members) }
            #expect(error?.message.contains("secret") == false && error?.message.contains("sec ret") == false, "\(members)")
        }
    }

    @Test func `a limit of the universal request is off by one`() throws {
        func steps(_ count: Int) -> String {
            "[" + [String](repeating: #"{"provider":"a","endpoint":"b","query":{}}"#, count: count).joined(separator: ",") + "]"
        }
        #expect(try parse(steps(20)).count == 20)
        #expect(refusal { () throws(GatewayError) in _ = try parse(steps(21)) }?.param == "steps")
        #expect(refusal { () throws(GatewayError) in _ = try parse(steps(22)) }?.param == "steps")
        func fields(_ count: Int) -> String { (0..<count).map { "\"x-\($0)\":\"\"" }.joined(separator: ",") }
        #expect(try step(#""headers":{\#(fields(50))}"#).headers.count == 50)
        for count in [51, 52, 80] { #expect(param(#""headers":{\#(fields(count))}"#) == "steps[0].headers") }
        let text = String(repeating: "v", count: 8192)
        #expect(try step(#""headers":{"a":"\#(text)"}"#).headers[0].value == text)
        #expect(param(#""headers":{"a":"\#(text)v"}"#) == "steps[0].headers.a")
        let name = String(repeating: "n", count: 256)
        #expect(param(#""headers":{"\#(name)":"v"}"#) == nil)
        #expect(param(#""headers":{"\#(name)n":"v"}"#) == "steps[0].headers")
        let limits = UniversalLimits(endpointBytes: 4, headerBytes: 4)
        #expect(param(#""headers":{"a":"1","b":"2"},"endpoint":"a/bc""#, limits: limits) == nil)
        #expect(param(#""headers":{"a":"1","b":"22"},"endpoint":"a""#, limits: limits) == "steps[0].headers")
        #expect(param(#""endpoint":"a/bcd""#, limits: limits) == "steps[0].endpoint")
        #expect(param(#""provider":"\#(String(repeating: "p", count: 80))""#) == nil)
        #expect(param(#""provider":"\#(String(repeating: "p", count: 81))""#) == "steps[0].provider")
        let deep = String(repeating: "[", count: 61) + String(repeating: "]", count: 61)
        #expect(param(#""query":{"a":\#(deep)}"#) == nil)
        #expect(
            refusal { () throws(GatewayError) in _ = try step(#""query":{"a":[\#(deep)]}"#) }?.code == "invalid_json",
            "65 levels with the envelope")
    }

    @Test func `a key of the gateway or a hop's field travels on with a step`() throws {
        let found = try step(
            #""headers":{"cf-aig-authorization":"Bearer wk_1","Authorization":"Bearer \twk_2","x-api-key":"wk_3","api-key":"real","#
                + #""X-Goog-Api-Key":" real2 ","Connection":"close, X-Hop","Transfer-Encoding":"chunked","Host":"evil","X-Hop":"1","#
                + #""Content-Length":"7","Cookie":"c","X-Forwarded-For":"1.2.3.4","te":"trailers","Upgrade":"h2c","accept-encoding":"br","#
                + #""content-encoding":"gzip","anthropic-beta":"b","X-Count":3,"X-Flag":true,"cf-aig-unknown":"1","cf-aig-metadata":"{}"}"#)
        #expect(found.headers.map(\.name) == ["anthropic-beta", "x-count", "x-flag"])
        #expect(found.headers.map(\.value) == ["b", "3", "true"])
        #expect(found.credentials.map(\.name) == ["api-key", "x-goog-api-key"] && found.credentials.map(\.value) == ["real", "real2"])
        #expect(found.controls.map(\.name) == ["cf-aig-metadata"])
    }

    @Test func `a step's config does not win over its header fields`() throws {
        let found = try step(
            #""headers":{"cf-aig-max-attempts":"2","cf-aig-retry-delay":" 99999 ","cf-aig-cache-ttl":"5","cf-aig-skip-cache":"true"},"#
                + #""config":{"maxAttempts":"9","cacheTtl":60,"skipCache":false,"unknown":[1],"requestTimeout":1e3,"backoff":null}"#)
        #expect(found.attempts.maxAttempts == 5 && found.attempts.retryDelayMilliseconds == 5000)
        #expect(found.attempts.requestTimeoutMilliseconds == 1000 && found.attempts.backoff == nil)
        #expect(found.controls.map(\.name) == ["cf-aig-cache-ttl", "cf-aig-skip-cache"] && found.controls.map(\.value) == ["60", "false"])
        #expect(try step(#""config":null,"headers":null"#).attempts == AttemptFields())
    }

    @Test func `an escaped name or an unknown member changes what a step means`() throws {
        let found = try step(#""x":[{"provider":"y"}],"provid\u0065r":"groq","provider2":"openai","query":{"query":1}"#)
        #expect(found.providerName == "groq")
    }

    // MARK: Routing

    @Test func `a step leads elsewhere than its native path`() throws {
        let router = try Fixture.router()
        for (provider, endpoint) in [
            ("openai", "chat/completions"), ("openai", "/v1/chat/completions"), ("anthropic", "v1/messages"), ("claude", "messages"),
            ("google-ai-studio", "v1beta/models/gemini-2.5-flash:generateContent"), ("gemini", "v1/models/g:streamGenerateContent?alt=sse"),
            ("azure-openai", "west/my-deployment/chat/completions?api-version=2024-10-21"), ("custom-groq", "chat/completions"),
            ("aws-bedrock", "bedrock-runtime/us-west-2/model/m/invoke"), ("openai", "files"),
        ] {
            let found = try parse(#"[{"provider":"\#(provider)","endpoint":"\#(endpoint)","query":{}}]"#)[0]
            let request = try router.route(found, index: 0)
            let plain = endpoint.hasPrefix("/") ? String(endpoint.dropFirst()) : endpoint
            #expect(RoutedRequest.native(request) == router.route("POST", "/\(provider)/\(plain)"), "\(provider) \(endpoint)")
            var url: [UInt8] = []
            try router.providers.appendNativeURL(
                request, path: found.path.span, query: found.pathQuery.span, removesCredentials: true, to: &url)
            #expect(try String(decoding: url, as: UTF8.self) == router.url("POST", "/\(provider)/\(plain)"))
        }
    }

    @Test func `a step that leads nowhere is not refused as its native path is`() throws {
        let router = try Fixture.router()
        for (provider, endpoint, code, param) in [
            ("nobody", "chat/completions", "unknown_provider", "provider"), ("v1", "chat/completions", "unknown_provider", "provider"),
            ("compat", "chat/completions", "unknown_provider", "provider"), ("weir", "usage", "unknown_provider", "provider"),
            ("azure-openai", "north/d/chat/completions", "unknown_path", "endpoint"),
            ("openai", "v1/v1/chat/completions", "doubled_prefix", "endpoint"), ("openai", "a%2Fb", "malformed_path", "endpoint"),
        ] {
            let found = try parse(#"[{"provider":"\#(provider)","endpoint":"\#(endpoint)","query":{}}]"#)[0]
            let error = refusal { () throws(GatewayError) in _ = try router.route(found, index: 3) }
            #expect(error?.code == code && error?.param == "steps[3].\(param)", "\(provider) \(endpoint): \(String(describing: error))")
        }
    }

    // MARK: Any bytes

    @Test func `mutated requests are misread`() throws {
        var random = SplitMix64(seed: 41)
        let router = try Fixture.router()
        let seeds = [
            documented,
            #"[{"provider":"openai","endpoint":"v1/chat/completions?a=b","headers":{"Authorization":"Bearer k","a":"b","Connection":"a"},"query":{"a":[1,"x"]},"config":{"maxAttempts":2}}]"#,
            #"{"error":{"code":"context_length_exceeded","message":"maximum context length is"}}"#,
            #"[{"promptFeedback":{"blockReason":"SAFETY"},"candidates":[]}]"#,
        ].map { Array($0.utf8) }
        let tokens = ["{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0041", "..", "/", "\r\n", "\"query\":", "wk_", "é", "1e9", "null"]
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
            for _ in 0...Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...4, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(contentsOf: Array((tokens.randomElement(using: &random) ?? "").utf8), at: index)
                case 3: bytes.insert(contentsOf: bytes[index..<min(index + 40, bytes.count)], at: index)
                default: bytes.swapAt(index, Int.random(in: 0..<bytes.count, using: &random))
                }
            }
            #expect(universalFault(bytes, router) == nil, "\(String(decoding: bytes, as: UTF8.self))")
            if (try? UniversalRequest(parsing: bytes.span)) != nil { accepted += 1 }
        }
        #expect((1_000..<15_000).contains(accepted), "the corpus must hold both kinds: \(accepted)")
    }
}
