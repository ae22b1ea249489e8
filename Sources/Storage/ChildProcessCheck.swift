import GatewayModel
import Glibc

/// Has a child process look at a suspect store, so that what a damaged file does to its reader happens there.
public struct ChildProcessCheck: Sendable {
    /// The exit status by which the child says "sound".
    public static let soundStatus: Int32 = 0
    /// The exit status by which the child says "damaged" (`EX_DATAERR` of sysexits.h).
    public static let damagedStatus: Int32 = 65

    /// The executable, such as `/proc/self/exe`.
    public var executable: String
    /// Its arguments for a store's folder, without the name of the program.
    public var arguments: @Sendable (_ path: String) -> [String]
    /// How long it may take, in milliseconds; then it is killed and nothing is known.
    public var millisecondsMax: UInt64

    /// Makes a check.
    public init(executable: String, millisecondsMax: UInt64 = 30_000, arguments: @escaping @Sendable (_ path: String) -> [String]) {
        self.executable = executable
        self.millisecondsMax = millisecondsMax
        self.arguments = arguments
    }

    /// Runs the child on the store in the folder `path` and waits for it. Any death by a signal means damage.
    public func run(path: String) -> StoreVerdict {
        var child: pid_t = 0
        let code = spawn(&child, path)
        guard code == 0 else { return .unknown("no child process: \(String(cString: strerror(code)))") }
        guard let status = wait(for: child) else { return .unknown("no answer within \(millisecondsMax) ms") }
        let signal = status & 0x7F
        if signal != 0 { return .damaged("reading it ended by signal \(signal)") }
        switch (status >> 8) & 0xFF {
        case Self.soundStatus: return .sound
        case Self.damagedStatus: return .damaged("the check found bad structure or records")
        case let other: return .unknown("the check ended with status \(other)")
        }
    }

    private func spawn(_ child: inout pid_t, _ path: String) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor: Int32 in 0...2 { posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0) }
        var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments(path)).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        return posix_spawn(&child, executable, &actions, nil, words, environ)
    }

    /// The status of the child once it ended; `nil` if it had to be killed.
    private func wait(for child: pid_t) -> Int32? {
        let deadline = MonotonicTime.now().adding(milliseconds: millisecondsMax)
        var status: Int32 = 0
        while true {
            let ended = waitpid(child, &status, WNOHANG)
            if ended == child { return status }
            if ended < 0, errno != EINTR { return nil }
            guard MonotonicTime.now() < deadline else { break }
            usleep(2000)
        }
        kill(child, SIGKILL)
        waitpid(child, &status, 0)
        return nil
    }
}
