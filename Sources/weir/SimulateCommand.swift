import ArgumentParser
import GatewayConfiguration
import GatewayModel
import JSON
import RateLimiting
import Tenants

/// `weir limits simulate`
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Replays recorded traffic against limits and tells what they would have refused.",
        discussion: """
            FILE holds JSON lines: the gateway's own log with log.level debug and log.format json, or exported log rows; - is standard input.
            Limits are those of the configuration; --stored adds those that commands gave to tenants and keys. The options under "Limits" then
            replace limits of the same kind of every tenant, or give them to tenants that have none.

            Requests that were refused when they were recorded count as offered; what they would have used is taken from their tenant's others.
            """)

    @OptionGroup var common: CommonOptions
    @Option(name: .long, help: "The recorded traffic.") var log: String
    @Option(name: .long, help: "Requests of this tenant only.") var tenant: String?
    @Flag(name: .long, help: "Also the limits that commands gave to tenants and keys, from the running gateway or the store.")
    var stored = false
    @Flag(name: .long, help: "As JSON.") var json = false
    @OptionGroup(title: "Limits") var limits: LimitOptions

    func run() throws {
        let simulation = LimitSimulation(try simulatedLimits())
        var counts = ReplayCounts()
        try replay(into: simulation, &counts)
        let report = SimulationText(simulation.finish(), counts)
        if counts.requests == 0 {
            Output.note("There is no request in it. The gateway records them with log.level debug and log.format json.")
        }
        Output.result(json ? jsonText(report.json) : report.text)
    }

    // MARK: The limits

    private func simulatedLimits() throws -> SimulatedLimits {
        let configuration = try common.load()
        let patterns = PatternCache()
        var simulated = SimulatedLimits { pattern, model, provider in patterns.matches(pattern, model, provider) }
        if stored { (simulated.tenants, simulated.keys) = try StoredLimits.madeByCommands(common) }
        for tenant in configuration.tenancy.tenants { simulated.tenants[tenant.id] = tenant.limits.limits }
        for key in configuration.tenancy.keys { simulated.keys[key.id] = key.limits.limits }
        for route in configuration.routes { simulated.routes[route.name] = route.limits.limits }
        simulated.hitsFactor = Int64(configuration.metering.hitsFactor)
        simulated.valuesMax = configuration.metering.metadataValuesMax
        if let change = try limits.json() { try apply(change, to: &simulated) }
        return simulated
    }

    private func apply(_ json: JSONValue, to simulated: inout SimulatedLimits) throws {
        do throws(LimitSyntaxError) {
            let change = try LimitSetChange(json)
            simulated.otherTenants = try change.applied(to: LimitSet()).limits
            for (id, limits) in simulated.tenants { simulated.tenants[id] = try change.applied(to: LimitSet(limits: limits)).limits }
        } catch {
            throw CommandError("limits: \(error)", exitCode: .usage)
        }
    }

    // MARK: The traffic

    private func replay(into simulation: LimitSimulation, _ counts: inout ReplayCounts) throws {
        var lines = try LineReader(path: log)
        var order = ReplayOrder()
        var progress = ProgressLine()
        while let line = try lines.next() {
            counts.lines += 1
            if counts.lines % 4096 == 0 {
                let (bytes, size) = (lines.bytesRead, lines.size)
                progress.note(ProgressLine.share(lines: counts.lines, bytes: bytes, of: size))
            }
            guard case .text(let text) = line else {
                counts.unreadable += 1
                continue
            }
            guard text.contains(where: { $0 != 0x20 && $0 != 0x0D && $0 != 0x09 }) else { continue }
            switch RecordedRow(text) {
            case .unreadable: counts.unreadable += 1
            case .other: counts.others += 1
            case .request(let request):
                guard tenant == nil || request.tenant == tenant else {
                    counts.others += 1
                    continue
                }
                counts.requests += 1
                if let next = order.push(request) { simulation.replay(next) }
            }
        }
        while let next = order.pop() { simulation.replay(next) }
        progress.end()
    }
}

/// What the lines of a recording were.
struct ReplayCounts {
    var lines = 0
    var requests = 0
    var others = 0
    var unreadable = 0
}

/// Model patterns, each compiled once.
final class PatternCache: @unchecked Sendable {  // @unchecked: the simulation uses it from one thread
    private var compiled: [String: ScopedPatternList] = [:]

    func matches(_ pattern: String, _ model: String, _ provider: String) -> Bool {
        let list = compiled[pattern] ?? (try? ScopedPatternList([pattern], of: .model)) ?? ScopedPatternList()
        compiled[pattern] = list
        let (model, provider) = (Array(model.utf8), Array(provider.utf8))
        return list.matches(model.span, at: provider.span)
    }
}
