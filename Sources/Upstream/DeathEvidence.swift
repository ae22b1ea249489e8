#if canImport(Glibc)
    import Glibc
#endif

// libcurl sends a request anew when a reused connection dies before a byte of the answer. It means the race with the provider's idle timeout,
// but cannot tell that race from a provider that read the request, began to work on it and died: and such a request, repeated in silence, is
// paid for twice. The kernel can tell. A segment that closes a connection acknowledges what had arrived before it; so when the peer's end (FIN)
// has come and the end of our request is still unacknowledged, the peer had closed before it can have read the request.
//
// A reset (RST) proves nothing: the kernel does not look at what it acknowledges, and a peer may have read the request and reset at once.

/// What the kernel knows about a connection that is over, or about to be.
struct DeathEvidence: Equatable {
    /// Whether the peer ended the connection before the last byte of what we sent had reached it.
    var closedBeforeRequest = false
    /// Whether neither side's end has been seen.
    var isAlive = false

    /// Unacknowledged bytes up to this may be the TLS alert that libcurl sends before it closes. A request is longer.
    private static let alertBytesMax: Int32 = 96

    init() {}

    #if canImport(Glibc)
        /// Looks at a TCP connection without changing it, but for its pending error, which is taken. Three system calls at most.
        init(of descriptor: Int32, isOverTLS: Bool) {
            var info = tcp_info()
            var length = socklen_t(MemoryLayout<tcp_info>.size)
            guard getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else { return }
            let state = Int(info.tcpi_state)
            isAlive = state == Int(TCP_ESTABLISHED)
            var unacknowledged: Int32 = 0
            guard ioctl(descriptor, UInt(TIOCOUTQ), &unacknowledged) == 0, unacknowledged > (isOverTLS ? Self.alertBytesMax : 0) else {
                return
            }
            if state == Int(TCP_CLOSE_WAIT) {
                closedBeforeRequest = true
            } else if state == Int(TCP_CLOSE) {
                // Reset. After an end the error is EPIPE; without one it is ECONNRESET, or taken already by a read.
                var error: Int32 = 0
                length = socklen_t(MemoryLayout<Int32>.size)
                guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 else { return }
                closedBeforeRequest = error == EPIPE
            }
        }
    #else
        /// Elsewhere nothing is known, and nothing sent is repeated.
        init(of descriptor: Int32, isOverTLS: Bool) {}
    #endif
}
