import ArgumentParser
import DemoProvider
import EventLoop

/// `weir demo-provider`
struct DemoProviderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-provider",
        abstract: "Serves a pretend provider in three dialects, with deterministic answers and faults by model name.",
        discussion:
            "For trying the gateway and for its tests; it checks no key. Models: demo-chat, demo-embed, demo-slow-2s, demo-fail-503, …")

    @Option(name: .long, help: "Where to listen.")
    var listen = "127.0.0.1:8789"

    func run() throws {
        guard let address = SocketAddress(listen) else { throw CommandError("\(listen) is not an address.", exitCode: .usage) }
        ProcessLimits.ignoreBrokenPipes()
        _ = ProcessLimits.raiseOpenFileLimit()
        do {
            try Server.run(on: address) { Output.note("demo provider on \($0)") }
        } catch {
            throw CommandError("The demo provider can't listen on \(listen): \(error)", exitCode: .unavailable)
        }
    }
}
