import EventLoop
import GatewayModel

/// What a transfer tells its owner, on the loop's thread, never from within `start`, `cancel`, `pause` or `resume`.
///
/// After at most one head and its body comes exactly one of `transferCompleted` and `transferFailed`; after `cancel()` nothing comes. Any method
/// of any transfer and `UpstreamDriver.start` may be called from these.
public protocol TransferDelegate: AnyObject {
    /// The final (not 1xx) response head. Its arrays may be kept.
    func transfer(_ transfer: Transfer, receivedHead head: UpstreamHead)
    /// A piece of the body as it came; valid during the call only.
    func transfer(_ transfer: Transfer, receivedBody bytes: Span<UInt8>)
    /// All that was given to `send` has been taken. Told for streamed bodies only, at the start too, until `finishBody()`.
    func transferReadyForBody(_ transfer: Transfer)
    /// The response ended as its framing said: full length, last chunk, HTTP/2 end of stream, or connection close where only that marks the end.
    func transferCompleted(_ transfer: Transfer)
    /// The response will not be completed.
    func transferFailed(_ transfer: Transfer, _ failure: UpstreamFailure)
}

/// One request to an upstream and its response, confined to the driver's loop.
///
/// The driver keeps it and its delegate alive until it is finished or cancelled.
public final class Transfer {
    /// When `start` was called.
    public let startedAt: MonotonicTime
    /// When the connection was ready and the request began to be sent; nil before.
    public internal(set) var connectedAt: MonotonicTime?
    /// When the final response head was complete; nil before.
    public internal(set) var respondedAt: MonotonicTime?
    /// Whether a final response head was delivered.
    public var hasResponse: Bool { respondedAt != nil }
    /// Whether the request went over a connection that had served others; known once `connectedAt` is set.
    public internal(set) var isReusedConnection = false
    /// Whether completed, failed or cancelled.
    public internal(set) var isFinished = false
    /// Bytes of the response body delivered.
    public internal(set) var receivedBytes: UInt64 = 0
    /// Bytes of a streamed request body given to `send` and not taken by the transport. Hold back the producer while this is large.
    public var sendPendingBytes: Int { outgoing.count - outgoingStart }
    /// Whether delivery of the body is paused.
    public private(set) var isPaused = false

    let timeouts: UpstreamTimeouts
    let egress: EgressPolicy
    let isReplayable: Bool
    /// Whether the method promises to change nothing (RFC 9110, 9.2.1), so that a repeat does no harm.
    let isSafe: Bool
    var body: UpstreamBody
    var delegate: (any TransferDelegate)?
    unowned let driver: UpstreamDriver
    var slot: TransferSlot?

    // Where the request body stands.
    private var bodyOffset = 0
    private var outgoing: [UInt8] = []
    private var outgoingStart = 0
    private var isBodyFinished: Bool
    var wasSendPaused = false
    var wasReceivePaused = false
    /// Times the request was begun; more than once only when a reused connection was dead.
    var attempts = 0
    /// Whether libcurl was given a part of the body and went back to its start.
    private var wasCutOff = false
    var lastProgress: MonotonicTime
    /// Counted once the transfer left libcurl.
    private var finalBytesSent = false

    init(_ request: UpstreamRequest, driver: UpstreamDriver, delegate: any TransferDelegate, now: MonotonicTime) {
        timeouts = request.timeouts
        egress = request.egress
        isReplayable = request.isReplayable
        isSafe = ["GET", "HEAD", "OPTIONS"].contains(request.method)
        body = request.body
        self.driver = driver
        self.delegate = delegate
        startedAt = now
        lastProgress = now
        if case .streamed = request.body { isBodyFinished = false } else { isBodyFinished = true }
    }

    /// Whether any byte of the request has been sent.
    public var requestBytesSent: Bool { slot?.hasSentBytes ?? finalBytesSent }

    // MARK: Download

    /// Stops delivery of the body: what is already read (at most one buffer of 16 KiB) is kept, the rest stays in the kernel and holds the
    /// upstream back. The idle timeout stands still.
    public func pause() {
        driver.assertOnLoop()
        if !isFinished { isPaused = true }
    }

    /// Delivers again, at the end of this turn.
    public func resume() {
        driver.assertOnLoop()
        guard isPaused, !isFinished else { return }
        isPaused = false
        lastProgress = driver.loop.now
        driver.noteDeadline(of: self)
        if wasReceivePaused { driver.scheduleUnpause(self) }
    }

    /// Ends the transfer: nothing more is told, and by the end of the turn its connection is closed (its stream reset on HTTP/2). Idempotent.
    public func cancel() {
        driver.assertOnLoop()
        if isFinished { return }
        finish()
        driver.scheduleRemoval(self)
    }

    /// Ends delivery for good.
    func finish() {
        if let slot { finalBytesSent = slot.hasSentBytes }
        isFinished = true
        delegate = nil
    }

    // MARK: Upload

    /// Gives a piece of a streamed request body. Ignored once finished. Beyond `UpstreamOptions.sendPendingBytesMax` the transfer fails.
    public func send(_ bytes: Span<UInt8>) {
        driver.assertOnLoop()
        if isFinished || isBodyFinished { return }
        if bytes.count > driver.options.sendPendingBytesMax - sendPendingBytes { return driver.scheduleRemoval(self) }
        if sendPendingBytes == 0 {
            // Progress is measured from here: until now there was nothing to send.
            lastProgress = driver.loop.now
            outgoing.removeAll(keepingCapacity: true)
            outgoingStart = 0
        }
        bytes.withUnsafeBufferPointer { outgoing.append(contentsOf: $0) }
        driver.noteDeadline(of: self)
        if wasSendPaused { driver.scheduleUnpause(self) }
    }

    /// Says that the streamed request body is complete. Fewer bytes than the announced length make the transfer fail.
    public func finishBody() {
        driver.assertOnLoop()
        if isFinished || isBodyFinished { return }
        isBodyFinished = true
        lastProgress = driver.loop.now
        driver.noteDeadline(of: self)
        if wasSendPaused { driver.scheduleUnpause(self) }
    }

    /// Whether libcurl, when unpaused now, would find something to send or the end.
    var canSend: Bool { sendPendingBytes > 0 || isBodyFinished }

    /// What a read callback got.
    enum Piece {
        case bytes(Int)
        case waiting
        /// The body was finished before its announced length.
        case short
    }

    /// Fills libcurl's buffer with the next piece of the body; 0 bytes are its end.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Piece {
        switch body {
        case .none: return .bytes(0)
        case .bytes(let all):
            let count = min(buffer.count, all.count - bodyOffset)
            all.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[bodyOffset..<(bodyOffset + count)])) }
            bodyOffset += count
            return .bytes(count)
        case .streamed(let length): return readStreamed(into: buffer, length: length)
        }
    }

    private func readStreamed(into buffer: UnsafeMutableRawBufferPointer, length: UInt64?) -> Piece {
        if sendPendingBytes == 0, !isBodyFinished { delegate?.transferReadyForBody(self) }
        let count = min(buffer.count, sendPendingBytes)
        if count == 0 {
            if !isBodyFinished { return .waiting }
            return UInt64(bodyOffset) < length ?? 0 ? .short : .bytes(0)
        }
        outgoing.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[outgoingStart..<(outgoingStart + count)])) }
        outgoingStart += count
        bodyOffset += count
        lastProgress = driver.loop.now
        return .bytes(count)
    }

    /// Whether the dead connection was given only a part of a body that libcurl pulls. The peer cannot have worked on that.
    var isBodyCutOff: Bool { wasCutOff || isPartlyRead }

    private var isPartlyRead: Bool {
        guard case .bytes(let all) = body else { return false }
        return bodyOffset > 0 && bodyOffset < all.count
    }

    /// Goes back to `offset` of the body, for a second sending.
    func rewind(to offset: Int) -> Bool {
        guard case .bytes(let all) = body, (0...all.count).contains(offset) else { return false }
        if isPartlyRead { wasCutOff = true }
        bodyOffset = offset
        return true
    }

    // MARK: Deadlines

    /// The next moment at which the transfer is to be given up, and as what.
    func deadline() -> (at: MonotonicTime, kind: UpstreamFailure.Kind) {
        var result = (at: Self.moment(startedAt, timeouts.total), kind: UpstreamFailure.Kind.totalTimeout)
        func limit(_ at: MonotonicTime, _ kind: UpstreamFailure.Kind) { if at < result.at { result = (at, kind) } }
        if hasResponse {
            if !isPaused { limit(Self.moment(lastProgress, timeouts.idle), .idleTimeout) }
        } else if isBodyFinished {
            if case .streamed = body {
                limit(Self.moment(lastProgress, timeouts.firstByte), .firstByteTimeout)
            } else {
                limit(Self.moment(startedAt, timeouts.firstByte), .firstByteTimeout)
            }
        } else if sendPendingBytes > 0 || !wasSendPaused {
            // It is the upstream, not our producer, that is waited for.
            limit(Self.moment(lastProgress, timeouts.idle), .idleTimeout)
        }
        return result
    }

    private static func moment(_ start: MonotonicTime, _ milliseconds: UInt64) -> MonotonicTime {
        milliseconds == 0 ? MonotonicTime(nanoseconds: .max) : start.adding(milliseconds: milliseconds)
    }
}

@available(*, unavailable)
extension Transfer: Sendable {}
