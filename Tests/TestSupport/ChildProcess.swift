import Glibc

/// A child process of a test, its standard output readable by lines.
public final class ChildProcess {
    private let child: pid_t
    private let output: Int32
    private var buffered: [UInt8] = []
    private var isReaped = false

    /// The helper executable that is built beside the tests. The path of the test bundle is found in the map of this process, since the
    /// program that loads it may lie elsewhere.
    public static let torture: String = {
        guard let maps = fopen("/proc/self/maps", "r") else { return "store-torture" }
        defer { fclose(maps) }
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, Int32(line.count), maps) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard let start = text.firstIndex(of: "/"), text.contains("PackageTests.xctest") else { continue }
            let path = text[start...]
            guard let slash = path.lastIndex(of: "/") else { continue }
            return path[..<slash] + "/store-torture"
        }
        return "store-torture"
    }()

    /// Starts the helper; `nil` if it can't be started.
    public init?(_ arguments: [String]) {
        var ends: [Int32] = [0, 0]
        // Another test may have lowered this process's limit of descriptors for a moment.
        var tries = 0
        while pipe(&ends) != 0 {
            tries += 1
            guard errno == EMFILE, tries < 500 else { return nil }
            usleep(10_000)
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        var words: [UnsafeMutablePointer<CChar>?] = ([ChildProcess.torture] + arguments).map { strdup($0) }
        words.append(nil)
        var started: pid_t = 0
        var code = posix_spawn(&started, ChildProcess.torture, &actions, nil, words, environ)
        while code == EMFILE, tries < 500 {
            tries += 1
            usleep(10_000)
            code = posix_spawn(&started, ChildProcess.torture, &actions, nil, words, environ)
        }
        for word in words { free(word) }
        posix_spawn_file_actions_destroy(&actions)
        close(ends[1])
        guard code == 0 else {
            close(ends[0])
            return nil
        }
        child = started
        output = ends[0]
    }

    deinit {
        kill()
        close(output)
    }

    /// The process id.
    public var id: pid_t { child }

    /// The next line, without its end; `nil` at the end of the output.
    public func line() -> String? {
        while true {
            if let end = buffered.firstIndex(of: 0x0A) {
                defer { buffered.removeFirst(end + 1) }
                return String(decoding: buffered[..<end], as: UTF8.self)
            }
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = read(output, &bytes, bytes.count)
            guard count > 0 else { return nil }
            buffered.append(contentsOf: bytes[..<count])
        }
    }

    /// Kills it with SIGKILL and waits for its end. Does nothing once it has ended.
    public func kill() {
        guard !isReaped else { return }
        Glibc.kill(child, SIGKILL)
        _ = wait()
    }

    /// Waits for its end: the exit status, or minus the number of the signal that ended it.
    public func wait() -> Int32 {
        guard !isReaped else { return 0 }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        isReaped = true
        let signal = status & 0x7F
        return signal != 0 ? -signal : (status >> 8) & 0xFF
    }
}

/// Writes a line to standard output at once, so that a process killed next has said it.
public func say(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(1, bytes, bytes.count)
}
