import GatewayModel
import RequestScan
import Testing

/// What the gateway reads of a body, dialect by dialect.
@Suite struct FieldTests {
    private func text(_ range: Range<Int>?, _ body: String) -> String? {
        range.map { String(decoding: Array(body.utf8)[$0], as: UTF8.self) }
    }

    private func model(_ body: String) throws -> String? { try scan(body).model(in: Array(body.utf8).span) }

    @Test func `the model is misread`() throws {
        #expect(try model(#"{"model":"openai/gpt-4o"}"#) == "openai/gpt-4o")
        #expect(try model(#"{"model":"a\u002Fb\n"}"#) == "a/b\n")
        #expect(try model(#"{"a":{"model":"x"}}"#) == nil)
        #expect(try model(#"{"model":["x"]}"#) == nil)
        let body = #"{ "model" : "mé", "x":1}"#
        let found = try scan(body)
        #expect(text(found.modelRange, body) == #""mé""# && found.modelIsString && found.plainModelRange == nil)
        let plain = #"{"mode\u006c":"m"}"#
        #expect(try text(scan(plain).plainModelRange, plain) == "m")
        let number = try scan(#"{"model":5}"#)
        #expect(number.modelRange == 9..<10 && !number.modelIsString && number.plainModelRange == nil)
        #expect(try scan(#"{"model":"a\nb"}"#).plainModelRange == nil)
        #expect(try scan(#"{"model":""}"#).plainModelRange == 10..<10)
    }

    @Test func `stream and its options are misread`() throws {
        let body = #"{"stream": true ,"stream_options":{"x":[{"include_usage":false}],"include_usage":true}}"#
        let found = try scan(body)
        #expect(found.isStream && found.includeUsage && text(found.streamRange, body) == "true")
        #expect(text(found.includeUsageRange, body) == "true" && text(found.streamOptionsRange, body)?.first == "{")
        for other in [#"{"stream":false}"#, #"{"stream":"true"}"#, #"{"stream":1}"#, #"{"stream":null}"#, #"{"a":{"stream":true}}"#, "{}"] {
            #expect(try !scan(other).isStream)
        }
        #expect(try !scan(#"{"include_usage":true,"stream_options":{"a":{"include_usage":true}}}"#).includeUsage)
        #expect(try !scan(#"{"stream_options":[{"include_usage":true}]}"#).includeUsage)
    }

    @Test(
        arguments: [
            (#"{"max_tokens":5}"#, 5), (#"{"max_completion_tokens":6,"max_tokens":5}"#, 6), (#"{"max_output_tokens":7}"#, 7),
            (#"{"generationConfig":{"maxOutputTokens":8}}"#, 8), (#"{"generation_config":{"max_output_tokens":8}}"#, 8),
            (#"{"max_tokens":1e2}"#, 100),
            (#"{"max_tokens":12.9}"#, 12), (#"{"max_tokens":1e300}"#, 1 << 53), (#"{"max_tokens":99999999999999999999}"#, 1 << 53),
            (#"{"max_tokens":-1}"#, nil),
            (#"{"max_tokens":"5"}"#, nil), (#"{"max_tokens":null}"#, nil), (#"{"a":{"max_tokens":5}}"#, nil), (#"{"max_tokens":0}"#, 0),
            (#"{"max_tokens":-0}"#, 0),
            (#"{"max_tokens":1.5e1}"#, 15), (#"{"max_tokens":100000000000000}"#, 100_000_000_000_000), ("{}", nil),
        ] as [(String, Int?)])
    func `the output bound is misread`(body: String, expected: Int?) throws {
        #expect(try scan(body).maxTokens == expected)
    }

    @Test(
        arguments: [
            (#"{"temperature":0.7}"#, 0.7), (#"{"temperature":0}"#, 0), (#"{"temperature":1e-1}"#, 0.1), (#"{"temperature":"1"}"#, nil),
            ("{}", nil),
            (#"{"generationConfig":{"temperature":1.25}}"#, 1.25), (#"{"temperature":-0.5}"#, -0.5),
            (#"{"temperature":0.30000000000000004}"#, 0.1 + 0.2),
        ] as [(String, Double?)])
    func `the temperature is misread`(body: String, expected: Double?) throws {
        #expect(try scan(body).temperature == expected)
    }

    @Test(arguments: [
        (#"{"n":3}"#, 3), (#"{"best_of":4,"n":2}"#, 4), (#"{"generationConfig":{"candidateCount":2}}"#, 2), (#"{"n":0}"#, 1),
        (#"{"n":-5}"#, 1), (#"{"n":"2"}"#, 1),
        ("{}", 1), (#"{"n":1e99}"#, 1 << 53),
    ])
    func `the number of choices is misread`(body: String, expected: Int) throws {
        #expect(try scan(body).choices == expected)
    }

    @Test(arguments: [
        (#"{"messages":[{"role":"user","content":"héllo😀"}]}"#, Operation.chatCompletions, 6),
        (#"{"messages":[{"role":"assistant","id":"x","content":[{"type":"text","text":"abc"}]}]}"#, .chatCompletions, 3),
        (#"{"contents":[{"role":"user","parts":[{"text":"abc"}]}]}"#, .generateContent, 3),
        (#"{"input":[{"type":"message","role":"user","content":"abc"}]}"#, .responses, 3),
        (#"{"messages":[{"content":"\u0041\n\ud83d\ude00é"}]}"#, .chatCompletions, 4),
        (#"{"user":"nobody","model":"m"}"#, .chatCompletions, 0),
        (#"{"messages":[{"content":[{"text":"abc"},{"image_url":{"url":"data:xxxxxxxx"}}]}]}"#, .chatCompletions, 3),
        (
            #"{"messages":[{"content":[{"text":"abc"},{"input_audio":{"data":"xxxx"}},{"file":{"file_data":"xxxx"}}]}]}"#, .chatCompletions,
            3
        ),
        (#"{"instructions":"abcd","input":"ef"}"#, .responses, 6), (#"{"input":[{"content":"abc"},{"output":"de"}]}"#, .responses, 5),
        (#"{"input":[{"content":[{"image_url":"data:xxxx"},{"text":"abc"}]},{"encrypted_content":"xxxxx"}]}"#, .responses, 3),
        (#"{"prompt":"abc"}"#, .completions, 3), (#"{"prompt":["abc","d"]}"#, .completions, 4), (#"{"prompt":[1,2,3]}"#, .completions, 12),
        (#"{"prompt":[[1,2],[3]]}"#, .completions, 12), (#"{"input":["ab","c"]}"#, .embeddings, 3),
        (#"{"input":[1,2,3]}"#, .embeddings, 12),
        (#"{"input":[[1,2],[3]]}"#, .embeddings, 12), (#"{"system":"abc","messages":[]}"#, .messages, 3),
        (#"{"system":[{"text":"abc"}]}"#, .messages, 3),
        (#"{"messages":[{"content":[{"source":{"type":"base64","data":"xxxx"}}]}]}"#, .messages, 0),
        (#"{"messages":[{"content":[{"source":{"data":"abcd","type":"text"}}]}]}"#, .messages, 4),
        (#"{"messages":[{"content":[{"source":{"data":"xxxx","type":"base64"},"text":"ab"}]}]}"#, .messages, 2),
        (#"{"messages":[{"content":[{"content":[{"text":"abc"},{"source":{"data":"x","type":"base64"}}]}]}]}"#, .messages, 3),
        (
            #"{"contents":[{"parts":[{"text":"abc"},{"inlineData":{"data":"xxxx"}}]}],"systemInstruction":{"parts":[{"text":"de"}]}}"#,
            .generateContent, 5
        ),
        (#"{"contents":[{"parts":[{"thoughtSignature":"xxxx"}]}]}"#, .generateContent, 0),
        (#"{"content":{"parts":[{"text":"abc"}]}}"#, .embedContent, 3),
        (#"{"requests":[{"content":{"parts":[{"text":"abc"}]}}]}"#, .batchEmbedContents, 3),
        (#"{"tools":[{"description":"abc"}]}"#, .chatCompletions, 3),
        (#"{"prompt":{"variables":{"a":"abc"}}}"#, .responses, 3), (#"{"content":"abc","requests":["d"]}"#, .chatCompletions, 0),
    ])
    func `the text that the model reads is miscounted`(body: String, operation: Operation, expected: Int) throws {
        #expect(try scan(body, operation).inputCharacters == expected)
    }

    @Test(arguments: [
        (#"{"tools":[]}"#, Operation.chatCompletions, false, false), (#"{"tools":null}"#, .chatCompletions, false, false),
        ("{}", .messages, false, false),
        (#"{"tools":[{"type":"function","function":{}}]}"#, .chatCompletions, true, false),
        (#"{"functions":[{}]}"#, .chatCompletions, true, false),
        (#"{"tools":[{"type":"custom","name":"x"}]}"#, .responses, true, false),
        (#"{"tools":[{"type":"web_search"}]}"#, .responses, true, true),
        (#"{"tools":[{"type":"function"},{"type":"mcp"}]}"#, .responses, true, true),
        (#"{"tools":[{"type":"f\u0075nction"}]}"#, .responses, true, false),
        (#"{"tools":[{"name":"x","input_schema":{"type":"object"}}]}"#, .messages, true, false),
        (#"{"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#, .messages, true, true),
        (#"{"tools":[{"googleSearch":{}}]}"#, .chatCompletions, true, true),
        (#"{"tools":[{"functionDeclarations":[{"name":"x"}]}]}"#, .generateContent, true, false),
        (#"{"tools":[{"function_declarations":[]},{"google_search":{}}]}"#, .generateContent, true, true),
        (#"{"tools":[{"codeExecution":{}}]}"#, .generateContent, true, true),
        (#"{"tools":[{"codeExecution":null}]}"#, .generateContent, true, false),
        (#"{"web_search_options":{}}"#, .chatCompletions, false, true), (#"{"web_search_options":null}"#, .chatCompletions, false, false),
        (#"{"plugins":[{"id":"web"}]}"#, .chatCompletions, false, true), (#"{"plugins":[]}"#, .chatCompletions, false, false),
        (#"{"tools":[{"type":7}]}"#, .chatCompletions, true, true),
    ])
    func `tools are misread`(body: String, operation: Operation, hasTools: Bool, isHosted: Bool) throws {
        let found = try scan(body, operation)
        #expect(found.hasTools == hasTools && found.hasHostedTools == isHosted)
    }

    @Test(arguments: [
        (#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"u"}}]}]}"#, Operation.chatCompletions),
        (#"{"messages":[{"content":[{"type":"file","file":{"file_data":"x"}}]}]}"#, .chatCompletions),
        (#"{"messages":[{"content":[{"input_audio":{"data":"x"}}]}]}"#, .chatCompletions),
        (#"{"input":[{"content":[{"image_url":"u"}]}]}"#, .responses),
        (#"{"input":[{"content":[{"file_id":"f"}]}]}"#, .responses),
        (#"{"input":[{"type":"computer_call_output","output":{"image_url":"u"}}]}"#, .responses),
        (#"{"messages":[{"content":[{"type":"image","source":{"type":"url","url":"u"}}]}]}"#, .messages),
        (#"{"messages":[{"content":[{"content":[{"source":{}}]}]}]}"#, .messages),
        (#"{"contents":[{"parts":[{"inlineData":{}}]}]}"#, .generateContent),
        (#"{"contents":[{"parts":[{"file_data":{}}]}]}"#, .generateContent),
        (#"{"contents":{"parts":[{"inline_data":{}}]}}"#, .generateContent),
    ])
    func `an image passes for text`(body: String, operation: Operation) throws {
        #expect(try scan(body, operation).hasImages)
    }

    @Test(arguments: [
        #"{"messages":[{"content":"image_url"}],"image_url":"x"}"#, #"{"messages":[{"content":[{"text":"x","image_url":null}]}]}"#,
        #"{"messages":[{"tool_calls":[{"image_url":"x","source":{}}]}]}"#, #"{"tools":[{"image_url":{}}]}"#,
    ])
    func `text passes for an image`(body: String) throws {
        #expect(try !scan(body).hasImages)
    }

    @Test(
        arguments: [
            (#"{"previous_response_id":"r"}"#, StatefulFields.previousResponse), (#"{"conversation":{"id":"c"}}"#, .conversation),
            (#"{"background":true}"#, .background),
            (#"{"input":[{"content":[{"file_id":"f"}]}]}"#, .file),
            (#"{"tools":[{"type":"file_search","vector_store_ids":["v"]}]}"#, .vectorStore),
            (#"{"tools":[{"type":"code_interpreter","container":"c"}]}"#, .container),
            (#"{"tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["f"]}}]}"#, .file),
            (#"{"prompt":{"id":"p"}}"#, .storedPrompt),
            (#"{"input":[{"type":"item_reference","id":"i"}]}"#, .itemReference), (#"{"container":"c"}"#, .container),
            (#"{"mcp_servers":[{}]}"#, .mcpServers),
            (#"{"messages":[{"content":[{"source":{"type":"file","file_id":"f"}}]}]}"#, .file),
            (#"{"messages":[{"content":[{"type":"container_upload","file_id":"f"}]}]}"#, .file),
            (#"{"messages":[{"content":[{"file":{"file_id":"f"}}]}]}"#, .file), (#"{"cachedContent":"c"}"#, .cachedContent),
            (#"{"cached_content":"c"}"#, .cachedContent),
            (#"{"contents":[{"parts":[{"fileData":{"fileUri":"u"}}]}]}"#, .fileURI),
            (#"{"contents":[{"parts":[{"file_data":{"file_uri":"u"}}]}]}"#, .fileURI),
            (#"{"conversation":"c","background":true}"#, [.conversation, .background]),
        ] as [(String, StatefulFields)])
    func `state at the provider is overlooked`(body: String, expected: StatefulFields) throws {
        let found = try scan(body, .responses)
        #expect(found.statefulFields == expected)
        #expect(found.statefulFields.names.count == expected.rawValue.nonzeroBitCount)
    }

    @Test(arguments: [
        #"{"previous_response_id":null,"conversation":null,"background":false,"container":null,"mcp_servers":[],"cachedContent":null}"#,
        #"{"prompt":{"variables":{}},"input":[{"content":[{"text":"file_id"}],"metadata":{"file_id":"x"}}],"tools":[{"type":"function","parameters":{"file_id":1}}]}"#,
        #"{"input":[{"type":"message","content":"item_reference"}],"file_id":"x"}"#,
        #"{"tools":[{"type":"file_search","vector_store_ids":[]}]}"#,
    ])
    func `an ordinary request passes for a stateful one`(body: String) throws {
        #expect(try scan(body, .responses).statefulFields == [])
    }

    @Test func `store is guessed`() throws {
        #expect(try scan(#"{"store":true}"#).store == true)
        #expect(try scan(#"{"store":false}"#).store == false)
        for body in ["{}", #"{"store":null}"#, #"{"store":"true"}"#] { #expect(try scan(body).store == nil) }
    }

    @Test func `cache controls in the body are misread`() throws {
        let body = #"{"cache":{"ttl":60.5,"s-maxage":30,"no-cache":true,"no-store":false,"namespace":"a\u0062","x":1},"a":1}"#
        let found = try scan(body)
        let cache = try #require(found.liteLLMCache)
        #expect(cache.ttlSeconds == 60 && cache.maxAgeSeconds == 30 && cache.noCache && !cache.noStore)
        #expect(text(cache.namespaceRange, body) == #""a\u0062""#)
        let namespace = found.liteLLMNamespace(in: Array(body.utf8).span)
        #expect(namespace == "ab")
        #expect(text(found.cacheMemberRange, body)?.hasPrefix(#""cache":{"#) == true)
        #expect(try scan(#"{"cache":{"ttl":-5}}"#).liteLLMCache?.ttlSeconds == 0)
        #expect(try scan(#"{"cache":{}}"#).liteLLMCache == LiteLLMCache())
        for other in [#"{"cache":true}"#, #"{"cache":[{"ttl":1}]}"#, #"{"a":{"cache":{}}}"#] {
            #expect(try scan(other).liteLLMCache == nil && scan(other).cacheMemberRange == nil)
        }
    }

    @Test(
        arguments: [
            (#"{"response_format":{"type":"json_object"}}"#, .chatCompletions, true),
            (#"{"response_format":{"json_schema":{"type":"text"},"type":"json_schema"}}"#, .chatCompletions, true),
            (#"{"response_format":{"type":"text"}}"#, .chatCompletions, false),
            (#"{"response_format":{"schema":{"type":"json_object"}}}"#, .chatCompletions, false),
            (#"{"response_format":"json_object"}"#, .chatCompletions, false),
            (#"{"response_format":[{"type":"json_object"}]}"#, .chatCompletions, false),
            (#"{"a":{"response_format":{"type":"json_object"}}}"#, .chatCompletions, false),
            (#"{"messages":[{"role":"user","response_format":{"type":"json_object"}}]}"#, .chatCompletions, false),
            (#"{"text":{"verbosity":"low","format":{"name":"x","type":"json_schema"}}}"#, .responses, true),
            (#"{"text":{"format":{"type":"text"}}}"#, .responses, false), (#"{"text":{"type":"json_object"}}"#, .responses, false),
            (#"{"text":{"format":{"type":"json_schema"}}}"#, .chatCompletions, false),
            (#"{"format":{"type":"json_schema"}}"#, .responses, false),
            (#"{"output_format":{"type":"json_schema"}}"#, .messages, true),
            (#"{"output_config":{"effort":"low","format":{"type":"json_schema"}}}"#, .messages, true),
            (#"{"output_config":{"effort":"low"}}"#, .messages, false),
            (#"{"generationConfig":{"responseMimeType":"application/json"}}"#, .generateContent, true),
            (#"{"generation_config":{"response_mime_type":"application/json"}}"#, .generateContent, true),
            (#"{"generationConfig":{"responseMimeType":"text/plain"}}"#, .generateContent, false),
            (#"{"generationConfig":{"responseSchema":{"type":"OBJECT"}}}"#, .generateContent, true),
            (#"{"generationConfig":{"responseJsonSchema":true}}"#, .generateContent, true),
            (#"{"generationConfig":{"responseSchema":null}}"#, .generateContent, false), ("{}", .chatCompletions, false),
        ] as [(String, Operation, Bool)])
    func `a wish for JSON is missed or imagined`(body: String, operation: Operation, expected: Bool) throws {
        #expect(try scan(body, operation).wantsJSON == expected)
    }
}

/// Embeddings are keyed per item.
@Suite struct EmbeddingTests {
    private func items(_ body: String, limits: ScanLimits = ScanLimits()) throws -> [String] {
        let found = try scan(body, .embeddings, limits: limits)
        return found.embeddingItems.map { String(decoding: Array(body.utf8)[$0], as: UTF8.self) }
    }

    @Test func `items are told apart wrongly`() throws {
        #expect(try items(#"{"input":"a"}"#) == [#""a""#])
        #expect(try items(#"{"input":[ "a" , "b\n"]}"#) == [#""a""#, #""b\n""#])
        #expect(try items(#"{"input":[1, 2]}"#) == ["[1, 2]"])
        #expect(try items(#"{"input":[[1, 2],[3]]}"#) == ["[1, 2]", "[3]"])
        for whole in [
            "[]", "[[]]", "[1,\"a\"]", "[\"a\",[1]]", "[[1],[\"a\"]]", "[[[1]]]", "{}", "null", "7", "[{}]", "[null]", "[[1],[]]",
        ] {
            let found = try scan(#"{"input":\#(whole)}"#, .embeddings)
            #expect(found.embeddingInput == .whole && found.embeddingItems.isEmpty && found.embeddingInputRange == 9..<9 + whole.utf8.count)
        }
        #expect(try scan(#"{"input":"a"}"#, .embeddings).embeddingInput == .strings)
        #expect(try scan(#"{"input":[1]}"#, .embeddings).inputIsTokenArray)
        #expect(try scan(#"{"input":["a"]}"#, .responses).embeddingItems.isEmpty)
    }

    @Test func `items are limited in number`() throws {
        let limits = ScanLimits(embeddingItems: 3)
        #expect(try items(#"{"input":["a","b","c"]}"#, limits: limits).count == 3)
        #expect(try items(#"{"input":["a","b","c","d"]}"#, limits: limits).isEmpty)
        #expect(try items(#"{"input":[1,2,3,4]}"#, limits: limits) == ["[1,2,3,4]"], "one item")
    }

    @Test func `an item has another digest in a batch or in another spelling`() throws {
        var scanner = RequestScanner()
        func digests(_ body: String) throws -> [Digest256] {
            let bytes = Array(body.utf8)
            let found = try scanner.scan(bytes.span, operation: .embeddings)
            return try found.embeddingItems.map { try scanner.itemDigest($0, in: bytes.span) }
        }
        let (a, b) = try (digests(#"{"input":"a"}"#)[0], digests(#"{"input":"b"}"#)[0])
        #expect(try digests(#"{"input":["\u0061", "b" ,"a"]}"#) == [a, b, a])
        #expect(a != b)
        #expect(try digests(#"{"input":[1,2]}"#) == digests(#"{"input":[[1 ,2]]}"#))
        #expect(try digests(#"{"input":[[1],[12]]}"#)[0] != digests(#"{"input":[[1],[12]]}"#)[1])
        #expect(throws: ScanError.self) { try scanner.itemDigest(0..<100, in: [1].span) }
    }

    @Test func `the rest of an embeddings body depends on its input or loses a field`() throws {
        let rest = try scan(#"{"model":"a","input":"x","dimensions":5}"#, .embeddings).restDigest
        #expect(rest != nil)
        #expect(try scan(#"{"dimensions":5,"input":["y","z"],"model":"b"}"#, .embeddings).restDigest == rest)
        #expect(try scan(#"{"dimensions":6,"input":"x"}"#, .embeddings).restDigest != rest)
        #expect(try scan(#"{"dimensions":5,"input":"x","encoding_format":"base64"}"#, .embeddings).restDigest != rest)
        #expect(try scan(#"{"input":"x"}"#, .responses).restDigest == nil)
    }
}
