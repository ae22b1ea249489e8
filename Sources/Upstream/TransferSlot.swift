import CCurl
import EventLoop
import GatewayModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

// Making and configuring a libcurl handle costs more than a request. So handles are configured once and kept; a request sets only what differs
// from the one before. Everything libcurl is given by pointer (header list, small bodies) lives in the slot's own memory, which neither moves nor
// is freed while the handle exists.

/// A configured easy handle, the memory it points to, and the transfer it is working for.
final class TransferSlot {
    let easy: UnsafeMutableRawPointer
    unowned let driver: UpstreamDriver
    var transfer: Transfer?
    /// Place in the driver's list of active slots.
    var activeIndex = 0
    var isAdded = false
    var parser: ResponseHeadParser
    /// Set by our own callbacks when they end the transfer.
    var failure: UpstreamFailure?
    var openError: Int32 = 0
    var didOpenSocket = false
    /// The connection the request goes over, as far as libcurl has told.
    private(set) var connection: SocketTable.Connection?
    /// Whether the connection died without the request having been read.
    var wasUnread = false
    private var headers = HeaderList()
    private var settings = Settings()
    private var smallBody: UnsafeMutablePointer<UInt8>?
    private var smallBodyCapacity = 0
    private let errorText: UnsafeMutablePointer<CChar>

    /// Bodies up to this size go out in one system call with the head; larger ones are pulled by libcurl.
    private static let smallBodyMax = 60_000
    /// Larger buffers are not kept between requests.
    private static let keptBodyMax = 16_384

    /// What the handle is set to, so that only changes are set.
    private struct Settings {
        var url = ""
        var allowsPlainHTTP = false
        var offersHTTP2 = false
        var connect: UInt64 = 0
        var isFresh = false
        var method = ""
    }

    init?(driver: UpstreamDriver, share: UnsafeMutableRawPointer, options: UpstreamOptions) {
        guard let easy = curl_easy_init() else { return nil }
        self.easy = easy
        self.driver = driver
        parser = ResponseHeadParser(
            bytesMax: options.responseHeadBytesMax, fieldsMax: options.responseFieldsMax, interimMax: options.interimResponsesMax)
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.pointee = 0
        setConstants(share: share, options: options)
    }

    deinit {
        curl_easy_cleanup(easy)
        smallBody?.deallocate()
        errorText.deallocate()
    }

    /// libcurl's text about the last failure. Quotes host names and certificates; may quote input for other than TLS failures.
    var errorMessage: String { String(cString: errorText) }

    /// Whether any byte of the request, head included, has been sent.
    var hasSentBytes: Bool {
        guard isAdded else { return false }
        var count = 0
        weir_easy_get_long(easy, CURLINFO_REQUEST_SIZE, &count)
        return count > 0
    }

    /// Whether the request goes over TLS.
    var isOverTLS: Bool { settings.url.utf8.starts(with: "https:".utf8) }

    /// libcurl watches this connection for the request.
    func use(_ next: SocketTable.Connection?) {
        guard let next, next != connection else { return }
        leaveConnection()
        connection = next
    }

    /// A repeat does not go over the same connection.
    private func leaveConnection() {
        guard let transfer, transfer.attempts > 0 else { return }
        if driver.sockets.isUnread(connection) { wasUnread = true }
        driver.sockets.noteLeft(connection)
        connection = nil
    }

    /// Whether the request, which was begun on a connection that is dead or refused it, may be begun once more without anybody's decision.
    func mayRepeat(_ transfer: Transfer, now: MonotonicTime) -> Bool {
        leaveConnection()
        let isLate = now.nanoseconds(since: transfer.connectedAt ?? now) > Self.silentRetryMilliseconds * 1_000_000
        guard transfer.isReplayable, transfer.attempts == 1, !isLate else { return false }
        return transfer.isSafe || !hasSentBytes || transfer.isBodyCutOff || wasUnread
    }

    /// A second sending on a fresh connection is for the race with the upstream's idle timeout, which shows within a round trip. A connection
    /// that dies later died over the request itself, and repeating that is the caller's decision.
    private static let silentRetryMilliseconds: UInt64 = 2000

    // MARK: Settings

    private func setConstants(share: UnsafeMutableRawPointer, options: UpstreamOptions) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        for (option, value) in [
            (CURLOPT_NOSIGNAL, 1), (CURLOPT_FOLLOWLOCATION, 0), (CURLOPT_SSL_VERIFYPEER, 1), (CURLOPT_SSL_VERIFYHOST, 2),
            (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)), (CURLOPT_HTTP_CONTENT_DECODING, 0), (CURLOPT_PATH_AS_IS, 1),
            (CURLOPT_TCP_NODELAY, 1), (CURLOPT_TCP_KEEPALIVE, 1), (CURLOPT_SUPPRESS_CONNECT_HEADERS, 1), (CURLOPT_NOPROGRESS, 1),
            (CURLOPT_HTTP09_ALLOWED, 0),
            (CURLOPT_MAXLIFETIME_CONN, options.connectionLifetimeSeconds), (CURLOPT_MAXAGE_CONN, options.connectionIdleSeconds),
            (CURLOPT_DNS_CACHE_TIMEOUT, options.dnsCacheSeconds),
            // Without this, giving up on a name that is still being resolved waits for the resolver's thread, and the loop with it.
            (CURLOPT_QUICK_EXIT, 1),
        ] { weir_easy_set_long(easy, option, value) }
        weir_easy_set_text(easy, CURLOPT_PROXY, "")
        weir_easy_set_text(easy, CURLOPT_PROTOCOLS_STR, "https")
        // A store read from one file alone is parsed once per loop; with a directory beside it, at every connection.
        weir_easy_set_text(easy, CURLOPT_CAPATH, nil)
        if let file = options.authoritiesFile { weir_easy_set_text(easy, CURLOPT_CAINFO, file) }
        weir_easy_set_pointer(easy, CURLOPT_SHARE, share)
        for option in [
            CURLOPT_PRIVATE, CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_READDATA, CURLOPT_SEEKDATA, CURLOPT_OPENSOCKETDATA,
            CURLOPT_PREREQDATA,
        ] { weir_easy_set_pointer(easy, option, context) }
        weir_easy_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
        // A connection outlives the handle that opened it.
        weir_easy_set_pointer(easy, CURLOPT_CLOSESOCKETDATA, Unmanaged.passUnretained(driver).toOpaque())
        setCallbacks()
    }

    private func setCallbacks() {
        weir_easy_set_data_callback(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            TransferSlot.of(context) { $0.receivedBody(UnsafeRawBufferPointer(start: bytes, count: size &* count)) }
        }
        weir_easy_set_data_callback(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
            TransferSlot.of(context) { $0.receivedHeadLine(UnsafeRawBufferPointer(start: bytes, count: size &* count)) }
        }
        weir_easy_set_data_callback(easy, CURLOPT_READFUNCTION) { bytes, size, count, context in
            TransferSlot.of(context) { $0.readBody(UnsafeMutableRawBufferPointer(start: bytes, count: size &* count)) }
        }
        weir_easy_set_seek(easy) { context, offset, _ in
            TransferSlot.of(context) { $0.transfer?.rewind(to: Int(offset)) == true ? 0 : Int(CURL_SEEKFUNC_FAIL) } == 0
                ? 0 : CURL_SEEKFUNC_FAIL
        }
        weir_easy_set_prereq(easy) { context, _, _, _, _ in
            TransferSlot.of(context) { $0.beginsRequest() ? 0 : 1 } == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
        }
        weir_easy_set_open_socket(easy) { context, _, address in
            guard let context, let address else { return weir_socket_bad() }
            return Unmanaged<TransferSlot>.fromOpaque(context).takeUnretainedValue().openSocket(address)
        }
        weir_easy_set_close_socket(easy) { context, socket in
            guard let context else { return 1 }
            Unmanaged<UpstreamDriver>.fromOpaque(context).takeUnretainedValue().closeSocket(socket)
            return 0
        }
    }

    @inline(__always)
    private static func of(_ context: UnsafeMutableRawPointer?, _ body: (TransferSlot) -> Int) -> Int {
        guard let context else { return 0 }
        return body(Unmanaged<TransferSlot>.fromOpaque(context).takeUnretainedValue())
    }

    /// Sets the handle up for a checked request.
    func configure(_ request: UpstreamRequest, for transfer: Transfer) {
        self.transfer = transfer
        failure = nil
        openError = 0
        didOpenSocket = false
        connection = nil
        wasUnread = false
        errorText.pointee = 0
        parser.reset()
        setConnection(request)
        setBody(request)
        headers.fill(request)
        headers.withList { _ = weir_easy_set_pointer(easy, CURLOPT_HTTPHEADER, $0) }
    }

    private func setConnection(_ request: UpstreamRequest) {
        if settings.url != request.url {
            settings.url = request.url
            weir_easy_set_text(easy, CURLOPT_URL, request.url)
        }
        if settings.allowsPlainHTTP != request.egress.allowsPlainHTTP {
            settings.allowsPlainHTTP = request.egress.allowsPlainHTTP
            weir_easy_set_text(easy, CURLOPT_PROTOCOLS_STR, settings.allowsPlainHTTP ? "https,http" : "https")
        }
        let offersHTTP2 = request.allowsHTTP2 && request.isOverTLS
        if settings.offersHTTP2 != offersHTTP2 || settings.connect == 0 {
            settings.offersHTTP2 = offersHTTP2
            weir_easy_set_long(easy, CURLOPT_HTTP_VERSION, Int(offersHTTP2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1))
            // Waits for a handshake under way, which tells whether one connection is enough. Without TLS libcurl would wait for the first
            // answer's head, which here may take a minute.
            weir_easy_set_long(easy, CURLOPT_PIPEWAIT, offersHTTP2 ? 1 : 0)
        }
        let connect = request.timeouts.connect == 0 ? 300_000 : min(request.timeouts.connect, 300_000)
        if settings.connect != connect {
            settings.connect = connect
            weir_easy_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, Int(connect))
        }
        if settings.isFresh != request.needsFreshConnection {
            settings.isFresh = request.needsFreshConnection
            weir_easy_set_long(easy, CURLOPT_FRESH_CONNECT, settings.isFresh ? 1 : 0)
        }
    }

    private func setBody(_ request: UpstreamRequest) {
        switch request.body {
        case .bytes(let bytes): setBody(bytes)
        case .none where ["POST", "PUT", "PATCH"].contains(request.method): setBody([])  // sends Content-Length: 0
        case .none: weir_easy_set_long(easy, request.method == "HEAD" ? CURLOPT_NOBODY : CURLOPT_HTTPGET, 1)
        case .streamed(let length): setPulledBody(length.map { Int(clamping: $0) } ?? -1)
        }
        // Set anew only when it changes: libcurl copies it. It overrides what the settings above would send.
        if settings.method != request.method {
            settings.method = request.method
            weir_easy_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method)
        }
    }

    private func setBody(_ bytes: [UInt8]) {
        guard bytes.count <= Self.smallBodyMax else { return setPulledBody(bytes.count) }
        let copy = reserveSmallBody(max(bytes.count, 1))
        bytes.withUnsafeBufferPointer { if let base = $0.baseAddress { copy.update(from: base, count: $0.count) } }
        weir_easy_set_long(easy, CURLOPT_POST, 1)
        weir_easy_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, bytes.count)
        weir_easy_set_pointer(easy, CURLOPT_POSTFIELDS, copy)
    }

    private func setPulledBody(_ length: Int) {
        weir_easy_set_pointer(easy, CURLOPT_POSTFIELDS, nil)
        weir_easy_set_long(easy, CURLOPT_POST, 1)
        weir_easy_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, length)
    }

    private func reserveSmallBody(_ count: Int) -> UnsafeMutablePointer<UInt8> {
        if let smallBody, smallBodyCapacity >= count { return smallBody }
        smallBody?.deallocate()
        smallBodyCapacity = max(count, 4096)
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: smallBodyCapacity)
        smallBody = grown
        return grown
    }

    /// Lets go of the transfer; the handle has left the multi handle.
    func recycle() {
        transfer?.slot = nil
        transfer = nil
        connection = nil
        isAdded = false
        if smallBodyCapacity > Self.keptBodyMax {
            weir_easy_set_pointer(easy, CURLOPT_POSTFIELDS, nil)
            smallBody?.deallocate()
            smallBody = nil
            smallBodyCapacity = 0
        }
    }
}
