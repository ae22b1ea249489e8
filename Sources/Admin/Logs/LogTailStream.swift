// `GET /logs/tail`: new rows as server-sent events (WHATWG HTML, section 9.2). A listener that does not keep up misses rows and is told how many:
// its queue in the log is bounded, and nothing is taken from it while the connection is full.

import EventLog
import EventLoop
import GatewayModel
import JSON

/// See the file's header.
final class LogTailStream: AdminStream {
    /// Rows per piece.
    static let rowsPerPiece = 64
    /// Milliseconds between comments that keep the connection alive.
    static let heartbeatMilliseconds: UInt64 = 15_000

    private let log: EventLog
    private let tail: LogTail
    private var timer: LoopTimer?
    private var isBegun = false
    private var isHeartbeatDue = false
    var wake: (() -> Void)?
    let isEndless = true

    /// Listens from now on; `nil` if too many do already. On the loop's thread.
    init?(_ log: EventLog, _ filter: LogFilter, loop: EventLoop) {
        // Rows may come before the stream exists that they are for: the relay is told of it below.
        let relay = LoopBound(Relay(), loop: loop)
        let mailbox = loop.mailbox
        guard let tail = log.tail(filter, wake: { _ = mailbox.post { relay.value.stream?.wake?() } }) else { return nil }
        self.log = log
        self.tail = tail
        relay.value.stream = self
        timer = try? loop.makeTimer { [unowned self] in self.beat() }
        timer?.start(afterMilliseconds: Self.heartbeatMilliseconds)
    }

    private final class Relay {
        weak var stream: LogTailStream?
    }

    private func beat() {
        isHeartbeatDue = true
        timer?.start(afterMilliseconds: Self.heartbeatMilliseconds)
        wake?()
    }

    func produce(into piece: inout [UInt8]) -> AdminStreamStep {
        if !isBegun { piece.append(literal: ": rows from now on\nretry: 2000\n\n") }
        isBegun = true
        // Asked before the rows are taken: those that came before the end are still sent.
        let hasEnded = tail.hasEnded
        let items = tail.take(most: Self.rowsPerPiece)
        for item in items { Self.append(item, to: &piece) }
        if isHeartbeatDue { piece.append(literal: ":\n\n") }
        isHeartbeatDue = false
        if !items.isEmpty { return .more }
        return hasEnded ? .end : .waiting
    }

    /// Appends an event.
    static func append(_ item: LogTail.Item, to piece: inout [UInt8]) {
        var writer = JSONWriter()
        switch item {
        case .row(let row):
            guard LogRowText.append(row, to: &writer) else { return }
            piece.append(literal: "event: row\nid: ")
            piece.append(decimal: row.sequence)
            piece.append(literal: "\ndata: ")
        case .gap(let count):
            writer.beginObject()
            writer.key("dropped")
            writer.integer(count)
            writer.endObject()
            piece.append(literal: "event: gap\ndata: ")
        }
        piece += writer.bytes
        piece.append(literal: "\n\n")
    }

    func closed() {
        log.endTail(tail)
        timer?.close()
        timer = nil
    }
}

@available(*, unavailable)
extension LogTailStream: Sendable {}
