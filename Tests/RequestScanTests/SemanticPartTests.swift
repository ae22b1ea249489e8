import GatewayModel
import Testing

@testable import RequestScan

@Suite struct SemanticPartTests {
    private func read(_ body: String, _ operation: Operation = .chatCompletions) -> SemanticPart? {
        let bytes = Array(body.utf8)
        return SemanticPart.read(bytes.span, operation: operation)
    }

    private func text(_ part: SemanticPart?) -> String? { part.map { String(decoding: $0.text, as: UTF8.self) } }

    private func digest(_ part: SemanticPart?, _ operation: Operation = .chatCompletions) throws -> Digest256 {
        let rest = try #require(part).rest
        var scanner = RequestScanner()
        return try scanner.scan(rest.span, operation: operation).bodyDigest
    }

    @Test(arguments: [
        (
            #"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"How are \u00e9 you?"}]}"#,
            Operation.chatCompletions
        ),
        (#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"How are é you?"}]}]}"#, .chatCompletions),
        (#"{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"How are é you?"}]}]}"#, .messages),
        (#"{"model":"m","input":"How are é you?"}"#, .responses),
        (#"{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"How are é you?"}]}]}"#, .responses),
        (#"{"model":"m","prompt":"How are é you?"}"#, .completions),
        (#"{"contents":[{"parts":[{"text":"How are é you?"}]}]}"#, .generateContent),
        (#"{"contents":[{"role":"user","parts":[{"text":"How are é you?"}]}]}"#, .generateContent),
    ])
    func `a dialect's last user message is not found`(body: String, operation: Operation) throws {
        let part = try #require(read(body, operation))
        #expect(text(part) == "How are é you?")
        #expect(!String(decoding: part.rest, as: UTF8.self).contains("How"))
        #expect(!part.forcesTool && !part.offersTool && !part.hasImage && !part.hasOtherContent)
    }

    @Test(arguments: [
        #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#, #"{"messages":[]}"#, #"{"messages":"x"}"#,
        #"{"messages":[{"role":"user"}]}"#, #"{"messages":[{"content":"a"}]}"#, #"{"messages":[{"role":"user","content":7}]}"#, "[]", "",
    ])
    func `a body without a last user message has a part`(body: String) { #expect(read(body) == nil) }

    @Test func `an embeddings request has a part`() { #expect(read(#"{"input":"x"}"#, .embeddings) == nil) }

    @Test func `two spellings of the rest are two partitions`() throws {
        let one = read(#"{"model":"m","temperature":0.5,"messages":[{"role":"system","content":"A"},{"role":"user","content":"x y"}]}"#)
        let other = read(
            #"{ "messages" : [ {"content":"\u0041","role":"system"}, {"role":"user","content":"quite another"} ], "temperature":0.5, "stream":true}"#
        )
        #expect(try digest(one) == digest(other))
    }

    @Test(arguments: [
        #"{"messages":[{"role":"system","content":"B"},{"role":"user","content":"x"}]}"#,
        #"{"messages":[{"role":"system","content":"A"},{"role":"user","content":"x"}],"temperature":1}"#,
        #"{"messages":[{"role":"user","content":"before"},{"role":"user","content":"x"}]}"#,
        #"{"messages":[{"role":"system","content":"A"},{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}]}"#,
        #"{"messages":[{"role":"system","content":"A"},{"role":"user","name":"n","content":"x"}]}"#,
    ])
    func `another system prompt, turn, tool or parameter shares a partition`(body: String) throws {
        let base = read(#"{"messages":[{"role":"system","content":"A"},{"role":"user","content":"x"}]}"#)
        #expect(try digest(base) != digest(read(body)))
    }

    @Test func `an earlier text of the conversation is emptied`() throws {
        let part = try #require(read(#"{"messages":[{"role":"user","content":"first"},{"role":"user","content":"second"}]}"#))
        #expect(text(part) == "second")
        #expect(String(decoding: part.rest, as: UTF8.self).contains("first"))
    }

    @Test func `several text parts are one text, and their number belongs to the rest`() throws {
        let two = read(#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}"#)
        let one = read(#"{"messages":[{"role":"user","content":[{"type":"text","text":"a\nb"}]}]}"#)
        #expect(text(two) == "a\nb")
        #expect(text(one) == text(two))
        #expect(try digest(one) != digest(two))
    }

    @Test func `images and files go unnoticed`() {
        let image = #"{"type":"image_url","image_url":{"url":"data:x"}}"#
        #expect(read(#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},\#(image)]}]}"#)?.hasImage == true)
        let file = #"{"type":"file","file":{"file_id":"f"}}"#
        #expect(read(#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},\#(file)]}]}"#)?.hasOtherContent == true)
        let inline = #"{"inlineData":{"mimeType":"image/png","data":"x"}}"#
        #expect(read(#"{"contents":[{"parts":[{"text":"a"},\#(inline)]}]}"#, .generateContent)?.hasImage == true)
        let audio = #"{"inline_data":{"mime_type":"audio/wav","data":"x"}}"#
        #expect(read(#"{"contents":[{"parts":[{"text":"a"},\#(audio)]}]}"#, .generateContent)?.hasOtherContent == true)
    }

    @Test(arguments: [
        (#""tools":[{"type":"function"}]"#, false, true), (#""tools":[]"#, false, false),
        (#""tools":[{"type":"function"}],"tool_choice":"none""#, false, false),
        (#""tools":[{"type":"function"}],"tool_choice":"auto""#, false, true),
        (#""tools":[{"type":"function"}],"tool_choice":"required""#, true, true),
        (#""tools":[{"type":"function"}],"tool_choice":{"type":"function","function":{"name":"f"}}"#, true, true),
        (#""tools":[{"name":"f"}],"tool_choice":{"type":"auto"}"#, false, true),
        (#""tools":[{"name":"f"}],"tool_choice":{"type":"any"}"#, true, true),
        (#""functions":[{"name":"f"}],"function_call":{"name":"f"}"#, true, true),
        (#""tools":[{"functionDeclarations":[]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}"#, true, true),
    ])
    func `what is said of tools is misread`(members: String, forces: Bool, offers: Bool) throws {
        let part = try #require(read(#"{"messages":[{"role":"user","content":"a"}],\#(members)}"#))
        #expect(part.forcesTool == forces)
        #expect(part.offersTool == offers)
    }
}
