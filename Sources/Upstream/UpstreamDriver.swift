import CCurl
import EventLoop
import GatewayModel

// libcurl's multi handle on our own loop. Four rules keep it honest:
// 1. libcurl is never entered from its own callbacks. What delegates ask for there is queued and done at the end of the turn.
// 2. libcurl tells its next timeout only when it changes. So after every timeout action that brought no new one it is asked.
// 3. libcurl (7.88, `cf_he_connect`) closes the socket of an address that led nowhere and asks for nothing to try the name's next one with: neither
//    a socket nor a timeout, until the whole connect timeout is over. It is poked then.
// 4. A timeout of 0, which every new transfer brings, does not become a timer: the action is run at the end of this turn.

/// Runs transfers to upstreams on one loop. Confined to it.
public final class UpstreamDriver {
    /// The loop it runs on.
    public let loop: EventLoop
    /// Transfers started and not yet finished.
    public var inFlight: Int { active.count }
    /// Times a delegate was told of a failure, by kind; for counters.
    public private(set) var failures: [UpstreamFailure.Kind: UInt64] = [:]

    let options: UpstreamOptions
    // What follows without `private` is shared with DriverEvents.swift only.
    let multi: UnsafeMutableRawPointer
    private let share: UnsafeMutableRawPointer
    var sockets = SocketTable()
    var curlTimer: LoopTimer?
    var deadlineTimer: LoopTimer?
    var nextScan = MonotonicTime(nanoseconds: .max)
    var active: [TransferSlot] = []
    private var idle: [TransferSlot] = []
    private var starting: [TransferSlot] = []
    private var removing: [Transfer] = []
    private var unpausing: [Transfer] = []
    private var poking: [Transfer] = []
    var needsAction = false
    var wasTimerTold = false
    var isInside = false
    var isClosed = false

    private static let isGlobalReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Makes a driver for a loop; call it on the loop's thread.
    public init(loop: EventLoop, options: UpstreamOptions = UpstreamOptions()) throws(UpstreamFailure) {
        guard Self.isGlobalReady, let share = curl_share_init() else { throw UpstreamFailure(.local, "libcurl does not start") }
        guard let multi = curl_multi_init() else {
            curl_share_cleanup(share)
            throw UpstreamFailure(.local, "libcurl does not start")
        }
        self.loop = loop
        self.options = options
        self.multi = multi
        self.share = share
        weir_share_set(share, CURLSHOPT_SHARE, Int(CURL_LOCK_DATA_SSL_SESSION.rawValue))
        setMultiOptions()
        do {
            curlTimer = try loop.makeTimer { [unowned self] in act(weir_socket_timeout(), 0) }
            deadlineTimer = try loop.makeTimer { [unowned self] in scanDeadlines() }
        } catch {
            close()
            throw UpstreamFailure(.local, error.description)
        }
        loop.atTurnEnd { [weak self] in self?.endTurn() }
    }

    deinit { close() }

    private func setMultiOptions() {
        let context = Unmanaged.passUnretained(self).toOpaque()
        weir_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, context)
        weir_multi_set_pointer(multi, CURLMOPT_TIMERDATA, context)
        weir_multi_set_socket_callback(multi) { easy, socket, what, context, _ in
            guard let context else { return 0 }
            Unmanaged<UpstreamDriver>.fromOpaque(context).takeUnretainedValue().watch(socket, what, for: easy)
            return 0
        }
        weir_multi_set_timer_callback(multi) { _, milliseconds, context in
            guard let context else { return 0 }
            Unmanaged<UpstreamDriver>.fromOpaque(context).takeUnretainedValue().setTimer(milliseconds)
            return 0
        }
        weir_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, options.connectionsMax)
        weir_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, options.connectionsPerHostMax)
        weir_multi_set_long(multi, CURLMOPT_MAXCONNECTS, options.connectionsMax)
        weir_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    }

    // MARK: Starting and ending

    /// Starts a transfer; its delegate hears of it from the end of this turn on, never from within this call.
    ///
    /// Throws what can be told at once: a malformed request, a scheme the policy forbids, or no room for another transfer.
    public func start(_ request: UpstreamRequest, delegate: any TransferDelegate) throws(UpstreamFailure) -> Transfer {
        assertOnLoop()
        try request.check()
        guard !isClosed, active.count < options.transfersMax else { throw UpstreamFailure(.local, "too many transfers in flight") }
        guard let slot = idle.popLast() ?? TransferSlot(driver: self, share: share, options: options) else {
            throw UpstreamFailure(.local, "out of memory")
        }
        let transfer = Transfer(request, driver: self, delegate: delegate, now: loop.now)
        slot.configure(request, for: transfer)
        transfer.slot = slot
        slot.activeIndex = active.count
        active.append(slot)
        starting.append(slot)
        noteDeadline(of: transfer)
        return transfer
    }

    /// Ends all transfers without a word, closes all connections and frees everything. Idempotent; not from a delegate's call.
    public func close() {
        if isClosed { return }
        precondition(!isInside, "a driver is not closed from its own callbacks")
        isClosed = true
        for slot in active {
            slot.transfer?.finish()
            if slot.isAdded { curl_multi_remove_handle(multi, slot.easy) }
            slot.recycle()
        }
        starting = []
        removing = []
        unpausing = []
        poking = []
        curl_multi_cleanup(multi)  // before the handles: connections still refer to the share
        active = []
        idle = []
        curl_share_cleanup(share)
        sockets.removeAll()
        curlTimer?.close()
        deadlineTimer?.close()
    }

    /// Takes a slot out of libcurl and of the list, and keeps it for the next transfer.
    func release(_ slot: TransferSlot) {
        if slot.isAdded {
            isInside = true
            curl_multi_remove_handle(multi, slot.easy)
            isInside = false
        } else if let index = starting.firstIndex(where: { $0 === slot }) {
            starting.remove(at: index)
        }
        let last = active.removeLast()
        if last !== slot {
            active[slot.activeIndex] = last
            last.activeIndex = slot.activeIndex
        }
        slot.recycle()
        if idle.count < options.idleHandlesMax { idle.append(slot) }
    }

    func fail(_ slot: TransferSlot, _ failure: UpstreamFailure) {
        guard let transfer = slot.transfer else { return }
        var failure = failure
        failure.requestBytesSent = slot.hasSentBytes
        failure.responseStarted = transfer.hasResponse
        let delegate = transfer.delegate
        transfer.finish()
        release(slot)
        guard let delegate else { return }
        failures[failure.kind, default: 0] &+= 1
        delegate.transferFailed(transfer, failure)
    }

    func complete(_ slot: TransferSlot) {
        guard let transfer = slot.transfer else { return }
        let delegate = transfer.delegate
        transfer.finish()
        release(slot)
        delegate?.transferCompleted(transfer)
    }

    // MARK: What is put off to the end of the turn

    /// Removes a cancelled transfer, or fails one whose body outgrew its limit.
    func scheduleRemoval(_ transfer: Transfer) { removing.append(transfer) }
    func scheduleUnpause(_ transfer: Transfer) { unpausing.append(transfer) }
    /// Makes libcurl go on with a transfer that has lost the socket it was connecting with.
    func schedulePoke(_ transfer: Transfer) { poking.append(transfer) }

    private var hasWork: Bool { needsAction || !starting.isEmpty || !removing.isEmpty || !unpausing.isEmpty || !poking.isEmpty }

    private func endTurn() {
        var rounds = 0
        while hasWork, !isClosed {
            // Delegates that keep starting transfers must not keep the sockets waiting.
            if rounds == 8 {
                curlTimer?.start(afterMilliseconds: 0)
                return
            }
            rounds += 1
            removeCancelled()
            addStarted()
            unpause()
            poke()
            if needsAction { act(weir_socket_timeout(), 0) }
        }
    }

    private func removeCancelled() {
        while let transfer = removing.popLast() {
            guard let slot = transfer.slot else { continue }
            if transfer.isFinished {
                release(slot)
            } else {
                fail(slot, UpstreamFailure(.local, "the request body came faster than it could be sent"))
            }
        }
    }

    private func addStarted() {
        let slots = starting
        starting.removeAll(keepingCapacity: true)
        for slot in slots {
            isInside = true
            let code = curl_multi_add_handle(multi, slot.easy)
            isInside = false
            slot.isAdded = code == CURLM_OK
            if !slot.isAdded { fail(slot, UpstreamFailure(.local, String(cString: curl_multi_strerror(code)))) }
        }
    }

    /// Unpausing delivers what libcurl had kept, from within the call.
    private func unpause() {
        let transfers = unpausing
        unpausing.removeAll(keepingCapacity: true)
        for transfer in transfers {
            guard let slot = transfer.slot, slot.isAdded, !transfer.isFinished else { continue }
            if !transfer.isPaused { transfer.wasReceivePaused = false }
            if transfer.canSend { transfer.wasSendPaused = false }
            let directions = (transfer.wasReceivePaused ? CURLPAUSE_RECV : 0) | (transfer.wasSendPaused ? CURLPAUSE_SEND : 0)
            isInside = true
            curl_easy_pause(slot.easy, directions)
            isInside = false
            needsAction = true
        }
    }

    /// A pause that is taken back at once: the one way to have libcurl look at a certain transfer.
    private func poke() {
        let transfers = poking
        poking.removeAll(keepingCapacity: true)
        for transfer in transfers {
            guard let slot = transfer.slot, slot.isAdded, !transfer.isFinished, transfer.connectedAt == nil else { continue }
            isInside = true
            curl_easy_pause(slot.easy, CURLPAUSE_RECV)
            curl_easy_pause(slot.easy, CURLPAUSE_CONT)
            isInside = false
            needsAction = true
        }
    }

    func assertOnLoop() { assert(loop.isOnLoop, "a driver and its transfers are confined to their loop's thread") }
}

@available(*, unavailable)
extension UpstreamDriver: Sendable {}
