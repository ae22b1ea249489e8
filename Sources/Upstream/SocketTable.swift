import CCurl
import EventLoop

// libcurl has two sorts of descriptors: connections, which it opens and closes through our callbacks, and the pipes of its resolver threads,
// which it closes behind our back right after it stopped watching them. A connection's watcher is kept until the connection closes, since making
// one costs 10 µs; a pipe's must go as soon as libcurl drops it. So must that of a connection that never came about: libcurl (7.88, `cf_socket_close`)
// closes it without a word, and libuv would then give the events of whoever gets its number next, a client for one, to a watcher nobody asks.

/// The watchers of libcurl's descriptors, by descriptor number.
struct SocketTable {
    private struct Entry {
        var watcher: SocketWatcher?
        var isConnection = false
        /// Whether it stands: while connecting libcurl waits for writability alone.
        var isEstablished = false
        /// Tells the connections apart that have the same number one after the other.
        var generation: UInt64 = 0
        var isOverTLS = false
        /// Whether it speaks HTTP/2.
        var isMultiplexed = false
        /// Whether a request left it while others stayed on it.
        var wasLeft = false
        /// What libcurl waits for: `CURL_POLL_` bits.
        var wanted: Int32 = 0
        /// Readiness reported since the socket was found to be in error.
        var errorRounds = 0
    }

    /// One connection, even after its number has gone to another.
    struct Connection: Equatable {
        let descriptor: Int32
        fileprivate let generation: UInt64
    }

    private var entries: [Entry] = []
    private var generations: UInt64 = 0

    private mutating func reserve(_ descriptor: Int32) -> Int? {
        let index = Int(descriptor)
        guard index >= 0, index < 1 << 24 else { return nil }
        while entries.count <= index { entries.append(Entry()) }
        return index
    }

    /// Notes that the descriptor is a connection of ours.
    mutating func own(_ descriptor: Int32, isOverTLS: Bool) {
        guard let index = reserve(descriptor) else { return }
        forget(descriptor)
        generations += 1
        entries[index].isConnection = true
        entries[index].generation = generations
        entries[index].isOverTLS = isOverTLS
    }

    /// The connection that has this number now; nil for what is none.
    func connection(at descriptor: Int32) -> Connection? {
        let index = Int(descriptor)
        guard entries.indices.contains(index), entries[index].isConnection else { return nil }
        return Connection(descriptor: descriptor, generation: entries[index].generation)
    }

    private func index(of connection: Connection?) -> Int? {
        guard let connection, self.connection(at: connection.descriptor) == connection else { return nil }
        return Int(connection.descriptor)
    }

    /// Notes that a connection speaks HTTP/2.
    mutating func noteMultiplexed(_ connection: Connection?) {
        if let index = index(of: connection) { entries[index].isMultiplexed = true }
    }

    /// Whether a request that died on this connection cannot have been worked on: the peer had closed before it came, or refused its stream.
    func isUnread(_ connection: Connection?) -> Bool {
        guard let index = index(of: connection) else { return false }
        let evidence = DeathEvidence(of: Int32(index), isOverTLS: entries[index].isOverTLS)
        // On a connection that lives, libcurl repeats only what HTTP/2's REFUSED_STREAM or GOAWAY said was not processed.
        if entries[index].isMultiplexed, evidence.isAlive { return true }
        // What is unacknowledged may be another stream's.
        return evidence.closedBeforeRequest && !entries[index].wasLeft
    }

    /// Notes that a request goes elsewhere while its connection is still open.
    mutating func noteLeft(_ connection: Connection?) {
        if let index = index(of: connection) { entries[index].wasLeft = true }
    }

    /// What libcurl waits for: `CURL_POLL_` bits.
    func wanted(of descriptor: Int32) -> Int32 {
        let index = Int(descriptor)
        return entries.indices.contains(index) ? entries[index].wanted : 0
    }

    /// Notes what libcurl waits for.
    mutating func want(_ descriptor: Int32, _ what: Int32) {
        let index = Int(descriptor)
        guard entries.indices.contains(index) else { return }
        entries[index].wanted = what
        if what & CURL_POLL_IN != 0 { entries[index].isEstablished = true }
    }

    /// What libcurl waits for on a descriptor in error.
    /// - Returns: nil when it was told more than `roundsMax` times.
    mutating func wantedInError(_ descriptor: Int32, roundsMax: Int) -> Int32? {
        let index = Int(descriptor)
        guard entries.indices.contains(index), entries[index].errorRounds < roundsMax else { return nil }
        entries[index].errorRounds += 1
        return entries[index].wanted
    }

    /// Watches again what libuv stopped watching because of an error, as long as libcurl wants it.
    func watchAgain(_ connection: Connection?) {
        guard let index = index(of: connection) else { return }
        let wanted = entries[index].wanted
        entries[index].watcher?.set(read: wanted & CURL_POLL_IN != 0, write: wanted & CURL_POLL_OUT != 0)
    }

    /// The watcher of a descriptor, made by `make` when there is none.
    mutating func watcher(of descriptor: Int32, make: () -> SocketWatcher?) -> SocketWatcher? {
        guard let index = reserve(descriptor) else { return nil }
        if let watcher = entries[index].watcher { return watcher }
        let watcher = make()
        entries[index].watcher = watcher
        return watcher
    }

    /// libcurl does not watch the descriptor now.
    /// - Returns: Whether it was a connection that never came about.
    mutating func drop(_ descriptor: Int32) -> Bool {
        let index = Int(descriptor)
        guard entries.indices.contains(index) else { return false }
        entries[index].wanted = 0
        if entries[index].isConnection, entries[index].isEstablished {
            entries[index].watcher?.set(read: false, write: false)
            return false
        }
        let isConnection = entries[index].isConnection
        forget(descriptor)
        return isConnection
    }

    /// The descriptor is about to be closed.
    mutating func forget(_ descriptor: Int32) {
        let index = Int(descriptor)
        guard entries.indices.contains(index) else { return }
        entries[index].watcher?.close()
        entries[index] = Entry()
    }

    /// Closes every watcher.
    mutating func removeAll() {
        for entry in entries { entry.watcher?.close() }
        entries = []
    }
}
