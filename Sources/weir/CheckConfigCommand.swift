import ArgumentParser
import Foundation
import GatewayConfiguration

/// `weir check-config`
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config", abstract: "Checks the configuration and says what is wrong: file, line, field, what is allowed.")

    @OptionGroup var common: CommonOptions

    @Flag(name: .long, help: "List every parameter with its type, bounds and default instead.")
    var parameters = false

    func run() throws {
        if parameters { return Output.result(ParameterReference.markdown()) }
        Output.result(try common.load().description)
    }
}
