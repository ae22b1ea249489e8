import GatewayModel
import Providers

/// A request that is sent to a provider now and then, so that an outage is known before a client meets it.
public struct HealthProbe: Sendable, Equatable {
    /// The path and query on the provider's host, asked with GET and without a key; begins with `/`.
    public let path: String
    /// `providers.*.health.interval`, in milliseconds.
    public let intervalMilliseconds: Int
    /// `providers.*.health.timeout`, in milliseconds.
    public let timeoutMilliseconds: Int

    /// Reads the `health` section of a provider; `nil` where there is none.
    static func read(_ provider: Section) -> HealthProbe? {
        guard provider.has("health") else { return nil }
        let errorsBefore = provider.context.errors.count
        let section = provider.section("health")
        guard provider.context.errors.count == errorsBefore else { return nil }
        guard let path = section.optionalText("path") else {
            if !section.has("path") { section.report("path", "is missing; a path on the provider's host such as /v1/models") }
            return nil
        }
        guard path.hasPrefix("/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }) else {
            section.report("path", "must begin with / and be plain ASCII without spaces")
            return nil
        }
        let probe = HealthProbe(
            path: path, intervalMilliseconds: section.integer("interval"), timeoutMilliseconds: section.integer("timeout"))
        if probe.timeoutMilliseconds > probe.intervalMilliseconds {
            section.report("timeout", "is longer than the interval (\(probe.intervalMilliseconds) milliseconds)")
        }
        return probe
    }
}

extension GatewayConfigurationSnapshot {
    /// The whole URL of a provider's health probe; `nil` where it has none, or nothing tells its host.
    public func healthProbeURL(providerAt index: Int) -> String? {
        guard let probe = healthProbes[index], providers[index].hasRequiredParameters else { return nil }
        guard let base = providers[index].bases.first, let operation = base.operations.first?.operation else { return nil }
        var url: [UInt8] = []
        let model = Array("model".utf8)
        guard
            (try? providers.appendUnifiedURL(
                provider: index, operation: operation, model: model.span, isStream: false, wantsServerSentEvents: false, to: &url)) != nil
        else { return nil }
        let text = String(decoding: url, as: UTF8.self)
        guard let mark = text.firstRange(of: "://") else { return nil }
        return text[..<mark.upperBound] + text[mark.upperBound...].prefix { $0 != "/" } + probe.path
    }
}
