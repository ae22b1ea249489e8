import GatewayModel
import Glibc
import TestSupport
import Testing

@testable import Storage

@Suite struct WriterThreadTests {
    let folder = TemporaryFolder()

    func open(mapSize: Int = 8 << 20, durability: StoreDurability = .durable) throws -> StoreEnvironment {
        try StoreEnvironment.open(path: folder.path, options: plainOptions(mapSize: mapSize, durability: durability))
    }

    var quick: WriterLimits {
        var limits = WriterLimits()
        limits.delayMilliseconds = 1
        limits.tickMilliseconds = 5
        limits.backoffMillisecondsMax = 20
        return limits
    }

    @Test(arguments: [StoreDurability.durable, .noMetaSync]) func `an acknowledged write is readable at once`(
        durability: StoreDurability
    ) throws {
        let environment = try open(durability: durability)
        let writer = try WriterThread(environment: environment, work: OperationWork())
        let database = environment.database("a")
        for number in 0..<20 as Range<UInt64> {
            try writer.commit([.put(database, key: key(number), value: key(number)), .delete(database, key: key(number &- 1))])
            #expect(environment.value(for: key(number)) == key(number))
            #expect(environment.value(for: key(number &- 1)) == nil)
        }
        #expect(writer.statistics.committedItems == 20)
        writer.close()
        environment.close()
    }

    @Test func `closing writes out what waits`() throws {
        let environment = try open()
        let writer = try WriterThread(environment: environment, work: OperationWork())
        let database = environment.database("a")
        for number in 0..<700 as Range<UInt64> {
            let isAccepted = writer.submit([.put(database, key: key(number), value: [1])], isDurable: false)
            #expect(isAccepted)
        }
        writer.close()
        #expect(environment.makeReader().count(in: database) == 700)
        let isAccepted = writer.submit([.put(database, key: key(1), value: [1])], isDurable: true)
        #expect(!isAccepted)
        let isPerformed = writer.perform {}
        #expect(!isPerformed)
        writer.flush()
        writer.close()
        environment.close()
    }

    @Test func `operations on one key keep their order, others are sorted`() throws {
        let environment = try open()
        let (a, b) = (environment.database("a"), environment.database("b"))
        let sorted = OperationWork.sorted([
            .put(b, key: [1], value: []), .put(a, key: [2], value: [1]), .delete(a, key: [1]), .put(a, key: [2], value: [2]),
        ])
        let places = sorted.map { operation in
            switch operation {
            case .put(let database, let key, let value): "\(database == a ? "a" : "b")\(key)\(value)"
            case .delete(let database, let key): "\(database == a ? "a" : "b")\(key)-"
            default: ""
            }
        }
        #expect(places == ["a[1]-", "a[2][1]", "a[2][2]", "b[1][]"])
        let writer = try WriterThread(environment: environment, work: OperationWork(), limits: quick)
        try writer.commit([.put(a, key: [9], value: [9]), .deleteAll(a), .put(a, key: [3], value: [3]), .append(a, key: [4], value: [4])])
        #expect(environment.value(for: [9]) == nil)
        #expect(environment.value(for: [3]) == [3])
        #expect(environment.value(for: [4]) == [4])
        #expect(throws: StoreError.self) { try writer.commit([.put(a, key: [], value: [1])]) }
        #expect(throws: StoreError.self) { try writer.commit([.append(a, key: [1], value: [1])]) }
        #expect(environment.value(for: [3]) == [3])
        writer.close()
        environment.close()
    }

    @Test func `a full map evicts and goes on`() throws {
        let environment = try open(mapSize: 2 << 20)
        let database = environment.database("a")
        let evict: @Sendable (borrowing WriteTransaction) throws(StoreError) -> Void = { transaction throws(StoreError) in
            let none: [UInt8] = []
            for _ in 0..<64 {
                let first = try transaction.withFirst(atOrAfter: none.span, in: database) { key, _ in
                    key.withUnsafeBufferPointer { Array($0) }
                }
                guard let first else { return }
                try transaction.delete(first.span, in: database)
            }
        }
        let writer = try WriterThread(environment: environment, work: OperationWork(evict: evict))
        for number in 0..<600 as Range<UInt64> {
            try writer.commit([.put(database, key: key(number), value: [UInt8](repeating: 1, count: 4000))])
        }
        let statistics = writer.statistics
        #expect(statistics.roomMade > 0)
        #expect(statistics.discarded.isEmpty && statistics.committedItems == 600)
        #expect(environment.value(for: key(599)) != nil)
        writer.close()
        environment.close()
    }

    @Test func `a full map without eviction drops and counts, and what is there stays`() throws {
        let environment = try open(mapSize: 2 << 20)
        let database = environment.database("a")
        let writer = try WriterThread(environment: environment, work: OperationWork(), limits: quick)
        try writer.commit([.put(database, key: [1], value: [1])])
        let error = #expect(throws: StoreError.self) {
            try writer.commit([.put(database, key: [2], value: [UInt8](repeating: 1, count: 3 << 20))])
        }
        #expect(error?.kind == .mapFull)
        #expect(writer.statistics.discarded[.mapFull] == 1)
        #expect(environment.value(for: [1]) == [1])
        try writer.commit([.put(database, key: [3], value: [3])])
        #expect(environment.value(for: [3]) == [3])
        writer.close()
        environment.close()
    }

    @Test func `a full disk refuses durable writes at once, keeps the others, and resumes`() throws {
        let environment = try open()
        let database = environment.database("a")
        let writer = try WriterThread(environment: environment, work: OperationWork(), limits: quick)
        try writer.commit([.put(database, key: [1], value: [1])])
        replacing(folder.file("data.mdb"), by: "/dev/full") {
            let error = #expect(throws: StoreError.self) { try writer.commit([.put(database, key: [2], value: [2])]) }
            #expect(error?.kind == .diskFull)
            writer.submit([.put(database, key: [3], value: [3])], isDurable: false)
            #expect(eventually { writer.statistics.failures[.diskFull, default: 0] > 3 })
            #expect(writer.statistics.isBackingOff && !writer.statistics.isDisabled)
            #expect(environment.value(for: [1]) == [1], "reads go on")
            #expect(environment.value(for: [3]) == nil)
        }
        #expect(eventually { environment.value(for: [3]) == [3] }, "\(writer.statistics)")
        #expect(eventually { !writer.statistics.isBackingOff })
        #expect(environment.value(for: [2]) == nil)
        writer.close()
        environment.close()
    }

    @Test func `a failed write of the meta page is followed by one reopen`() throws {
        let environment = try open()
        let database = environment.database("a")
        let writer = try WriterThread(environment: environment, work: OperationWork(), limits: quick)
        try writer.commit([.put(database, key: [1], value: [1])])
        let reader = environment.makeReader()
        #expect(reader.withValue(for: [UInt8(1)].span, in: database) { $0[0] } == 1)
        replacing(folder.file("data.mdb"), by: "/dev/null", only: O_DSYNC) {
            #expect(throws: StoreError.self) { try writer.commit([.put(database, key: [2], value: [2])]) }
            try? writer.commit([.put(database, key: [3], value: [3])])
        }
        #expect(writer.statistics.reopens == 1)
        #expect(environment.value(for: [3]) == [3])
        #expect(reader.withValue(for: [UInt8(1)].span, in: database) { $0[0] } == 1, "a reader from before goes on")
        try writer.commit([.put(database, key: [4], value: [4])])
        #expect(environment.value(for: [4]) == [4])
        writer.close()
        environment.close()
    }

    @Test func `a store that can't be reopened is given up and the process lives`() throws {
        let environment = try open()
        let database = environment.database("a")
        let writer = try WriterThread(environment: environment, work: OperationWork(), limits: quick)
        try writer.commit([.put(database, key: [1], value: [1])])
        replacing(folder.file("data.mdb"), by: "/dev/null", only: O_DSYNC) {
            unlink(folder.file("data.mdb"))
            #expect(throws: StoreError.self) { try writer.commit([.put(database, key: [2], value: [2])]) }
            #expect(throws: StoreError.self) { try writer.commit([.put(database, key: [3], value: [3])]) }
        }
        #expect(eventually { writer.statistics.isDisabled })
        let isAccepted = writer.submit([.put(database, key: [4], value: [4])], isDurable: false)
        #expect(!isAccepted)
        #expect(environment.makeReader().withValue(for: [UInt8(1)].span, in: database) { $0[0] } == nil)
        writer.close()
        environment.close()
    }

    @Test func `many threads may submit, and nothing is lost`() throws {
        let environment = try open(durability: .noMetaSync)
        let database = environment.database("a")
        let writer = try WriterThread(environment: environment, work: OperationWork(), limits: quick)
        let threads = (0..<4 as Range<UInt64>).map { lane in
            PosixThread.start(name: "submitter") {
                for number in 0..<500 as Range<UInt64> {
                    writer.submit([.put(database, key: key(lane << 32 | number), value: [1])], isDurable: number % 100 == 0)
                }
            }
        }
        for thread in threads { thread?.join() }
        writer.flush()
        #expect(environment.makeReader().count(in: database) == 2000)
        writer.close()
        environment.close()
    }

    @Test func `no acknowledged write is lost by kill -9, and every store opens`() throws {
        let rounds = getenv("WEIR_LONG") != nil ? 200 : 20
        var random = SplitMix64(seed: 42)
        for round in 0..<rounds {
            let child = try #require(ChildProcess(["write-plain", folder.path]))
            var last: UInt64?
            for _ in 0..<Int.random(in: 0...30, using: &random) { last = child.line().flatMap { UInt64($0) } ?? last }
            child.kill()
            while let line = child.line() { last = UInt64(line) ?? last }
            var options = plainOptions(mapSize: 32 << 20, checked: true)
            options.databases = ["a"]
            let environment = try StoreEnvironment.open(path: folder.path, options: options)
            #expect(environment.opening.damage == nil, "round \(round)")
            let database = environment.database("a")
            let reader = environment.makeReader()
            if let last {
                for number in 0...last {
                    let isRight = reader.withValue(for: key(number).span, in: database) {
                        $0.count == 1500 && $0[7] == UInt8(truncatingIfNeeded: number)
                    }
                    #expect(isRight == true, "round \(round), record \(number)")
                }
            }
            environment.close()
        }
    }

    @Test func `snapshots verify, the newest few are kept, and one can be restored`() throws {
        let environment = try open()
        let database = environment.database("a")
        let snapshots = StoreSnapshots(folder: folder.file("snapshots"), keep: 3)
        for number in 1...5 as ClosedRange<UInt64> {
            try environment.put([UInt8](repeating: UInt8(number), count: 1500), for: key(number))
            try snapshots.take(of: environment, at: WallTime(milliseconds: Int64(number) * 1000))
        }
        #expect(snapshots.all.count == 3)
        for copy in snapshots.all { #expect(childCheck.run(path: copy) == .sound) }
        let error = #expect(throws: StoreError.self) {
            _ = try snapshots.restoreNewest(to: folder.path, at: WallTime(milliseconds: 9000))
        }
        #expect(error?.kind == .inUse)
        try environment.write { transaction throws(StoreError) in try transaction.deleteAll(in: database) }
        environment.close()
        let restored = try snapshots.restoreNewest(to: folder.path, at: WallTime(milliseconds: 9000))
        #expect(restored == snapshots.all.last)
        let again = try open()
        #expect(again.makeReader().count(in: database) == 5)
        again.close()
        #expect(throws: StoreError.self) {
            _ = try StoreSnapshots(folder: folder.file("none")).restoreNewest(to: folder.path, at: WallTime(milliseconds: 1))
        }
    }
}
