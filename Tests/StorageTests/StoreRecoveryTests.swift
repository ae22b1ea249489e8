import GatewayModel
import Glibc
import TestSupport
import Testing

@testable import Storage

/// What damage does: a disposable store is set aside and begun anew, another one is refused and left as it is.
@Suite struct StoreRecoveryTests {
    let folder = TemporaryFolder()
    var data: String { folder.file("data.mdb") }

    /// A store of 60 records that was closed in order.
    func makeStore(version: UInt32 = 1) throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions(version: version))
        for number in 0..<60 as Range<UInt64> {
            try environment.put([UInt8](repeating: UInt8(number), count: 1500), for: key(number))
        }
        environment.close()
    }

    func expectRefused(_ kind: StoreError.Kind = .damaged, checked: Bool = false) throws {
        let before = TestFile.read(data, count: 1 << 20)
        let error = #expect(throws: StoreError.self) {
            _ = try StoreEnvironment.open(path: folder.path, options: plainOptions(checked: checked))
        }
        #expect(error?.kind == kind)
        #expect(error?.message.contains(folder.path) == true)
        #expect(TestFile.read(data, count: before.count) == before, "a refused store must be left as it is")
    }

    func expectRecreated(_ kind: StoreError.Kind = .damaged, checked: Bool = false, keeps: Bool = true) throws {
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions(isDisposable: true, checked: checked))
        #expect(environment.opening.damage?.kind == kind)
        #expect(environment.opening.isNew)
        #expect((environment.opening.quarantinedFile != nil) == keeps)
        #expect(environment.value(for: key(1)) == nil)
        try environment.put([1], for: key(1))
        environment.close()
        let again = try StoreEnvironment.open(path: folder.path, options: plainOptions(isDisposable: true))
        #expect(again.opening.damage == nil)
        #expect(again.value(for: key(1)) == [1])
        again.close()
    }

    @Test func `an emptied file is damage, not a new store`() throws {
        try makeStore()
        truncate(data, 0)
        try expectRefused()
        try expectRecreated()
    }

    @Test func `a missing file is damage, not a new store`() throws {
        try makeStore()
        unlink(data)
        try expectRefused()
        try expectRecreated(keeps: false)
    }

    @Test func `garbage instead of meta pages is damage`() throws {
        try makeStore()
        var random = SplitMix64(seed: 1)
        TestFile.write((0..<8192).map { _ in UInt8.random(in: 0...255, using: &random) }, to: data)
        try expectRefused()
        try expectRecreated()
    }

    @Test func `zeroed meta pages are damage`() throws {
        try makeStore()
        TestFile.write([UInt8](repeating: 0, count: 8192), to: data)
        try expectRefused()
        try expectRecreated()
    }

    @Test func `a file cut in the middle is damage that kills only the child that looks`() throws {
        try makeStore()
        let size = try #require(TestFile.size(data))
        truncate(data, size / 2)
        guard case .damaged = childCheck.run(path: folder.path) else {
            Issue.record("the child found nothing")
            return
        }
        try expectRefused(checked: true)
        try expectRecreated(checked: true)
    }

    @Test func `values flipped under an unclean store are found by the look`() throws {
        try makeStore()
        TestFile.write([], to: folder.file("DIRTY"))
        // Older copies of the page are in the file too, so every one is changed.
        for place in TestFile.find([UInt8](repeating: 33, count: 1500), in: data) { TestFile.write([34], to: data, at: place + 700) }
        try expectRefused(checked: true)
        try expectRecreated(checked: true)
    }

    @Test func `a sound store that was not closed is looked at and opened`() throws {
        try makeStore()
        TestFile.write([], to: folder.file("DIRTY"))
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions(checked: true))
        #expect(environment.opening.wasUnclean && environment.opening.verdict == .sound)
        #expect(environment.value(for: key(5)) == [UInt8](repeating: 5, count: 1500))
        environment.close()
        #expect(TestFile.size(folder.file("DIRTY")) == nil)
    }

    @Test(arguments: [0, 1, 4096, 8192]) func `a creation cut short begins anew`(size: Int) throws {
        TestFile.write([UInt8](repeating: 0xAA, count: size), to: data)
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions())
        #expect(environment.opening.isNew && environment.opening.damage == nil)
        environment.close()
    }

    @Test func `one byte more than two pages without a mark is not taken for a creation cut short`() throws {
        TestFile.write([UInt8](repeating: 0xAA, count: 8193), to: data)
        try expectRefused()
    }

    @Test func `records of a newer version are refused or dropped, never misread`() throws {
        try makeStore(version: 2)
        try expectRefused(.schema)
        try expectRecreated(.schema)
    }

    @Test func `records of an older readable version are kept and noted`() throws {
        try makeStore()
        var options = plainOptions(version: 2)
        options.schema.oldestReadable = 1
        let environment = try StoreEnvironment.open(path: folder.path, options: options)
        #expect(environment.opening.schemaVersionFound == 1)
        #expect(environment.value(for: key(5)) != nil)
        environment.close()
        try expectRefused(.schema)
    }

    @Test func `a store of another kind is not opened`() throws {
        try makeStore()
        var options = plainOptions()
        options.schema.name = "other"
        let error = #expect(throws: StoreError.self) { _ = try StoreEnvironment.open(path: folder.path, options: options) }
        #expect(error?.kind == .schema)
    }

    @Test func `only one damaged file is kept`() throws {
        TestFile.write([1], to: folder.file("data.mdb.bad-17"))
        try makeStore()
        truncate(data, 0)
        let environment = try StoreEnvironment.open(path: folder.path, options: plainOptions(isDisposable: true))
        let kept = TemporaryFolder.names(in: folder.path).filter { $0.contains(".bad-") }
        #expect(kept == [environment.opening.quarantinedFile])
        environment.close()
    }

    @Test func `a check that can't run or hangs condemns nothing`() throws {
        try makeStore()
        let absent = ChildProcessCheck(executable: "/nowhere/weir") { [$0] }
        guard case .unknown = absent.run(path: folder.path) else {
            Issue.record("a missing executable gave a verdict")
            return
        }
        let hanging = ChildProcessCheck(executable: "/bin/sleep", millisecondsMax: 20) { _ in ["60"] }
        #expect(hanging.run(path: folder.path) == .unknown("no answer within 20 ms"))
    }

    @Test func `a look tells a lie in the count of records`() throws {
        try makeStore()
        let check = StoreCheck(path: folder.path, databases: ["a", "absent"])
        let report = check.run { _, _, _ in true }
        #expect(report.entries == 60 && report.verified == 60 && report.bad == 0 && report.bytes == 60 * 1508)
        #expect(check.verdict(on: report) == .sound)
        var sampled = check
        sampled.valuesMax = 10
        #expect(sampled.run { _, _, _ in true }.verified == 10)
        var tolerant = check
        tolerant.badPercentMax = 10
        func bad(_ count: Int) -> StoreCheck.Report {
            var seen = 0
            return tolerant.run { _, _, _ in
                seen += 1
                return seen > count
            }
        }
        #expect(tolerant.verdict(on: bad(6)) == .sound)
        #expect(tolerant.verdict(on: bad(7)) == .damaged("7 of 60 records are bad"))
        #expect(check.verdict(on: bad(1)) == .damaged("1 of 60 records are bad"))
    }
}
