import CCurl
import EventLoop
import GatewayModel

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

// What libcurl calls while a transfer runs. All of it happens inside `curl_multi_socket_action`, where libcurl must not be entered again: the
// delegates' wishes (start, cancel, resume) are noted by the driver and carried out at the end of the turn.

extension TransferSlot {
    /// libcurl's return value for "not all was taken", which ends the transfer.
    private static let refused = 0

    private static let died = "the connection closed before an answer"

    private func end(_ kind: UpstreamFailure.Kind, _ detail: String) -> Int {
        failure = UpstreamFailure(kind, detail)
        return Self.refused
    }

    func receivedHeadLine(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let transfer, !transfer.isFinished else { return Self.refused }
        let step = bytes.withMemoryRebound(to: UInt8.self) { parser.take($0) }
        switch step {
        case .more, .interim, .trailer: break
        case .complete:
            transfer.respondedAt = driver.loop.now
            transfer.lastProgress = driver.loop.now
            if parser.head.version == .http2 { driver.sockets.noteMultiplexed(connection) }
            driver.noteDeadline(of: transfer)
            transfer.delegate?.transfer(transfer, receivedHead: parser.head)
        case .tooLarge: return end(.tooLarge, "response head over the limit")
        case .malformed(let what): return end(.protocolError, "malformed response head: " + what)
        }
        return transfer.isFinished ? Self.refused : bytes.count
    }

    func receivedBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let transfer, !transfer.isFinished else { return Self.refused }
        if transfer.isPaused {
            transfer.wasReceivePaused = true
            return Int(CURL_WRITEFUNC_PAUSE)
        }
        transfer.lastProgress = driver.loop.now
        transfer.receivedBytes &+= UInt64(truncatingIfNeeded: bytes.count)
        bytes.withMemoryRebound(to: UInt8.self) { transfer.delegate?.transfer(transfer, receivedBody: $0.span) }
        return transfer.isFinished ? Self.refused : bytes.count
    }

    func readBody(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        guard let transfer, !transfer.isFinished else { return Int(weir_read_abort()) }
        switch transfer.read(into: buffer) {
        case .bytes(let count): return transfer.isFinished ? Int(weir_read_abort()) : count
        case .waiting:
            transfer.wasSendPaused = true
            return Int(weir_read_pause())
        case .short:
            _ = end(.sendFailed, "the request body is shorter than announced")
            return Int(weir_read_abort())
        }
    }

    /// The connection stands and the request is about to be sent, for the first or for another time.
    /// - Returns: Whether it may be.
    func beginsRequest() -> Bool {
        guard let transfer, !transfer.isFinished else { return false }
        let now = driver.loop.now
        if transfer.attempts > 0, !mayRepeat(transfer, now: now) {
            _ = end(.reset, Self.died)
            return false
        }
        transfer.attempts += 1
        transfer.connectedAt = now
        transfer.isReusedConnection = !didOpenSocket
        return true
    }

    /// Opens a socket to an address libcurl chose, if the policy permits it; the last check before a packet leaves.
    func openSocket(_ target: UnsafeMutablePointer<curl_sockaddr>) -> curl_socket_t {
        guard let transfer, !transfer.isFinished else { return weir_socket_bad() }
        if transfer.attempts > 0, !mayRepeat(transfer, now: driver.loop.now) {
            _ = end(.reset, Self.died)
            return weir_socket_bad()
        }
        guard let address = Self.address(target), transfer.egress.permits(address) else {
            failure = UpstreamFailure(.egressRefused, "the upstream's address is not one that may be connected to")
            return weir_socket_bad()
        }
        let type = target.pointee.socktype | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(target.pointee.family, type, target.pointee.protocol)
        if descriptor < 0 {
            openError = errno
            return weir_socket_bad()
        }
        // Another address of the same name was permitted: should this fail, the reason is the connection's own.
        if failure?.kind == .egressRefused { failure = nil }
        didOpenSocket = true
        driver.ownSocket(descriptor, isOverTLS: isOverTLS, for: easy)
        return descriptor
    }

    private static func address(_ target: UnsafeMutablePointer<curl_sockaddr>) -> IPAddress? {
        guard let start = weir_address(target) else { return nil }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(target.pointee.addrlen))
        switch target.pointee.family {
        case AF_INET where bytes.count >= MemoryLayout<sockaddr_in>.size:
            return IPAddress(ipv4: UInt32(bigEndian: bytes.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr))
        case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
            guard let offset = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) else { return nil }
            return IPAddress(
                ipv6High: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
        default: return nil
        }
    }
}
