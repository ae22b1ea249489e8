import Testing

@testable import GatewayConfiguration

@Suite struct ReloadTests {
    private func difference(_ old: String, _ new: String, environment: [String: String] = [:]) throws -> ConfigurationDifference {
        ConfigurationDifference(running: try load(old), loaded: try load(new, environment: environment))
    }

    @Test func `a changed comment or an explicit default is no difference`() throws {
        #expect(try difference("", "# a comment\ncache: {ttl: 1h}\nlisten: {data: localhost:8787}").isEmpty)
    }

    @Test func `a field that takes a restart is reported with both values`() throws {
        let found = try difference(
            "", "listen: {data: 127.0.0.1:9000}\ndata_directory: /var/lib/weir\nloops: 2\ncache: {bytes_max: 1GiB}\ndemo: {enabled: true}")
        #expect(found.changes.isEmpty)
        #expect(found.pending.map(\.field) == ["listen.data", "data_directory", "loops", "cache.bytes_max", "demo.enabled"])
        #expect(found.description.hasPrefix("listen.data: 127.0.0.1:9000 takes a restart; 127.0.0.1:8787 stays in force\n"))
    }

    @Test func `what a reload changes is told by name and never by value`() throws {
        let found = try difference(
            "routes: {a: openai/x, b: openai/y}\ntenants: {t: {}}\ncache: {shares: {s: [t]}}",
            "routes: {b: openai/z, c: openai/y}\ntenants: {t: {disabled: true}}\nlimits: {keep_alive_timeout: 5s}\ncache: {ttl: 7}",
            environment: ["OPENAI_API_KEY": "sk-canary"])
        #expect(
            found.changes == [
                "limits: changed", "cache: changed", "providers: ~openai", "routes: +c -a ~b", "tenants: ~t", "cache.shares: -s",
            ])
        #expect(!found.description.contains("canary"))
        #expect(found.pending.isEmpty)
    }

    @Test func `limits and metering are changed by a reload`() throws {
        let found = try difference(
            "routes: {a: openai/x}\ntenants: {t: {}}",
            """
            routes: {a: {targets: openai/x, limits: {requests: 1/1s}}}
            tenants: {t: {limits: {requests: 1/1s}}}
            metering: {alert_webhook_secret: env:HOOK}
            """, environment: ["HOOK": "hook-canary"])
        #expect(found.changes == ["metering: changed", "routes: ~a", "tenants: ~t"])
        #expect(found.pending.isEmpty)
    }

    @Test func `a long list of changes is cut at 20 names`() throws {
        let found = try difference("", "routes:\n" + (10..<40).map { "  r\($0): openai/x\n" }.joined())
        #expect(found.changes.count == 1)
        #expect(found.changes[0].hasSuffix("+r29 and 10 more"))
    }

    @Test func `the digest follows the content of both files`() throws {
        let first = try load("")
        #expect(try load("").digest == first.digest)
        #expect(try load("# x").digest != first.digest)
        let digests = try ["providers: {}", "providers: {} #"].map { try load("providers_file: p.yaml", files: ["p.yaml": $0]).digest }
        #expect(digests[0] != digests[1])
    }
}
