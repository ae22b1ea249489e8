import GatewayModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How far a long command is: one line that is overwritten, on standard error when that is a terminal.
struct ProgressLine {
    /// Time between two states shown.
    private static let intervalNanoseconds: UInt64 = 500_000_000

    private let isShown = isatty(2) == 1
    private var last = MonotonicTime.now()
    private var wasShown = false

    /// Shows a state unless one was shown just now. `text` is made only if it is shown.
    mutating func note(_ text: @autoclosure () -> String) {
        guard isShown else { return }
        let now = MonotonicTime.now()
        guard now.nanoseconds(since: last) > Self.intervalNanoseconds else { return }
        last = now
        wasShown = true
        show("\r\(text())\u{1B}[K")
    }

    /// Removes the line.
    mutating func end() {
        if wasShown { show("\r\u{1B}[K") }
        wasShown = false
    }

    private func show(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }

    /// How much of a file was read, for people: `12 lines, 40 %`.
    static func share(lines: Int, bytes: Int, of size: Int?) -> String {
        "\(lines) lines" + (size.map { $0 > 0 ? ", \(min(100, bytes * 100 / $0)) %" : "" } ?? "")
    }
}
