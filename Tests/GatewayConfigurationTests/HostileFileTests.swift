import TestSupport
import Testing

@testable import GatewayConfiguration

@Suite struct HostileFileTests {
    @Test func `an alias bomb is refused before it is built, as value or as key`() {
        let values =
            "a: &a [x, x]\n" + zip("bcdefghij", "abcdefghi").map { "\($0): &\($0) [*\($1), *\($1), *\($1), *\($1), *\($1)]\n" }.joined()
        #expect(refusals(values).first?.contains("aliases (&name, *name) are not supported") == true)
        let keys =
            "? &a [x]\n: 1\n"
            + zip("bcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxy").map { "? &\($0) [*\($1), *\($1)]\n: 1\n" }.joined()
        #expect(refusals(keys).first?.contains("aliases (&name, *name) are not supported") == true)
        #expect(refusals("{\"a\":&x [1],\"b\":*x}").first?.contains("aliases") == true)
        #expect(refusals("# it's a quote\nx: &n [1]\n\"y\": {? *n : 2}").first?.contains("aliases") == true)
    }

    @Test func `an ampersand or a star in a text is no alias`() throws {
        _ = try load("tenants: {a: {metadata: {name: \"R&D *special*\"}, models: ['*mini', \"gpt-*\"]}}")
    }

    @Test func `merge keys, anchors alone and odd keys do not change what is read`() throws {
        #expect(refusals("cache: {<<: {ttl: 1}}").first?.contains("merge keys") == true)
        #expect(refusals("? [a, b]\n: 1").first?.contains("single word") == true)
        #expect(refusals("? {a: b}\n: 1").first?.contains("single word") == true)
        #expect(try load("cache: &unused {ttl: 5}").cache.standard.ttlSeconds == 5)
    }

    @Test(arguments: [("[", 999), ("{a: ", 999), ("[", 100_000), ("- ", 999), ("- ", 20_000), ("? ", 999), ("{? ", 400), ("[[", 33)])
    func `deep nesting is refused and not a stack overflow`(_ opening: String, _ count: Int) {
        #expect(!refusals(String(repeating: opening, count: count)).isEmpty)
        #expect(!refusals("cache: " + String(repeating: opening, count: count) + "x").isEmpty)
    }

    @Test func `deep block mappings are refused`() {
        let yaml = (0..<900).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        #expect(refusals(yaml).first?.contains("nested deeper than 32 levels") == true)
    }

    @Test func `8 MiB are read and one byte more is not`() throws {
        let largest = [UInt8](repeating: 0x23, count: YAMLDocument.bytesMax)
        _ = try load(bytes: largest)
        let error = #expect(throws: ConfigurationErrors.self) { try load(bytes: largest + [0x23]) }
        #expect(error?.description == "weir.yaml: 8388609 bytes where at most 8388608 are allowed")
    }

    @Test func `encodings other than UTF-8 are told by line`() throws {
        func refusal(_ bytes: [UInt8]) -> String? { #expect(throws: ConfigurationErrors.self) { try load(bytes: bytes) }?.description }
        #expect(refusal([0xFF, 0xFE, 0x61, 0x00]) == "weir.yaml:1: control byte 0 is not allowed")
        #expect(refusal([0xFE, 0xFF, 0x61, 0x61]) == "weir.yaml:1: is UTF-16; save it as UTF-8")
        #expect(refusal(Array("a: 1\nb: 2\n".utf8) + [0xC3]) == "weir.yaml:3: is not valid UTF-8 here")
        #expect(refusal([0xC0, 0xAF]) == "weir.yaml:1: is not valid UTF-8 here")
        #expect(refusal([0xED, 0xA0, 0x80]) == "weir.yaml:1: is not valid UTF-8 here")
        let marked = try load(bytes: [0xEF, 0xBB, 0xBF] + Array("cache: {ttl: 9}".utf8))
        #expect(marked.cache.standard.ttlSeconds == 9)
    }

    @Test(arguments: [
        "cache", "- a", "'", "\"", "[", "{", "a: b: c", "a:\n  b\n c: d", "%YAML 9.9\n---\n", "%FOO\n---\na: 1", "--- |\n x", "!!binary x",
        "a: !<tag:x> y", "\u{85}",
        "\u{2028}a: 1", "cache: !!map [x]", "...", "a: |\n\tx", "@a: 1", "`a`: 1", "a: &", "a: *", "*", "&", "!", "? ", ": ", "-", "null",
        "~", "cache: ~", "{}: {}",
        "\u{FEFF}\u{FEFF}a: 1", "a: \"\\xZZ\"", "a: \"\\uD800\"", "cache: {ttl: ~}", "\u{FFFE}", "{,}", "[,]", "a:\r b", "\u{1F600}: 1",
    ])
    func `odd YAML is accepted or refused with a line, never a trap`(_ yaml: String) {
        for line in refusals(yaml) { #expect(line.hasPrefix("weir.yaml")) }
    }

    @Test func `random changes to good and bad files never trap and always answer`() throws {
        var random = SplitMix64(seed: 99)
        let texts = [
            "weir.yaml", "providers.yaml", "bad/route_loop.yaml", "bad/unknown_operation.yaml", "bad/bad_expiry.yaml",
            "bad/limit_policy_without_window.yaml",
            "bad/budget_alerts_out_of_order.yaml",
        ]
        var seeds = try texts.map { try ConfigurationLoader.readFromDisk(repository + "/config/" + $0) }
        // The check knows two providers only.
        let others = ["anthropic/", "groq/", "mistral/", "google-ai-studio/"]
        let routes = others.reduce(ParameterReference.routesExample) { $0.replacing($1, with: "openai/") }
        seeds.append(Array(routes.utf8))
        #expect(refusals("providers_file: few.yaml\n" + routes, files: ["few.yaml": fewProviders]) == [])
        for round in 0..<1000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0..<Int.random(in: 1...6, using: &random) { mutate(&bytes, using: &random) }
            #expect(configurationFault(bytes) == nil, "round \(round)")
        }
    }

    @Test func `random changes to small values never trap, and what is read survives being printed`() {
        var random = SplitMix64(seed: 100)
        let seeds = [
            "127.0.0.1:8787", "[::1]:80", "10.0.0.0/8", "2001:db8::/33", "::ffff:1.2.3.4", "2027-01-31T12:00:00Z", "30d", "gpt-*,o1",
            "0.25", "999999.999999999",
        ]
        for round in 0..<20_000 {
            var bytes = Array(seeds[round % seeds.count].utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) { mutate(&bytes, using: &random) }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(smallTextFault(text) == nil, "\(text)")
        }
    }

    private func mutate(_ bytes: inout [UInt8], using random: inout SplitMix64) {
        guard !bytes.isEmpty else { return }
        let index = Int.random(in: 0..<bytes.count, using: &random)
        let marks = Array("[]{}:,-?!&*|>'\"%@`#\n\t 0_~".utf8)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[index] = marks.randomElement(using: &random) ?? 0
        case 1: bytes.insert(marks.randomElement(using: &random) ?? 0, at: index)
        case 2: bytes.remove(at: index)
        case 3: bytes[index] ^= UInt8.random(in: 1...255, using: &random)
        default:
            let end = min(bytes.count, index + Int.random(in: 1...200, using: &random))
            let piece = Array(bytes[index..<end])
            bytes.insert(contentsOf: piece, at: Int.random(in: 0...bytes.count, using: &random))
        }
    }
}
