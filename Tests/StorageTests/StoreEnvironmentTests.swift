import GatewayModel
import Glibc
import TestSupport
import Testing

@testable import Storage

@Suite struct StoreEnvironmentTests {
    let folder = TemporaryFolder()

    @Test func `what was committed is read back, also after a reopen`() throws {
        let environment = try StoreEnvironment.open(path: folder.file("s"), options: plainOptions())
        #expect(environment.opening.isNew)
        try environment.put([1, 2, 3], for: key(1))
        #expect(environment.value(for: key(1)) == [1, 2, 3])
        #expect(environment.value(for: key(2)) == nil)
        #expect(environment.value(for: key(1), in: "b") == nil)
        environment.close()
        let again = try StoreEnvironment.open(path: folder.file("s"), options: plainOptions())
        #expect(!again.opening.isNew && !again.opening.wasUnclean && again.opening.verdict == nil)
        #expect(again.opening.schemaVersionFound == 1)
        #expect(again.value(for: key(1)) == [1, 2, 3])
        again.close()
    }

    @Test func `a write that throws leaves nothing behind`() throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions())
        let database = environment.database("a")
        #expect(throws: StoreError.self) {
            try environment.write { transaction throws(StoreError) in
                try transaction.put(key(1).span, for: key(1).span, in: database)
                throw StoreError(kind: .other, message: "changed my mind")
            }
        }
        #expect(environment.value(for: key(1)) == nil)
        try environment.put([7], for: key(2))
        #expect(environment.value(for: key(2)) == [7])
    }

    @Test func `a walk starts at the right record in both directions`() throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions())
        for number: UInt64 in [10, 20, 30] { try environment.put(key(number), for: key(number)) }
        let reader = environment.makeReader()
        let database = environment.database("a")
        func walk(_ start: [UInt8], _ direction: StoreDirection, limit: Int = 9) -> [UInt8] {
            var seen: [UInt8] = []
            reader.forEach(in: database, from: start.span, direction) { key, _ in
                seen.append(key[7])
                return seen.count < limit
            }
            return seen
        }
        #expect(walk([], .forward) == [10, 20, 30])
        #expect(walk([], .backward) == [30, 20, 10])
        #expect(walk(key(20), .forward) == [20, 30])
        #expect(walk(key(21), .forward) == [30])
        #expect(walk(key(31), .forward) == [])
        #expect(walk(key(20), .backward) == [20, 10])
        #expect(walk(key(19), .backward) == [10])
        #expect(walk(key(99), .backward) == [30, 20, 10])
        #expect(walk(key(9), .backward) == [])
        #expect(walk([], .forward, limit: 2) == [10, 20])
        #expect(reader.count(in: database) == 3)
    }

    @Test func `a key of 511 bytes is taken and one of 512 is refused`() throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions())
        let longest = [UInt8](repeating: 1, count: 511)
        try environment.put([1], for: longest)
        #expect(environment.value(for: longest) == [1])
        let error = #expect(throws: StoreError.self) { try environment.put([1], for: longest + [1]) }
        #expect(error?.kind == .tooLarge)
        #expect(environment.value(for: longest + [1]) == nil)
    }

    @Test func `map sizes are rounded up to 2 MiB`() {
        let unit = 2 << 20
        #expect(StoreOptions.rounded(mapSize: -1) == unit)
        #expect(StoreOptions.rounded(mapSize: unit) == unit)
        #expect(StoreOptions.rounded(mapSize: unit + 1) == 2 * unit)
        #expect(StoreOptions.rounded(mapSize: .max) % unit == 0)
    }

    @Test func `a second opener in this process is refused and harms nothing`() throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions())
        let error = #expect(throws: StoreError.self) { _ = try StoreEnvironment.open(path: folder.path, options: plainOptions()) }
        #expect(error?.kind == .inUse)
        #expect(error?.message.contains("process \(getpid())") == true)
        try environment.put([1], for: key(1))
        #expect(environment.value(for: key(1)) == [1])
        environment.close()
        try StoreEnvironment.open(path: folder.path, options: plainOptions()).close()
    }

    @Test func `a second process on one store is refused`() throws {
        let child = try #require(ChildProcess(["hold", folder.path]))
        #expect(child.line() == "open")
        let error = #expect(throws: StoreError.self) { _ = try StoreEnvironment.open(path: folder.path, options: plainOptions()) }
        #expect(error?.kind == .inUse)
        #expect(error?.message.contains("process \(child.id)") == true)
        child.kill()
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions(checked: true))
        #expect(environment.opening.wasUnclean && environment.opening.verdict == .sound)
        environment.close()
    }

    @Test func `a child process inherits no descriptor of a store`() throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions())
        var looked = 0
        for name in TemporaryFolder.names(in: "/proc/self/fd") {
            guard let descriptor = Int32(name), let file = path(of: descriptor), file.hasPrefix(folder.path) else { continue }
            looked += 1
            #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0, "\(file)")
        }
        #expect(looked >= 4)
        withExtendedLifetime(environment) {}
    }

    @Test func `a folder that can't be made says so`() {
        TestFile.write([1], to: folder.file("file"))
        let error = #expect(throws: StoreError.self) { _ = try StoreEnvironment.open(path: folder.file("file/s"), options: plainOptions()) }
        #expect(error?.message.contains("/file/s") == true)
    }

    @Test func `a closed store has no answers and no crash`() throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions())
        let database = environment.database("a")
        try environment.put([1], for: key(1))
        let reader = environment.makeReader()
        #expect(reader.withValue(for: key(1).span, in: database) { $0.count } == 1)
        environment.close()
        environment.close()
        #expect(reader.withValue(for: key(1).span, in: database) { $0.count } == nil)
        #expect(!reader.isReadable)
        #expect(throws: StoreError.self) { try environment.synchronize() }
        #expect(throws: StoreError.self) { try environment.write { _ throws(StoreError) in } }
    }

    @Test func `a read that stands still is seen`() throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions())
        try environment.put([1], for: key(1))
        let reader = environment.makeReader()
        let second: UInt64 = 1_000_000_000
        _ = reader.withValue(for: key(1).span, in: environment.database("a")) { _ in
            #expect(environment.oldestRead(now: MonotonicTime(nanoseconds: 10 * second)) == 0)
            #expect(environment.oldestRead(now: MonotonicTime(nanoseconds: 16 * second)) == 6 * second)
        }
        #expect(environment.oldestRead(now: MonotonicTime(nanoseconds: 17 * second)) == 0)
    }

    @Test func `the slot of a killed reader of another process is freed`() throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions())
        try environment.put([UInt8](repeating: 1, count: 1500), for: key(1))
        let child = try #require(ChildProcess(["pin", folder.path]))
        #expect(child.line() == "pinned")
        #expect(environment.checkReaders() == 0)
        child.kill()
        #expect(environment.checkReaders() == 1)
    }

    @Test func `readers go on while the environment is reopened`() throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions())
        try environment.put([9], for: key(1))
        let database = environment.database("a")
        let counts = (0..<2).map { _ in ReadCounts() }
        let threads = try counts.map { count in
            let thread = PosixThread.start(name: "reader") {
                let reader = environment.makeReader()
                while !count.isOver {
                    let value = reader.withValue(for: key(1).span, in: database) { $0[0] }
                    count.add(value)
                }
            }
            return try #require(thread)
        }
        for _ in 0..<50 {
            try environment.reopen()
            try environment.put([9], for: key(2))
        }
        let others = counts
        #expect(eventually { others.allSatisfy { $0.found > 0 } })
        for count in counts { count.end() }
        for thread in threads { thread.join() }
        for count in counts { #expect(count.wrong == 0) }
        environment.close()
    }

    @Test func `the free list and the map are told`() throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions(mapSize: 4 << 20))
        for number in 0..<50 as Range<UInt64> { try environment.put([UInt8](repeating: 1, count: 8000), for: key(number)) }
        let full = try environment.usage()
        #expect(full.mapSize == 4 << 20 && full.pageSize == 4096 && full.usedPages > 100)
        #expect(full.usedPercent >= 100 * 100 / 1024)
        let database = environment.database("a")
        try environment.write { transaction throws(StoreError) in try transaction.deleteAll(in: database) }
        try environment.put([1], for: key(1))
        try environment.put([1], for: key(2))
        let emptied = try environment.usage()
        #expect(emptied.freePages > 90 && emptied.reachedPages >= full.reachedPages)
    }
}

final class ReadCounts: @unchecked Sendable {
    // @unchecked: guarded by `mutex`.
    private let mutex = Lock()
    private var values = (found: 0, missing: 0, wrong: 0, isOver: false)

    func add(_ value: UInt8?) {
        mutex.withLock {
            switch value {
            case 9: values.found += 1
            case nil: values.missing += 1
            default: values.wrong += 1
            }
        }
    }

    func end() { mutex.withLock { values.isOver = true } }
    var isOver: Bool { mutex.withLock { values.isOver } }
    var found: Int { mutex.withLock { values.found } }
    var wrong: Int { mutex.withLock { values.wrong } }
}
