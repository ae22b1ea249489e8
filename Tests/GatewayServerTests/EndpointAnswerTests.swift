import TestSupport
import Testing

@testable import GatewayServer

private func numbers(_ count: Int, _ text: String = "0.125") -> String {
    "[" + Array(repeating: text, count: count).joined(separator: ",") + "]"
}

private func answer(_ vector: String, model: String = "\"m\"", more: String = "") -> String {
    #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":\#(vector)}\#(more)],"model":\#(model),"usage":{"total_tokens":3}}"#
}

@Suite struct `Embeddings endpoint's answer` {
    private func read(_ text: String, _ dimensions: Int = 64) -> Result<EndpointAnswer, EndpointFailure> {
        let bytes = Array(text.utf8)
        do throws(EndpointFailure) { return .success(try EndpointAnswer(parsing: bytes.span, dimensions: dimensions)) } catch {
            return .failure(error)
        }
    }

    private func failure(_ text: String) -> EndpointFailure? {
        if case .failure(let failure) = read(text) { failure } else { nil }
    }

    @Test func `an answer as OpenAI writes it is read`() throws {
        let read = try read(answer("[-0.5, 2.5e-1, 0" + String(repeating: ",1", count: 61) + "]", model: "\"text-3\"")).get()
        #expect(read.vector == [-0.5, 0.25, 0] + [Float](repeating: 1, count: 61))
        #expect(read.model == "text-3")
    }

    @Test func `an answer without a model or an index is read`() throws {
        #expect(try read(#"{"data":[{"embedding":\#(numbers(64))}]}"#).get().model == "")
        #expect(try read(answer(numbers(64), model: "null")).get().model == "")
    }

    @Test(arguments: [
        ("", EndpointFailure.notJSON), ("<html>busy</html>", .notJSON), ("{\"data\":[", .notJSON), ("{} {}", .notJSON),
        (String(repeating: "[", count: 17), .notJSON), ("[]", .malformed), ("{\"error\":{\"message\":\"x\"}}", .malformed),
        ("{\"data\":{}}", .malformed),
        ("{\"data\":[]}", .itemCount), ("{\"data\":[1]}", .malformed), ("{\"data\":[{}]}", .malformed),
        (answer("\"AACAPwAAgD8=\""), .malformed), (answer("null"), .malformed), (answer(numbers(64, "null")), .malformed),
        (answer(numbers(64, "\"1\"")), .malformed), (answer(numbers(64, "NaN")), .notJSON), (answer(numbers(64, "Infinity")), .notJSON),
        (answer(numbers(64), model: "7"), .malformed), (answer(numbers(64), more: ",{\"embedding\":\(numbers(64))}"), .itemCount),
        (#"{"data":[{"index":1,"embedding":\#(numbers(64))}]}"#, .malformed), (answer("[]"), .dimensions),
        (answer(numbers(64, "1e300")), .notFinite), (answer(numbers(64, "1e400")), .notJSON), (answer(numbers(64, "1000001")), .notFinite),
        (answer(numbers(64, "0")), .zeroVector), (answer(numbers(64, "1e-60")), .zeroVector), (answer(numbers(64, "-0.0")), .zeroVector),
    ])
    func `an answer that is none has a name`(_ text: String, _ expected: EndpointFailure) { #expect(failure(text) == expected) }

    @Test func `one component too many or too few is refused`() {
        #expect(failure(answer(numbers(63))) == .dimensions)
        #expect(failure(answer(numbers(64))) == nil)
        #expect(failure(answer(numbers(65))) == .dimensions)
    }

    @Test func `a component of a million is taken, a larger one is not`() {
        #expect(failure(answer(numbers(64, "-1000000"))) == nil)
        #expect(failure(answer(numbers(64, "-1000001"))) == .notFinite)
    }

    @Test func `a model's name may have 256 bytes and no more`() {
        for (count, expected) in [(256, nil), (257, EndpointFailure.malformed)] {
            #expect(failure(answer(numbers(64), model: "\"" + String(repeating: "m", count: count) + "\"")) == expected)
        }
    }

    @Test func `an answer of the largest size is read, and none that is a byte larger`() {
        let text = answer(numbers(64))
        let space = String(repeating: " ", count: EndpointAnswer.bytesMax(dimensions: 64) - text.utf8.count)
        #expect(failure(text + space) == nil)
        #expect(failure(text + space + " ") == .tooLarge)
        #expect(EndpointAnswer.bytesMax(dimensions: 64) == 69_632 && EndpointAnswer.bytesMax(dimensions: 4096) == 327_680)
    }

    @Test func `the longest spelling of a vector of 4096 floats fits`() {
        let text = answer(numbers(4096, "-0.012345678901234567890123456789012345e-01"))
        if case .failure(let failure) = read(text, 4096) { Issue.record("\(failure)") }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func `whatever damage an answer has, it is refused or is a vector`(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let whole = Array(answer(numbers(64, "-1.5e-2")).utf8)
        let alphabet = Array("{}[]\",:0123456789.eE+-nulltrue\\ \u{0}".utf8) + [0x80, 0xC3, 0xFF]
        var refused = 0
        for _ in 0..<3000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = alphabet.randomElement(using: &random) ?? 0
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: index)
                default: bytes.removeLast(Int.random(in: 0..<bytes.count / 2, using: &random))
                }
            }
            do throws(EndpointFailure) {
                let answer = try EndpointAnswer(parsing: bytes.span, dimensions: 64)
                #expect(answer.vector.count == 64 && answer.vector.allSatisfy { $0.isFinite && abs($0) <= 1e6 })
                #expect(answer.vector.contains { $0 != 0 })
            } catch { refused += 1 }
        }
        #expect(refused > 1000 && refused < 3000)
    }
}
