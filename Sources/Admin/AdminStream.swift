// Bodies that are too large to be made at once, or never end: an export of all rows, the live tail. The stream is asked for a piece when the
// peer has room for it, and for no more than the loop can spare at a time; between two pieces other connections get their turn.

import EventLoop
import HTTP1

/// What a stream says with a piece.
enum AdminStreamStep {
    /// There is more: ask again when the peer has room.
    case more
    /// Nothing more for now; the stream calls `wake` when there is.
    case waiting
    /// That was all.
    case end
    /// The rest can't be had: the body must be seen to be cut.
    case broken
}

/// Makes a body piece by piece. Confined to the admin loop.
protocol AdminStream: AnyObject {
    /// Whether it goes on until the peer leaves.
    var isEndless: Bool { get }
    /// Called by a waiting stream that has something again. Set by the connection.
    var wake: (() -> Void)? { get set }
    /// Appends a piece; it may be empty. It takes no more than some 20 ms.
    func produce(into piece: inout [UInt8]) -> AdminStreamStep
    /// The body has ended, or nobody wants it any more. Called once.
    func closed()
}

/// Sends a stream's pieces over a connection and holds it back while the peer does not read. Confined to the admin loop.
final class StreamedBody {
    /// Bytes that wait for the peer at most before no more are made; one piece may go beyond.
    static let pendingBytesMax = 256 * 1024

    private let stream: any AdminStream
    private let connection: Connection
    private let isChunked: Bool
    private let ended: (_ isWhole: Bool) -> Void
    private let loop: EventLoop
    private var isScheduled = false
    private var isDone = false
    private var isProducing = false
    private var seenBytes: UInt64 = 0

    /// - Parameter ended: called once when the body is out, or known to be cut; not after `cancel`.
    init(
        _ stream: any AdminStream, over connection: Connection, loop: EventLoop, isChunked: Bool, ended: @escaping (_ isWhole: Bool) -> Void
    ) {
        self.stream = stream
        self.connection = connection
        self.isChunked = isChunked
        self.ended = ended
        self.loop = loop
        stream.wake = { [weak self] in self?.pump() }
    }

    /// Whether the body goes on until the peer leaves.
    var isEndless: Bool { stream.isEndless }

    /// Whether the peer took something since this was asked last, or has nothing to take.
    var isMoving: Bool {
        let sent = connection.sentBytes
        defer { seenBytes = sent }
        return connection.pendingBytes == 0 || sent != seenBytes
    }

    /// Sends the next piece, if the peer has room.
    func pump() {
        guard !isDone, !isProducing, connection.pendingBytes <= Self.pendingBytesMax else { return }
        isProducing = true
        var piece: [UInt8] = []
        let step = stream.produce(into: &piece)
        isProducing = false
        guard !isDone else { return }
        write(piece, isLast: step == .end)
        guard !isDone else { return }
        switch step {
        case .more: pumpInNextTurn()
        case .waiting: break
        case .end: finish(isWhole: true)
        case .broken: finish(isWhole: false)
        }
    }

    private func pumpInNextTurn() {
        guard !isScheduled else { return }
        isScheduled = true
        SlicedWork.inNextTurn(of: loop) { [weak self] in
            self?.isScheduled = false
            self?.pump()
        }
    }

    private func write(_ piece: [UInt8], isLast: Bool) {
        guard isChunked else {
            connection.write(piece.span)
            return
        }
        var framed: [UInt8] = []
        ResponseWriter.appendChunk(piece.span, to: &framed)
        if isLast { ResponseWriter.appendLastChunk(to: &framed) }
        connection.write(framed.span)
    }

    /// Ends it without a word to anyone but the stream.
    func cancel() {
        guard !isDone else { return }
        isDone = true
        stream.wake = nil
        stream.closed()
    }

    private func finish(isWhole: Bool) {
        cancel()
        ended(isWhole)
    }
}

@available(*, unavailable)
extension StreamedBody: Sendable {}
