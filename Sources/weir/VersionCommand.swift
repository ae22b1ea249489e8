import ArgumentParser
import CBuildInfo

/// What this binary is.
enum Version {
    static let number = "0.1.0"
    static let commit = String(cString: weir_build_commit())
    /// Both, as people read them.
    static let text = "weir \(number) (\(commit))"
}

/// `weir version`
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints version and commit.")

    @Flag(name: .long, help: "As JSON.")
    var json = false

    func run() {
        Output.result(json ? #"{"version":"\#(Version.number)","commit":"\#(Version.commit)"}"# : Version.text)
    }
}
