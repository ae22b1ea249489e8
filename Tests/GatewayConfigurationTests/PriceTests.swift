import GatewayModel
import RateLimiting
import TestSupport
import Testing

@testable import GatewayConfiguration

@Suite struct PriceTests {
    private func model(_ fields: String) -> String { "prices: {openai: {models: {m: {\(fields)}}}}" }

    private func file(_ providers: String) -> String { "version: 1\nas_of: 2025-01-31\nproviders:\n" + providers }

    /// `config/prices.yaml`.
    private func shipped() throws -> String {
        String(decoding: try ConfigurationLoader.readFromDisk(repository + "/config/prices.yaml"), as: UTF8.self)
    }

    // MARK: The shipped file

    @Test func `the shipped prices are refused, undated or empty`() throws {
        let snapshot = try load("", files: ["prices.yaml": shipped()])
        #expect(snapshot.prices.count > 100)
        #expect(snapshot.pricesAsOf == "2025-08-31")
        #expect(snapshot.prices.providers.values.allSatisfy { $0.asOf != nil })
        #expect(snapshot.description.hasSuffix("\(snapshot.prices.count) model prices as of 2025-08-31"))
        func price(_ provider: String, _ model: String) -> ModelPrice? { snapshot.prices.price(provider: provider, model: model) }
        #expect(price("openai", "gpt-4o") == ModelPrice(input: 2_500_000, output: 10_000_000, cachedInput: 1_250_000))
        #expect(price("openai", "gpt-4o-2024-08-06") == price("openai", "gpt-4o"))
        #expect(price("openai", "gpt-4o-2024-05-13") == ModelPrice(input: 5_000_000, output: 15_000_000))
        #expect(price("openai", "gpt-4o-mini-2024-07-18")?.input == 150_000)
        #expect(price("openai", "gpt-4o-realtime-preview") == nil)
        #expect(price("openai", "text-embedding-3-small") == ModelPrice(input: 20_000))
        #expect(price("anthropic", "claude-sonnet-4-5-20250929")?.cacheWriteInput == 3_750_000)
        #expect(price("anthropic", "claude-opus-4-20250514")?.input == 15_000_000)
        #expect(price("anthropic", "claude-opus-4-5-20251101")?.input == 5_000_000)
        #expect(price("google-ai-studio", "gemini-1.5-flash-8b")?.input == 37_500)
        #expect(price("openrouter", "anthropic/claude-sonnet-4.5")?.output == 15_000_000)
        #expect(price("perplexity-ai", "sonar")?.perRequest == 5_000_000)
        #expect(price("demo", "demo-chat") == ModelPrice(input: 1_000_000, output: 2_000_000))
        #expect(price("azure-openai", "gpt-4o") == nil)
        #expect(!snapshot.prices.tariff(provider: "anthropic", model: "x").countsCachedInput)
        #expect(snapshot.prices.tariff(provider: "openai", model: "x").countsCachedInput)
    }

    @Test func `a shipped cached price is above the price it reduces`() throws {
        for (name, provider) in try load("", files: ["prices.yaml": shipped()]).prices.providers {
            for (model, price) in provider.models {
                #expect(price.cachedInput <= price.input && price.cacheWriteInput >= price.input, "\(name) \(model)")
                #expect(price.input > 0 && (price.output >= price.input || price.output == 0), "\(name) \(model)")
            }
        }
    }

    @Test func `a look-up in the shipped table takes more than 2 µs`() throws {
        let prices = try load("", files: ["prices.yaml": shipped()]).prices
        let clock = ContinuousClock()
        let models = ["gpt-4o", "gpt-4o-2024-08-06", "claude-sonnet-4-5-20250929", "no-such-model-of-any-provider"]
        var best = Duration.seconds(1)
        for _ in 0..<20 {
            var found = 0
            let spent = clock.measure {
                for _ in 0..<100 {
                    for model in models where prices.price(provider: "openai", model: model) != nil { found += 1 }
                }
            }
            #expect(found == 200)
            best = min(best, spent / 400)
        }
        // Debug builds and sanitizers are slower by about ten.
        #expect(best < .microseconds(20), "\(best)")
    }

    // MARK: Files

    @Test func `a missing file is an error where nobody named it, or none where somebody did`() throws {
        let snapshot = try load("")
        #expect(snapshot.prices == .empty)
        #expect(snapshot.pricesAsOf == nil)
        #expect(snapshot.description.hasSuffix(", 0 model prices"))
        #expect(refusals("prices_file: prices.yaml") == ["prices.yaml: can't be read: No such file or directory"])
    }

    @Test func `a file that is there and can't be read passes for a missing one`() {
        let error = #expect(throws: ConfigurationErrors.self) {
            try ConfigurationLoader.load(path: "weir.yaml", environment: [:]) { (path) throws(ConfigurationLoader.FileProblem) in
                if path == "prices.yaml" { throw ConfigurationLoader.FileProblem(reason: "Permission denied") }
                return path == "weir.yaml" ? [] : Array(fewProviders.utf8)
            }
        }
        #expect(error?.description == "prices.yaml: can't be read: Permission denied")
    }

    @Test func `the prices file is looked for elsewhere than beside the configuration`() throws {
        let other = file("  openai: {models: {m: {input: 1, output: 2}}}")
        #expect(try load("prices_file: sub/p.yaml", files: ["sub/p.yaml": other]).prices.count == 1)
        #expect(try load("prices_file: /etc/p.yaml", files: ["/etc/p.yaml": other]).pricesAsOf == "2025-01-31")
    }

    @Test func `the digest or the difference misses a changed price`() throws {
        let files = ["1", "2"].map { ["prices.yaml": file("  openai: {models: {m: {input: \($0), output: 2}}}")] }
        let (old, new) = (try load("", files: files[0]), try load("", files: files[1]))
        #expect(old.digest != new.digest)
        #expect(try old.digest == load("", files: files[0]).digest)
        #expect(try old.digest != load("").digest)
        #expect(ConfigurationDifference(running: old, loaded: new).changes == ["prices: ~openai"])
        #expect(ConfigurationDifference(running: old, loaded: old).isEmpty)
    }

    @Test func `the newest of several days is told`() throws {
        let shipped = file("  openai: {models: {}}\n  groq: {as_of: 2024-12-31}")
        #expect(try load("", files: ["prices.yaml": shipped]).pricesAsOf == "2024-12-31")
        #expect(try load("prices: {groq: {as_of: 2026-01-01}}", files: ["prices.yaml": shipped]).pricesAsOf == "2025-01-31")
        #expect(try load("prices: {groq: {as_of: 2026-01-01}}").pricesAsOf == "2026-01-01")
        #expect(refusals("prices: {groq: {as_of: 2026-02-30}}").count == 1)
    }

    // MARK: Layers

    @Test func `the configuration's prices do not win, or take the others with them`() throws {
        let shipped = file(
            "  openai: {models: {a: {input: 1, cached_input: 0.5, output: 2}, b: {input: 3, output: 4}}}\n  groq: {cached_input_counts: false}"
        )
        let snapshot = try load(
            "prices: {openai: {models: {a: {input: 7, output: 8}, c*: {input: 9, output: 9}}}, groq: {models: {'*': {input: 1, output: 1}}}}",
            files: ["prices.yaml": shipped])
        let models = snapshot.prices.providers["openai"]?.models
        #expect(models?["a"] == ModelPrice(input: 7_000_000, output: 8_000_000))
        #expect(models?["b"]?.input == 3_000_000)
        #expect(models?["c*"]?.input == 9_000_000)
        #expect(
            snapshot.prices.tariff(provider: "groq", model: "x")
                == Tariff(price: ModelPrice(input: 1_000_000, output: 1_000_000), countsCachedInput: false))
        #expect(
            try load("prices: {groq: {cached_input_counts: true}}", files: ["prices.yaml": shipped]).prices.providers["groq"]?
                .countsCachedInput == true)
    }

    @Test func `a provider's alias is another provider`() throws {
        let snapshot = try load("prices: {gemini: {models: {m: {input: 1, output: 2}}}}")
        #expect(snapshot.prices.price(provider: "google-ai-studio", model: "m") != nil)
        #expect(
            refusals("prices:\n  gemini: {models: {}}\n  google-ai-studio: {models: {}}") == [
                "weir.yaml:3: prices.google-ai-studio: is the same provider as gemini"
            ])
    }

    @Test func `the shipped prices are refused beside another file of providers`() throws {
        let files = ["few.yaml": fewProviders, "prices.yaml": try shipped()]
        let snapshot = try load("providers_file: few.yaml", files: files)
        #expect(snapshot.prices.providers.keys.sorted() == ["demo", "openai"])
        #expect(refusals("providers_file: few.yaml\nprices_file: prices.yaml", files: files).first?.contains("is not a provider") == true)
    }

    // MARK: Slips

    @Test func `an unknown provider's prices are taken in silence`() {
        #expect(
            refusals("prices:\n  opnai: {models: {m: {input: 1, output: 1}}}") == [
                "weir.yaml:2: prices.opnai: is not a provider; did you mean openai?"
            ])
        #expect(
            refusals("", files: ["prices.yaml": file("  antropic: {}")]) == [
                "prices.yaml:4: providers.antropic: is not a provider; did you mean anthropic?"
            ])
    }

    @Test(arguments: [
        ("input: -1, output: 1", #"input: -1 is below the minimum 0 (USD)"#),
        ("input: -0.000001, output: 1", #"input: -0.000001 is below the minimum 0 (USD)"#),
        ("input: .nan, output: 1", #"input: ".nan" is not a price in USD such as 2.50"#),
        ("input: nan, output: 1", #"input: "nan" is not a price in USD such as 2.50"#),
        ("input: .inf, output: 1", #"input: ".inf" is not a price in USD such as 2.50"#),
        ("input: 1e3, output: 1", #"input: "1e3" is not a price in USD such as 2.50"#),
        ("input: 0x10, output: 1", #"input: "0x10" is not a price in USD such as 2.50"#),
        ("input: 1_000, output: 1", #"input: "1_000" is not a price in USD such as 2.50"#),
        ("input: $2, output: 1", #"input: "$2" is not a price in USD such as 2.50"#),
        ("input: '1,5', output: 1", #"input: "1,5" is not a price in USD such as 2.50"#),
        ("input: 1.2.3, output: 1", #"input: "1.2.3" is not a price in USD such as 2.50"#),
        ("input: 1., output: 1", #"input: "1." is not a price in USD such as 2.50"#),
        ("input: '', output: 1", #"input: "" is not a price in USD such as 2.50"#),
        ("input: ٣, output: 1", #"input: "٣" is not a price in USD such as 2.50"#),
        ("input: 1000000.000001, output: 1", #"input: 1000000.000001 is above the maximum 1000000 (USD)"#),
        ("input: 99999999999999999999999, output: 1", #"input: 99999999999999999999999 is above the maximum 1000000 (USD)"#),
        ("input: 0.0000001, output: 1", #"input: 0.0000001 has more than 6 decimals"#),
        ("input: 1, output: 1, per_request: 0.0000000001", #"per_request: 0.0000000001 has more than 9 decimals"#),
        ("input: 1, output: 1, per_request: -1", #"per_request: -1 is below the minimum 0 (USD)"#),
        ("input: [1], output: 1", #"input: must be a number, not a list"#),
        ("input: 1", #"output: is missing; write 0 if it costs nothing"#),
        ("output: 1", #"input: is missing; write 0 if it costs nothing"#),
        ("input: 1, outptu: 1, output: 2", #"outptu: is not a known field; did you mean output?"#),
    ])
    func `a wrong price is taken`(fields: String, complaint: String) {
        #expect(refusals(model(fields)) == ["weir.yaml:1: prices.openai.models.m." + complaint])
    }

    @Test func `prices are rounded through a floating-point number`() throws {
        func price(_ text: String) throws -> ModelPrice? {
            try load(model("input: \(text), output: 0, per_request: 1000000")).prices.price(provider: "openai", model: "m")
        }
        #expect(try price("0.1")?.input == 100_000)
        #expect(try price("0.07")?.input == 70_000)
        #expect(try price("0.000001")?.input == 1)
        #expect(try price("999999.999999")?.input == 999_999_999_999)
        #expect(try price("1000000")?.input == ModelPrice.tokenPriceMax)
        #expect(try price("\"2.5000000000\"")?.input == 2_500_000)
        #expect(try price("007")?.input == 7_000_000)
        #expect(try price("-0.0")?.input == 0)
        #expect(try price("0")?.perRequest == Limit.amountMax)
    }

    @Test func `a random text traps, or reads as something else than it says`() throws {
        var random = SplitMix64(seed: 17)
        let alphabet = Array("0123456789..--+e_ xé")
        for _ in 0..<20_000 {
            let text = String((0..<Int(random.next() % 12)).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] })
            guard let value = try? Quantity.decimal(text, decimals: 6, range: 0...1_000_000) else { continue }
            #expect(value >= 0 && value <= 1_000_000_000_000)
            let digits = String(value)
            let padded = String(repeating: "0", count: max(0, 7 - digits.count)) + digits
            let written = padded.dropLast(6) + "." + padded.suffix(6)
            #expect(Double(written) == abs(try #require(Double(text))), "\(text) as \(written)")
        }
    }

    @Test(arguments: [
        ("'gpt-*-mini': {input: 1, output: 1}", #""gpt-*-mini" has a * before its end; it can only stand for the rest of a name"#),
        ("'**': {input: 1, output: 1}", #""**" has a * before its end; it can only stand for the rest of a name"#),
        ("'': {input: 1, output: 1}", #""" is not a model's name: 1 to 256 bytes without spaces"#),
        ("'a b': {input: 1, output: 1}", #""a b" is not a model's name: 1 to 256 bytes without spaces"#),
    ])
    func `a name that can match nothing is taken`(entry: String, complaint: String) {
        #expect(refusals("prices: {openai: {models: {\(entry)}}}") == ["weir.yaml:1: prices.openai.models: " + complaint])
    }

    @Test func `256 bytes of a name are refused or 257 taken`() throws {
        func yaml(_ length: Int) -> String {
            "prices: {openai: {models: {\(String(repeating: "n", count: length)): {input: 1, output: 1}}}}"
        }
        #expect(try load(yaml(256)).prices.count == 1)
        #expect(refusals(yaml(257)).count == 1)
    }

    @Test(arguments: ["2025-02-29", "yesterday1", "2025-13-01", "2025/01/01"])
    func `a day that never was is taken`(day: String) {
        #expect(
            refusals("", files: ["prices.yaml": "as_of: \(day)"]) == ["prices.yaml:1: as_of: \"\(day)\" is not a date such as 2025-01-31"])
    }

    @Test func `an undated file of prices is taken`() {
        let complaint = "prices.yaml:1: as_of: is missing; the day the prices were looked up, such as 2025-01-31"
        #expect(refusals("", files: ["prices.yaml": "providers: {openai: {}}"]) == [complaint])
        #expect(refusals("", files: ["prices.yaml": ""]).isEmpty)
        #expect(refusals("", files: ["prices.yaml": "as_of: 2025-01-311"]).count == 1)
    }

    @Test func `a file of something else passes for prices`() {
        #expect(refusals("", files: ["prices.yaml": "routes: {a: openai/x}"]) == ["prices.yaml:1: routes: is not a known field"])
        #expect(refusals("", files: ["prices.yaml": "version: 2"]) == ["prices.yaml:1: version: 2 is above the maximum 1"])
        #expect(refusals("prices: 5").count == 1)
        #expect(refusals("prices: {openai: {gpt-4o: {input: 1, output: 1}}}").count == 1)
    }
}
