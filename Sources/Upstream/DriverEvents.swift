import CCurl
import EventLoop
import GatewayModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

// What drives libcurl: readiness of its sockets, its timer, and our own deadlines; and what it drives in turn.

extension UpstreamDriver {
    /// Deadlines are looked at no more often than this.
    private static var scanMillisecondsMin: UInt64 { 5 }
    /// Reads from a socket in error: more than a receive buffer holds.
    private static var errorRoundsMax: Int { 1024 }

    // MARK: libcurl's events

    /// Tells libcurl about a socket, or that time has passed, and delivers what ended.
    func act(_ socket: curl_socket_t, _ events: Int32) {
        if isClosed { return }
        let isTimeout = socket == weir_socket_timeout()
        if isTimeout {
            needsAction = false
            wasTimerTold = false
        }
        var running: Int32 = 0
        isInside = true
        curl_multi_socket_action(multi, socket, events, &running)
        isInside = false
        if isTimeout, !wasTimerTold { askTimer() }
        deliverEnds()
    }

    private func askTimer() {
        var milliseconds = -1
        curl_multi_timeout(multi, &milliseconds)
        setTimer(milliseconds)
    }

    func setTimer(_ milliseconds: Int) {
        wasTimerTold = true
        if milliseconds < 0 {
            curlTimer?.stop()
        } else if milliseconds == 0 {
            needsAction = true
        } else {
            curlTimer?.start(afterMilliseconds: UInt64(milliseconds))
        }
    }

    private func deliverEnds() {
        var easy: UnsafeMutableRawPointer?
        var code = CURLE_OK
        while !isClosed, weir_multi_next_done(multi, &easy, &code) != 0 {
            if let slot = slot(of: easy) { ended(slot, code) }
        }
    }

    private func ended(_ slot: TransferSlot, _ code: CURLcode) {
        guard let transfer = slot.transfer else { return }
        if transfer.isFinished { return release(slot) }  // cancelled in this very action
        if code == CURLE_OK {
            // Without a complete head it was no HTTP answer, whatever libcurl thinks.
            if transfer.hasResponse { return complete(slot) }
            return fail(slot, UpstreamFailure(.protocolError, "no response head"))
        }
        if let failure = slot.failure { return fail(slot, failure) }
        if slot.openError != 0, code == CURLE_COULDNT_CONNECT {
            return fail(slot, UpstreamFailure(.local, "no socket: errno " + String(slot.openError)))
        }
        // libcurl's own limit, 100 KB for one header line, shows as a lack of memory.
        if code == CURLE_OUT_OF_MEMORY, transfer.connectedAt != nil, !transfer.hasResponse {
            return fail(slot, UpstreamFailure(.tooLarge, "response header line over the limit"))
        }
        var systemError = 0
        weir_easy_get_long(slot.easy, CURLINFO_OS_ERRNO, &systemError)
        fail(
            slot,
            UpstreamFailure(
                code: code, systemError: Int32(truncatingIfNeeded: systemError), tlsDetail: slot.errorMessage,
                responseStarted: transfer.hasResponse))
    }

    // MARK: Sockets

    func watch(_ socket: curl_socket_t, _ what: Int32, for easy: UnsafeMutableRawPointer?) {
        if what == CURL_POLL_REMOVE {
            if sockets.drop(socket), let transfer = slot(of: easy)?.transfer { schedulePoke(transfer) }
            return
        }
        if let slot = slot(of: easy) { slot.use(sockets.connection(at: socket)) }
        let watcher = sockets.watcher(of: socket) {
            try? loop.watch(fileDescriptor: socket) { [unowned self] events in ready(socket, events) }
        }
        // Without a watcher (no memory) the transfer ends by its timeouts.
        sockets.want(socket, what)
        watcher?.set(read: what & CURL_POLL_IN != 0, write: what & CURL_POLL_OUT != 0)
    }

    private func ready(_ socket: curl_socket_t, _ events: SocketWatcher.Events) {
        if events.contains(.error) { return readyInError(socket) }
        var bits: Int32 = 0
        if events.contains(.read) { bits |= CURL_CSELECT_IN }
        if events.contains(.write) { bits |= CURL_CSELECT_OUT }
        act(socket, bits)
    }

    /// Bytes that came before a reset can still be read. Told of an error alone, libcurl drops them, and does not learn which error it is.
    private func readyInError(_ socket: curl_socket_t) {
        let connection = sockets.connection(at: socket)
        guard let wanted = sockets.wantedInError(socket, roundsMax: Self.errorRoundsMax) else { return act(socket, CURL_CSELECT_ERR) }
        var bits = CURL_CSELECT_ERR
        if wanted & CURL_POLL_IN != 0 { bits |= CURL_CSELECT_IN }
        if wanted & CURL_POLL_OUT != 0 { bits |= CURL_CSELECT_OUT }
        act(socket, bits)
        sockets.watchAgain(connection)
    }

    private func slot(of easy: UnsafeMutableRawPointer?) -> TransferSlot? {
        guard let easy else { return nil }
        var context: UnsafeMutableRawPointer?
        weir_easy_get_pointer(easy, CURLINFO_PRIVATE, &context)
        return context.map { Unmanaged<TransferSlot>.fromOpaque($0).takeUnretainedValue() }
    }

    /// A connection is about to be made. Where the last address of a name led nowhere, the next one's socket often gets the number of the one
    /// that libcurl has just closed; as it waits for the same again, it does not say so again.
    func ownSocket(_ descriptor: Int32, isOverTLS: Bool, for easy: UnsafeMutableRawPointer) {
        let wanted = sockets.wanted(of: descriptor)
        sockets.own(descriptor, isOverTLS: isOverTLS)
        if wanted != 0 { watch(descriptor, wanted, for: easy) }
    }

    func closeSocket(_ descriptor: Int32) {
        noteEvidence(descriptor)
        sockets.forget(descriptor)
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
    }

    /// A request that is to be repeated asks later, when its connection is gone.
    private func noteEvidence(_ descriptor: Int32) {
        guard let connection = sockets.connection(at: descriptor), sockets.isUnread(connection) else { return }
        for slot in active where slot.connection == connection { slot.wasUnread = true }
    }

    // MARK: Deadlines

    // One timer for all transfers, armed for the earliest deadline known. Deadlines mostly move away, so it mostly finds nothing to do.

    /// Makes sure that the transfer's deadline will be looked at in time.
    func noteDeadline(of transfer: Transfer) {
        let moment = transfer.deadline().at
        if moment >= nextScan { return }
        nextScan = moment
        let milliseconds = moment.nanoseconds(since: loop.now) / 1_000_000 + 1
        deadlineTimer?.start(afterMilliseconds: max(milliseconds, Self.scanMillisecondsMin))
    }

    func scanDeadlines() {
        nextScan = MonotonicTime(nanoseconds: .max)
        let now = loop.now
        var expired: [TransferSlot] = []
        var earliest: Transfer?
        var earliestMoment = MonotonicTime(nanoseconds: .max)
        for slot in active {
            guard let transfer = slot.transfer, !transfer.isFinished else { continue }
            let moment = transfer.deadline().at
            if moment <= now {
                expired.append(slot)
            } else if moment < earliestMoment {
                earliestMoment = moment
                earliest = transfer
            }
        }
        if let earliest { noteDeadline(of: earliest) }
        for slot in expired {
            guard let transfer = slot.transfer, !transfer.isFinished else { continue }
            let kind = transfer.deadline().kind
            fail(slot, UpstreamFailure(kind, "timed out"))
        }
    }
}
