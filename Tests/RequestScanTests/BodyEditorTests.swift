import GatewayModel
import JSON
import RequestScan
import Testing

@Suite struct BodyEditorTests {
    private func edit(_ body: String, _ operation: Operation = .chatCompletions, _ edits: (RequestScan) -> [BodyEdit]) throws -> String {
        let bytes = Array(body.utf8)
        let found = try scan(bytes, operation)
        let edited = BodyEditor.apply(edits(found), to: bytes.span, scan: found)
        _ = try JSONValue(parsing: edited.span)
        return String(decoding: edited, as: UTF8.self)
    }

    @Test(arguments: [
        (#"{"model":"a","b":1}"#, #"{"model":"x\"y","b":1}"#), (#"{"b": 1, "model" : "a" }"#, #"{"b": 1, "model" : "x\"y" }"#),
        (#"{"b":1}"#, #"{"model":"x\"y","b":1}"#), (#"{}"#, #"{"model":"x\"y"}"#), (#" { } "#, #" {"model":"x\"y" } "#),
        (#"{"model":7}"#, #"{"model":"x\"y"}"#),
    ])
    func `another byte than the model's changes`(body: String, expected: String) throws {
        #expect(try edit(body) { _ in [.setModel("x\"y")] } == expected)
    }

    @Test(arguments: [
        (#"{"stream":true}"#, #"{"stream_options":{"include_usage":true},"stream":true}"#),
        (#"{}"#, #"{"stream_options":{"include_usage":true}}"#),
        (#"{"stream_options":{}}"#, #"{"stream_options":{"include_usage":true}}"#),
        (#"{"stream_options":{ }}"#, #"{"stream_options":{"include_usage":true }}"#),
        (#"{"stream_options":{"a":1}}"#, #"{"stream_options":{"include_usage":true,"a":1}}"#),
        (#"{"stream_options":{"include_usage":false,"a":1}}"#, #"{"stream_options":{"include_usage":true,"a":1}}"#),
        (#"{"stream_options":{"include_usage":true}}"#, #"{"stream_options":{"include_usage":true}}"#),
        (#"{"stream_options":null}"#, #"{"stream_options":{"include_usage":true}}"#), (#"{"stream_options":7}"#, #"{"stream_options":7}"#),
    ])
    func `asking for usage breaks or doubles the options`(body: String, expected: String) throws {
        #expect(try edit(body) { _ in [.includeUsage] } == expected)
    }

    @Test(arguments: [
        (#"{"stream":false,"a":1}"#, #"{"stream":true,"a":1}"#), (#"{"a":1}"#, #"{"stream":true,"a":1}"#),
        (#"{"stream":null}"#, #"{"stream":true}"#),
    ])
    func `switching the stream changes another byte`(body: String, expected: String) throws {
        #expect(try edit(body) { _ in [.setStream(true)] } == expected)
        #expect(try edit(expected) { _ in [.setStream(false)] } == expected.replacing("true", with: "false"))
    }

    private static let middle = [#""cache":{}"#, #""models":[]"#, #""provider":{}"#, #""a":1"#, #""b":[2]"#]

    @Test func `a member takes a wrong comma with it`() throws {
        // Every subset of the members in several orders, with every subset of the removable ones removed.
        for rotation in 0..<3 {
            for present in 0..<32 {
                let rotated = (0..<5).map { Self.middle[($0 + rotation) % 5] }
                let members = rotated.enumerated().filter { present >> $0.offset & 1 == 1 }.map(\.element)
                for separator in [",", " ,\n\t"] {
                    for removed in 0..<8 {
                        let body = "{ " + members.joined(separator: separator) + " }"
                        let edited = try edit(body) { found in
                            let ranges = [found.cacheMemberRange, found.modelsMemberRange, found.providerMemberRange]
                            return ranges.enumerated().compactMap {
                                removed >> $0.offset & 1 == 1 ? $0.element.map(BodyEdit.removeMember) : nil
                            }
                        }
                        let gone = (0..<3).filter { removed >> $0 & 1 == 1 }.map { Self.middle[$0] }
                        let expected = "{" + members.filter { !gone.contains($0) }.joined(separator: ",") + "}"
                        #expect(edited.filter { !$0.isWhitespace } == expected, "\(body)")
                    }
                }
            }
        }
    }

    @Test func `edits of one body disturb each other`() throws {
        let body = #"{"cache":{"ttl":1},"models":["x"],"stream":true,"model":"a","provider":{}}"#
        let edited = try edit(body) { found in
            [found.cacheMemberRange, found.modelsMemberRange, found.providerMemberRange].compactMap { $0.map(BodyEdit.removeMember) }
                + [.setModel("m"), .includeUsage, .setStream(false)]
        }
        #expect(edited == #"{"stream_options":{"include_usage":true},"stream":false,"model":"m"}"#)
        let only = try edit(#"{"cache":{}}"#) { found in
            [.setModel("m"), .setStream(true)] + [found.cacheMemberRange].compactMap { $0.map(BodyEdit.removeMember) }
        }
        #expect(only == #"{"model":"m","stream":true}"#)
    }

    @Test(arguments: [
        (#"{"input":["a", "b" ,"c"],"x":1}"#, [2, 0], #"{"input":["c","a"],"x":1}"#), (#"{"input":["a","b"]}"#, [], #"{"input":[]}"#),
        (#"{"input":"a"}"#, [0], #"{"input":"a"}"#), (#"{"input":[1,2]}"#, [0], #"{"input":[1,2]}"#),
        (#"{"input":[[1 ,2],[3]]}"#, [1], #"{"input":[[3]]}"#),
        (#"{"input":["a"]}"#, [0], #"{"input":["a"]}"#), (#"{"input":{}}"#, [], #"{"input":{}}"#),
    ])
    func `a subset of a batch names other items`(body: String, indices: [Int], expected: String) throws {
        #expect(try edit(body, .embeddings) { _ in [.keepEmbeddingItems(indices)] } == expected)
    }

    @Test func `no edit changes the body`() throws {
        let body = " {\"a\" :\t1 ,\"b\":\"\\u0041\"}\n"
        #expect(try edit(body) { _ in [] } == body)
    }
}
