import Foundation
import GatewayModel
import Storage
import TestSupport
import Testing

@testable import Tenants

@Suite struct SpendingTests {
    private let folder = KeyStoreTests.Folder()

    private func open(limits: KeyStoreLimits = KeyStoreLimits()) throws -> KeyStore {
        try KeyStore.open(dataDirectory: folder.path, limits: limits)
    }

    /// Whether a batch was written, once it is known.
    private func record(_ changes: [(name: [UInt8], state: [UInt8])], in store: KeyStore) -> Bool {
        let answer = Answer()
        store.recordSpending(changes) { answer.set($0) }
        store.writer.flush()
        return answer.value == true
    }

    /// What `done` said, and how often.
    private final class Answer: @unchecked Sendable {
        // @unchecked: guarded by `lock`.
        private let lock = NSLock()
        private var answers: [Bool] = []

        func set(_ answer: Bool) { lock.withLock { answers.append(answer) } }
        var value: Bool? { lock.withLock { answers.count == 1 ? answers[0] : nil } }
    }

    /// Changes a byte in every copy of a text that the data file has, freed pages included.
    private func damage(_ text: String) throws {
        var content = try #require(FileManager.default.contents(atPath: folder.data))
        var search = content.startIndex..<content.endIndex
        while let range = content.range(of: Data(text.utf8), in: search) {
            content[range.lowerBound] = 0x46
            search = range.upperBound..<content.endIndex
        }
        try content.write(to: URL(fileURLWithPath: folder.data))
    }

    private func names(_ store: KeyStore) -> [String] { store.spending().map { String(decoding: $0.name, as: UTF8.self) } }

    @Test func `what was recorded is there after a restart, the last state of each name`() throws {
        var store = try open()
        #expect(store.spending().isEmpty)
        #expect(record([(bytes("a"), [1, 2, 3]), (bytes("b"), [7])], in: store))
        #expect(record([(bytes("a"), [9])], in: store))
        #expect(record([], in: store))
        store.close()
        store = try open()
        #expect(store.spending().map(\.name) == [bytes("a"), bytes("b")])
        #expect(store.spending().map(\.state) == [[9], [7]])
        #expect(store.damagedSpendingCount == 0)
        store.forgetSpending([bytes("a"), bytes("no such name"), []])
        store.close()
        store = try open()
        #expect(names(store) == ["b"])
        #expect(record([(bytes("b"), [])], in: store))
        #expect(names(store).isEmpty)
    }

    @Test func `recording does not wait for a disk that takes its time`() throws {
        let store = try open()
        let disk = DispatchSemaphore(value: 0)
        #expect(store.writer.perform { disk.wait() })
        let answer = Answer()
        store.recordSpending([(bytes("a"), [1])]) { answer.set($0) }
        store.forgetSpending([bytes("b")])
        // Here already, while the writer stands still: nothing is known of the batch and nothing of it is on disk.
        #expect(answer.value == nil)
        #expect(store.spending().isEmpty)
        disk.signal()
        store.writer.flush()
        #expect(answer.value == true)
        #expect(names(store) == ["a"])
    }

    @Test func `a closed store answers that nothing was written`() throws {
        let store = try open()
        store.close()
        let answer = Answer()
        store.recordSpending([(bytes("a"), [1])]) { answer.set($0) }
        #expect(answer.value == false)
        store.forgetSpending([bytes("a")])
        #expect(store.spending().isEmpty)
        #expect(store.damagedSpendingCount == 1)
    }

    @Test func `a state of 1024 bytes and a name of 511 are taken, one byte more is not`() throws {
        let store = try open()
        let (name, state) = ([UInt8](repeating: 0x61, count: 511), [UInt8](repeating: 1, count: 1024))
        #expect(record([(name, state)], in: store))
        #expect(!record([(name + [0x61], state)], in: store))
        #expect(!record([([], state)], in: store))
        #expect(!record([(bytes("b"), state + [1]), (bytes("c"), state)], in: store))
        #expect(store.spending().map(\.name) == [name])
    }

    @Test func `the last record fits and one more does not, but those there are still written`() throws {
        var limits = KeyStoreLimits()
        limits.spendingRecordsMax = 2
        let store = try open(limits: limits)
        #expect(record([(bytes("a"), [1]), (bytes("b"), [1])], in: store))
        #expect(!record([(bytes("c"), [1])], in: store))
        #expect(!record([(bytes("c"), [1]), (bytes("a"), [2])], in: store))
        #expect(store.spending().map(\.state) == [[2], [1]])
        #expect(record([(bytes("a"), [3]), (bytes("b"), [3])], in: store))
        #expect(store.spending().map(\.state) == [[3], [3]])
        store.forgetSpending([bytes("a")])
        store.writer.flush()
        #expect(record([(bytes("c"), [1]), (bytes("b"), [4])], in: store))
        #expect(names(store) == ["b", "c"])
    }

    @Test func `one tenant's many records keep the spending of all others off the disk`() throws {
        var limits = KeyStoreLimits()
        limits.spendingRecordsMax = 3
        let store = try open(limits: limits)
        #expect(record([(bytes("a"), [1]), (bytes("b"), [1])], in: store))
        let flood = (0..<5).map { (bytes("new-\($0)"), [UInt8(9)]) }
        #expect(!record(flood + [(bytes("b"), [2]), (bytes("a"), [2])], in: store))
        #expect(names(store) == ["a", "b", "new-0"])
        #expect(store.spending().map(\.state) == [[2], [2], [9]])
        #expect(!record(flood + [(bytes("new-0"), []), (bytes("a"), [3])], in: store))
        #expect(store.spending().first?.state == [3])
    }

    @Test func `a damaged record is skipped and counted, the keys beside it hold and the store opens`() throws {
        var store = try open()
        let issued = try store.createKey(tenant: "acme", makesTenant: true, now: .test)
        #expect(record([(bytes("a"), bytes("find-this-state")), (bytes("b"), [2])], in: store))
        store.close()
        try damage("find-this-state")
        let (report, verdict) = KeyStoreCheck.run(path: folder.path + "/keys")
        #expect(report.bad == 1)
        #expect(report.verified == report.entries)
        #expect(verdict == .sound)
        store = try open()
        #expect(names(store) == ["b"])
        #expect(store.damagedSpendingCount == 1)
        #expect(store.makeTable().authenticate(issued.revealSecret()).value != nil)
        #expect(record([(bytes("a"), [7])], in: store))
        #expect(names(store) == ["a", "b"])
        #expect(store.damagedSpendingCount == 0)
    }

    @Test func `a check of a sound store walks spending too, and of a damaged key says so`() throws {
        let store = try open()
        _ = try store.createKey(tenant: "acme", label: "find-this-label", makesTenant: true, now: .test)
        #expect(record([(bytes("a"), [1])], in: store))
        store.close()
        let (report, verdict) = KeyStoreCheck.run(path: folder.path + "/keys")
        // Pepper check, tenant, salt, key and one of spending.
        #expect(report.entries == 5)
        #expect(report.bad == 0)
        #expect(verdict == .sound)
        try damage("find-this-label")
        #expect(KeyStoreCheck.run(path: folder.path + "/keys").verdict == .damaged("1 of 4 records are bad"))
    }

    @Test func `a store from before there was spending opens and takes it`() throws {
        let options = StoreOptions(schema: StoreSchema(name: "keys", version: 1), databases: ["records"], mapSize: 2 << 20)
        try StoreEnvironment.open(path: folder.path + "/keys", options: options).close()
        let store = try open()
        #expect(record([(bytes("a"), [1])], in: store))
        #expect(names(store) == ["a"])
    }

    @Test func `a snapshot holds spending`() throws {
        var store = try open()
        _ = try store.createKey(tenant: "acme", makesTenant: true, now: .test)
        #expect(record([(bytes("a"), [1])], in: store))
        store.close()
        let options = StoreOptions(
            schema: StoreSchema(name: "keys", version: 1), databases: ["records", KeyStore.spendingDatabaseName], mapSize: 2 << 20)
        let environment = try StoreEnvironment.open(path: folder.path + "/keys", options: options)
        let snapshots = StoreSnapshots(folder: folder.path + "/snapshots")
        try snapshots.take(of: environment, at: .test)
        environment.close()
        try FileManager.default.removeItem(atPath: folder.data)
        _ = try snapshots.restoreNewest(to: folder.path + "/keys", at: .test)
        store = try open()
        #expect(names(store) == ["a"])
        #expect(store.keys.count == 1)
    }

    @Test func `a record with any byte changed, cut or under another name is none`() {
        let name = bytes("budget/acme")
        let value = SpendingRecord.encode(name: name, state: [1, 2, 3, 4])
        #expect(SpendingRecord.decode(name: name, value: value) == [1, 2, 3, 4])
        #expect(SpendingRecord.decode(name: bytes("budget/evil"), value: value) == nil)
        for index in value.indices {
            var bad = value
            bad[index] ^= 1
            #expect(SpendingRecord.decode(name: name, value: bad) == nil)
            #expect(SpendingRecord.decode(name: name, value: Array(value[..<index])) == nil)
        }
        var random = SplitMix64(seed: 33)
        for _ in 0..<2000 {
            let junk = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(SpendingRecord.decode(name: name, value: junk) == nil)
        }
    }
}
