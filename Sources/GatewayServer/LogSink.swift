// Where log lines go. A loop hands over a finished line and never waits: a writer thread owns the descriptor, and when the sink is blocked
// (a full pipe, a full disk) lines are dropped and counted. Lines are made of constant messages and metadata; a value is escaped, cut at
// 1 KiB, and never a prompt, an answer or a key.

import GatewayModel
import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How a line looks.
public enum LogFormat: String, Sendable { case text, json }

/// The process's log. Thread-safe; lines from one thread keep their order.
public final class LogSink: @unchecked Sendable {  // @unchecked: all mutable state sits behind `lock`
    /// Lines that may wait for the descriptor; more are dropped.
    public static let linesMax = 4096
    /// Bytes of one value; what is longer is cut.
    static let valueBytesMax = 1024

    private let descriptor: Int32
    private let format: LogFormat
    private let lock = Lock()
    private var lines: [[UInt8]] = []
    private var isClosed = false
    private var isWriterGone = false
    private let droppedCount = Atomic<UInt64>(0)
    private let levelIndex: Atomic<Int>

    /// Starts the writer thread. The descriptor stays the caller's.
    public init(descriptor: Int32 = 2, format: LogFormat, level: Logger.Level = .info) {
        self.descriptor = descriptor
        self.format = format
        levelIndex = Atomic(Self.index(of: level))
        var thread = pthread_t()
        let box = Unmanaged.passRetained(self)
        let code = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<LogSink>.fromOpaque(context).takeRetainedValue().runWriter()
                return nil
            }, box.toOpaque())
        if code == 0 { pthread_detach(thread) } else { box.release() }
    }

    /// Records below are dropped before they are formatted. Any thread; a change holds for every logger at once.
    public var level: Logger.Level {
        get { Logger.Level.allCases[levelIndex.load(ordering: .relaxed)] }
        set { levelIndex.store(Self.index(of: newValue), ordering: .relaxed) }
    }

    private static func index(of level: Logger.Level) -> Int { Logger.Level.allCases.firstIndex(of: level) ?? 0 }

    /// Lines dropped so far because the sink was behind.
    public var dropped: UInt64 { droppedCount.load(ordering: .relaxed) }

    /// Queues one line, without its newline.
    func write(_ line: [UInt8]) {
        lock.lock()
        defer { lock.unlock() }
        guard !isClosed, lines.count < Self.linesMax else {
            droppedCount.add(1, ordering: .relaxed)
            return
        }
        lines.append(line)
        lock.signal()
    }

    /// Writes what is queued, waiting at most `milliseconds`, and takes no more lines.
    public func close(withinMilliseconds milliseconds: Int = 500) {
        lock.lock()
        isClosed = true
        lock.broadcast()
        let deadline = MonotonicTime.now().adding(milliseconds: UInt64(clamping: milliseconds))
        while !isWriterGone, MonotonicTime.now() < deadline { lock.wait(until: deadline) }
        lock.unlock()
    }

    private func runWriter() {
        while true {
            lock.lock()
            while lines.isEmpty, !isClosed { lock.wait() }
            let batch = lines
            lines.removeAll(keepingCapacity: batch.count <= 64)
            if batch.isEmpty {
                isWriterGone = true
                lock.broadcast()
                lock.unlock()
                return
            }
            lock.unlock()
            var bytes: [UInt8] = []
            for line in batch {
                bytes.append(contentsOf: line)
                bytes.append(0x0A)
            }
            writeAll(bytes)
        }
    }

    private func writeAll(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                let written = Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
                if written > 0 {
                    offset += written
                } else if written < 0, errno == EINTR || errno == EAGAIN {
                    usleep(10_000)
                } else {
                    return
                }
            }
        }
    }

    /// A swift-log handler that writes here.
    public func handler(label: String) -> Handler { Handler(sink: self, label: label) }

    /// Formats one record and hands it to the sink.
    public struct Handler: LogHandler {
        let sink: LogSink
        let label: String
        /// The sink's level: one for the whole process, changed by a reload. Setting it on one logger does nothing.
        public var logLevel: Logger.Level {
            get { sink.level }
            set { _ = newValue }
        }
        /// Added to every record.
        public var metadata: Logger.Metadata = [:]

        init(sink: LogSink, label: String) {
            self.sink = sink
            self.label = label
        }

        /// One entry of the handler's own metadata.
        public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        /// Formats and queues one record.
        public func log(event: LogEvent) {
            var all = metadata
            if let extra = event.metadata { all.merge(extra) { _, new in new } }
            let fields = all.sorted { $0.key < $1.key }.map { ($0.key, String(describing: $0.value)) }
            sink.write(sink.line(at: .now(), level: event.level.rawValue, message: event.message.description, fields: fields))
        }
    }

    /// One record as a line: pure, for tests.
    func line(at time: WallTime, level: String, message: String, fields: [(String, String)]) -> [UInt8] {
        var line: [UInt8] = []
        switch format {
        case .json:
            line.append(literal: "{\"time\":")
            Self.appendQuoted(Self.timestamp(time), to: &line)
            line.append(literal: ",\"level\":")
            Self.appendQuoted(level, to: &line)
            line.append(literal: ",\"message\":")
            Self.appendQuoted(message, to: &line)
            for (name, value) in fields {
                line.append(0x2C)
                Self.appendQuoted(name, to: &line)
                line.append(0x3A)
                Self.appendQuoted(value, to: &line)
            }
            line.append(0x7D)
        case .text:
            line.append(contentsOf: "\(Self.timestamp(time)) \(level.uppercased()) \(message)".utf8)
            for (name, value) in fields {
                line.append(contentsOf: " \(name)=".utf8)
                Self.appendQuoted(value, to: &line)
            }
        }
        return line
    }

    /// Quoted and escaped as JSON wants it: no control byte, no escape sequence of a terminal reaches the sink. Cut at 1 KiB.
    private static func appendQuoted(_ text: String, to line: inout [UInt8]) {
        line.append(0x22)
        for unit in text.utf8.prefix(valueBytesMax) {
            switch unit {
            case 0x22, 0x5C: line.append(contentsOf: [0x5C, unit])
            case 0x00...0x1F, 0x7F:
                line.append(literal: "\\u00")
                line.append(hexDigit(unit >> 4))
                line.append(hexDigit(unit & 15))
            default: line.append(unit)
            }
        }
        line.append(0x22)
    }

    /// RFC 3339 in UTC with milliseconds.
    static func timestamp(_ time: WallTime) -> String {
        var seconds = time_t(time.milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ value: Int, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let date = "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let clock = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
        return "\(date)T\(clock).\(padded(Int(abs(time.milliseconds % 1000)), 3))Z"
    }
}
