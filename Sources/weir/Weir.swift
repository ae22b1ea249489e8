import Admin
import ArgumentParser

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The one executable: arguments and signals, nothing else.
@main
struct Weir: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weir",
        abstract: "A gateway for language models: caches, meters and routes, on your own machine.",
        discussion: """
            Every command reads config/weir.yaml and keeps its data in .weir/ below the current folder, unless told otherwise. Commands that
            change something act on the running gateway through its admin port, or on the store when no gateway runs.

            \(CommandExit.table)
            """,
        version: Version.text,
        subcommands: [
            ServeCommand.self, CheckConfigCommand.self, TenantsCommand.self, KeysCommand.self, LimitsCommand.self, RoutesCommand.self,
            StatsCommand.self, LogsCommand.self, TailCommand.self, FeedbackCommand.self, CacheCommand.self, ModelCommand.self,
            SemanticCommand.self, StoreCommand.self, DemoProviderCommand.self, VersionCommand.self,
        ])

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        // A file at the process's size limit is an error like a full disk, not the end.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as CommandError {
            Output.note("weir: \(error.description)")
            Glibc.exit(error.exitCode.rawValue)
        } catch {
            Weir.exit(withError: error)
        }
    }
}

/// Where words go: results to standard output, everything else to standard error.
enum Output {
    /// A result.
    static func result(_ text: String) { print(text) }

    /// A result that is bytes already.
    static func bytes(_ bytes: [UInt8]) {
        flush()
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            guard sent > 0 else { return }
            rest = rest.dropFirst(sent)
        }
    }

    /// Brings results out that wait for more to come.
    static func flush() { fflush(nil) }

    /// A note, a warning, an error.
    static func note(_ text: String) {
        // What a gateway or a file said may stand in it.
        let inert = text.split(separator: "\n", omittingEmptySubsequences: false).map { InertText.of(String($0)) }.joined(separator: "\n")
        let line = Array((inert + "\n").utf8)
        _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }
}
