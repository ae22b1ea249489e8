import ArgumentParser

/// How a command ends. The numbers are part of the interface: scripts rely on them.
enum CommandExit: Int32, CaseIterable {
    /// All went well.
    case success = 0
    /// Something failed that none of the others names.
    case failure = 1
    /// The configuration is wrong; the message names file, line and field.
    case configuration = 2
    /// The key store is damaged or unreadable.
    case store = 3
    /// The gateway refused the change: invalid, or managed by the configuration.
    case refused = 4
    /// What the command names does not exist.
    case notFound = 5
    /// No gateway answers, or another one holds the data directory.
    case unavailable = 6
    /// The command line itself is wrong (sysexits' `EX_USAGE`).
    case usage = 64

    /// The table for `--help` and the documentation.
    static let table = """
        EXIT CODES
          0  success
          1  failure
          2  wrong configuration (file, line and field are named)
          3  key store damaged or unreadable
          4  refused: invalid, or managed by the configuration
          5  not found
          6  no gateway answers, or another one holds the data directory
          64 wrong command line
        """
}

/// A message for standard error and the code to end with.
struct CommandError: Error, CustomStringConvertible {
    let description: String
    let exitCode: CommandExit

    init(_ description: String, exitCode: CommandExit = .failure) {
        self.description = description
        self.exitCode = exitCode
    }
}
