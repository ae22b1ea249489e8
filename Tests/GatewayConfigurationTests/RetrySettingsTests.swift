import Routing
import Testing

@testable import GatewayConfiguration

@Suite struct RetrySettingsTests {
    @Test func `without a word the policies are those of the routing machines`() throws {
        let snapshot = try load("routes: {a: demo/m}")
        #expect(snapshot.retry == RetryPolicy())
        #expect(snapshot.breaker == BreakerSettings())
        #expect(snapshot.routes[0].retry == RetryPolicy())
        #expect(snapshot.routes[0].hedge == nil)
        #expect(snapshot.healthProbes.allSatisfy { $0 == nil })
        #expect(snapshot.healthProbes.count == snapshot.providers.definitions.count)
    }

    @Test func `a route's retries are the general ones where it sets none and the deadline is its own`() throws {
        let snapshot = try load(
            """
            retry: {attempts: 3, delay: 1s, backoff: linear, steps: 7, retry_after_max: 20s, patience: 2s, on_timeout: true, on_stored: true}
            timeouts: {deadline: 90s}
            routes:
              a: {targets: demo/m, retry: {attempts: 1, on_timeout: false}, timeouts: {deadline: 30s}}
              b: demo/m
            """)
        let general = RetryPolicy(
            attemptsPerTarget: 3, delayMilliseconds: 1000, backoff: .linear, stepsMax: 7, deadlineMilliseconds: 90_000,
            retryAfterMillisecondsMax: 20_000, patienceMilliseconds: 2000, repeatsTimedOut: true, repeatsStored: true)
        #expect(snapshot.retry == general)
        #expect(snapshot.route(named: "b")?.retry == general)
        var own = general
        own.attemptsPerTarget = 1
        own.repeatsTimedOut = false
        own.deadlineMilliseconds = 30_000
        #expect(snapshot.route(named: "a")?.retry == own)
    }

    @Test func `the bounds of the file are those of the machines`() {
        func range(_ path: String) -> ClosedRange<Int>? { ParameterTable.standard.parameter(at: path)?.range }
        #expect(range("retry.attempts") == RetryPolicy.attemptsBounds)
        #expect(range("retry.delay") == RetryPolicy.delayMillisecondsBounds)
        #expect(range("retry.steps") == RetryPolicy.stepsBounds)
        for parameter in ParameterTable.retry where parameter.path.hasPrefix("retry.") {
            #expect(range("routes.*." + parameter.path) == parameter.range)
        }
    }

    @Test func `a hedge is what is given and the rest by default`() throws {
        let snapshot = try load("routes: {a: {targets: [demo/m, demo/n], hedge: {quantile: 0.99, delay_max: 2s}}}")
        #expect(snapshot.routes[0].hedge == HedgePolicy(quantile: 0.99, delayMillisecondsMin: 50, delayMillisecondsMax: 2000))
        for text in ["0.5", "0.999"] {
            #expect(refusals("routes: {a: {targets: [demo/m, demo/n], hedge: {quantile: \(text)}}}").isEmpty)
        }
        for text in ["0.499", "0.9991", "-1", "2"] {
            #expect(refusals("routes: {a: {targets: [demo/m, demo/n], hedge: {quantile: \(text)}}}").count == 1)
        }
    }

    @Test func `a breaker is read in its units and waits for a probe longer than any request`() throws {
        let snapshot = try load(
            """
            breaker:
              {consecutive_failures: 3, failing_percent: 25, samples_min: 50, cooldown_min: 1s, cooldown_max: 2m, jitter_percent: 10,
               ramp_step: 500ms, calm: 5m, limited: 3s}
            routes: {a: {targets: demo/m, timeouts: {deadline: 20m}}}
            """)
        var wanted = BreakerSettings()
        wanted.consecutiveFailuresMax = 3
        wanted.failingPercent = 25
        wanted.failingSamplesMin = 50
        wanted.cooldownNanosecondsMin = 1_000_000_000
        wanted.cooldownNanosecondsMax = 120_000_000_000
        wanted.jitterPercent = 10
        wanted.rampStepNanoseconds = 500_000_000
        wanted.calmNanoseconds = 300_000_000_000
        wanted.limitedNanoseconds = 3_000_000_000
        wanted.probeNanosecondsMax = 1_260_000_000_000
        #expect(snapshot.breaker == wanted)
        #expect(
            refusals("breaker:\n  cooldown_min: 61s\n") == [
                "weir.yaml:2: breaker.cooldown_min: 61000 is above breaker.cooldown_max (60000)"
            ])
    }

    @Test func `a health probe has a URL on the provider's host`() throws {
        let snapshot = try load(
            """
            providers:
              openai: {health: {path: /v1/models, interval: 5s, timeout: 1s}}
              mine: {url: "https://llm.example.com:8443/api/v1", health: {path: "/healthz?deep=1"}}
              azure-openai: {health: {path: /status}}
            """)
        func probe(_ name: String) throws -> (HealthProbe?, String?) {
            let index = try #require(snapshot.providers.index(of: name))
            return (snapshot.healthProbes[index], snapshot.healthProbeURL(providerAt: index))
        }
        #expect(try probe("openai").0 == HealthProbe(path: "/v1/models", intervalMilliseconds: 5000, timeoutMilliseconds: 1000))
        #expect(try probe("openai").1 == "https://api.openai.com/v1/models")
        #expect(try probe("mine").0 == HealthProbe(path: "/healthz?deep=1", intervalMilliseconds: 10_000, timeoutMilliseconds: 2000))
        #expect(try probe("mine").1 == "https://llm.example.com:8443/healthz?deep=1")
        #expect(try probe("azure-openai").1 == nil)
        #expect(try probe("anthropic") == (nil, nil))
    }

    @Test(arguments: [
        "{}", "{path: healthz}", "{path: 'https://evil.example/'}", "{path: '/a b'}", "{path: '/a#b'}", "{path: /a, interval: 500ms}",
        "{path: /a, interval: 1s, timeout: 2s}", "{pth: /a, path: /a}", "true",
    ])
    func `a broken health probe is refused in one line`(_ text: String) {
        let lines = refusals("providers:\n  openai: {health: \(text)}\n")
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.hasPrefix("weir.yaml:2: providers.openai.health") == true, "\(lines)")
    }

    @Test func `a reload applies retries, breakers and probes`() throws {
        let found = ConfigurationDifference(
            running: try load(""),
            loaded: try load("retry: {attempts: 1}\nbreaker: {samples_min: 5}\nproviders: {openai: {health: {path: /}}}"))
        #expect(found.changes == ["retry: changed", "breaker: changed", "providers: ~openai"])
        #expect(found.pending.isEmpty)
    }
}
