import GatewayModel
import Logging
import Testing

@testable import GatewayServer
@testable import SemanticCache

@Suite struct `What an answer's head says of a match` {
    /// The value of `weir-semantic-match`.
    private func match(entry: UInt64 = 12, probability: Double?, bound: Double?, maxError: Double?) -> String? {
        let stored = SemanticMatch(
            entry: entry, answer: Digest256(words: (1, 2, 3, 4)), cosine: 0.9, tenant: "acme", keyID: "k",
            created: WallTime(milliseconds: 0), text: [])
        var decision = SemanticDecision(action: .serve)
        decision.probability = probability
        decision.errorBound = bound
        decision.maxError = maxError
        let facts = AnswerFacts(requestID: RequestID(at: WallTime(milliseconds: 0), random: (1, 2)))
        facts.similar = SimilarAnswer(stored, decision)
        var composer = ResponseComposer(limiter: LimiterState(restoring: [], damaged: 0, logger: Logger(label: "test")))
        composer.beginHead(status: 200, facts: facts, now: WallTime(milliseconds: 0))
        let lines = String(decoding: composer.body, as: UTF8.self).split(separator: "\r\n")
        return lines.first { $0.hasPrefix("weir-semantic-match: ") }.map { String($0.dropFirst(21)) }
    }

    @Test(
        arguments: [
            (0.01, "0.0100"), (0.010001, "0.0101"), (0.00001, "0.0001"), (0.99991, "1.0000"), (0, "0.0000"), (1, "1.0000"), (1.5, "1.0000"),
            (-0.5, "0.0000"), (0.12345, "0.1235"),
        ] as [(Double, String)])
    func `the bound is rounded up`(_ bound: Double, _ text: String) {
        #expect(match(probability: 0.5, bound: bound, maxError: 0.05) == "entry=12; p=0.500; bound=\(text)")
    }

    @Test(
        arguments: [(0.9999, "0.999"), (1, "1.000"), (0, "0.000"), (0.1234, "0.123"), (.nan, "0.000"), (2, "1.000")] as [(Double, String)])
    func `the probability is rounded down`(_ probability: Double, _ text: String) {
        #expect(match(probability: probability, bound: nil, maxError: 0.05) == "entry=12; p=\(text)")
    }

    @Test func `what is not known is left out, and what nothing verifies is called so`() {
        #expect(match(probability: nil, bound: nil, maxError: 0.05) == "entry=12")
        #expect(match(probability: nil, bound: nil, maxError: nil) == "entry=12; unverified")
        #expect(match(entry: .max, probability: nil, bound: nil, maxError: nil) == "entry=9223372036854775807; unverified")
    }

    @Test(
        arguments: [
            (0.9999, "0.999"), (1, "1.000"), (0.8, "0.800"), (0.75, "0.750"), (0.97299, "0.972"), (-0.2, "0.000"), (1.01, "1.000"),
            (.nan, "0.000"),
        ] as [(Float, String)])
    func `the cosine in Cache-Status is rounded down`(_ cosine: Float, _ text: String) {
        var bytes: [UInt8] = []
        let status = CacheStatus.similar(ttlSeconds: 60, ageSeconds: 2, cosine: cosine)
        status.append(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "weir; hit; ttl=60; detail=\"semantic \(text)\"")
        #expect(status.isHit && status.ageSeconds == 2 && status.cloudflareName.description == "HIT")
        #expect(status.summary == "hit; detail=semantic" && status.layer == .semantic)
    }

    // MARK: - What a client may ask for

    private func wishes(_ values: String...) throws -> CacheDirectives {
        var directives = CacheDirectives()
        for value in values { try directives.apply(.weirSemantic, value: value) }
        return directives
    }

    @Test(arguments: ["off", "OFF", "Off"]) func `off refuses every match`(_ value: String) throws {
        #expect(try wishes(value).refusesSimilar)
        #expect(try wishes(value, "0.5").refusesSimilar && wishes("0.5", value).refusesSimilar, "a later wish does not undo it")
    }

    @Test func `of several cosines the largest holds`() throws {
        #expect(try wishes("0.9").similarMinimum == 0.9)
        #expect(try wishes("0.9", "0.5").similarMinimum == 0.9 && wishes("0.5", "0.9").similarMinimum == 0.9)
        #expect(try wishes("0") == CacheDirectives() && wishes("1").similarMinimum == 1)
    }

    @Test(arguments: ["", "on", "nan", "inf", "-0.1", "1.0001", "0,9", "0.9 ", " off", "off,0.9", "0.9;", "true"])
    func `a wish without meaning is a 400 that names the field`(_ value: String) {
        let error = #expect(throws: GatewayError.self) { try wishes(value) }
        #expect(error?.status == 400 && error?.param == "weir-semantic")
    }

    @Test func `a wish changes nothing about flights, keys and the exact cache`() throws {
        var found = try wishes("off", "0.9")
        #expect(found.sharesFlights && found.bypass == nil && !found.skipsRead && !found.skipsWrite)
        found.refusesSimilar = false
        found.similarMinimum = 0
        #expect(found == CacheDirectives())
    }
}
