import EventLoop

// libcurl has two sorts of descriptors: connections, which it opens and closes through our callbacks, and the pipes of its resolver threads,
// which it closes behind our back right after it stopped watching them. A connection's watcher is kept until the connection closes, since making
// one costs 10 µs; a pipe's must go as soon as libcurl drops it.

/// The watchers of libcurl's descriptors, by descriptor number.
struct SocketTable {
    private struct Entry {
        var watcher: SocketWatcher?
        var isConnection = false
    }

    private var entries: [Entry] = []

    private mutating func reserve(_ descriptor: Int32) -> Int? {
        let index = Int(descriptor)
        guard index >= 0, index < 1 << 24 else { return nil }
        while entries.count <= index { entries.append(Entry()) }
        return index
    }

    /// Notes that the descriptor is a connection of ours.
    mutating func own(_ descriptor: Int32) {
        if let index = reserve(descriptor) { entries[index].isConnection = true }
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
    mutating func drop(_ descriptor: Int32) {
        let index = Int(descriptor)
        guard entries.indices.contains(index) else { return }
        if entries[index].isConnection {
            entries[index].watcher?.set(read: false, write: false)
        } else {
            forget(descriptor)
        }
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
