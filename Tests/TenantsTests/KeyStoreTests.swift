import Foundation
import GatewayModel
import TestSupport
import Testing

@testable import Tenants

@Suite struct KeyStoreTests {
    /// A data directory that is gone after the test.
    final class Folder {
        let path: String

        init() {
            path = NSTemporaryDirectory() + "weir-keys-" + UUID().uuidString
            try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        var pepper: String { path + "/keys.pepper" }
        var data: String { path + "/keys/data.mdb" }
    }

    private let folder = Folder()

    private func open(limits: KeyStoreLimits = KeyStoreLimits()) throws -> KeyStore {
        try KeyStore.open(dataDirectory: folder.path, limits: limits)
    }

    /// The code with which opening is refused.
    private func refusal() -> KeyStoreError.Code? {
        do {
            try KeyStore.open(dataDirectory: folder.path).close()
            return nil
        } catch {
            return error.code
        }
    }

    // MARK: Keys

    @Test func `a created key holds at once and after a restart, and its secret is nowhere on disk`() throws {
        var store = try open()
        #expect(store.wasNew)
        let issued = try store.createKey(tenant: "acme", label: "ci", makesTenant: true, now: .test)
        let secret = issued.revealSecret()
        #expect(store.makeTable().authenticate(secret).value != nil)
        #expect(issued.key.hint == String(secret.suffix(4)))
        store.close()

        store = try open()
        #expect(!store.wasNew)
        let table = store.makeTable()
        let identity = try #require(table.authenticate(secret).value)
        #expect(table.keys[Int(identity.key)] == issued.key)
        #expect(table.tenants[Int(identity.tenant.rawValue)].id == "acme")
        store.close()
        for file in FileManager.default.subpaths(atPath: folder.path) ?? [] {
            // Foundation leaks a page for each folder or empty file that it reads.
            let path = folder.path + "/" + file
            let content = Data(TestFile.read(path, count: TestFile.size(path) ?? 0))
            #expect(content.range(of: Data(secret.utf8)) == nil, "\(file)")
            #expect(content.range(of: Data(secret.dropFirst(3).dropLast(8).utf8)) == nil, "\(file)")
        }
    }

    @Test func `neither printing nor dumping an issued key shows its secret`() throws {
        let store = try open()
        let issued = try store.createKey(tenant: "acme", makesTenant: true, now: .test)
        var text = "\(issued) \(String(reflecting: issued))"
        dump(issued, to: &text)
        #expect(!text.contains(issued.revealSecret().dropFirst(3).dropLast(4)))
    }

    @Test func `a revoked key is refused from then on and can't be revived`() throws {
        let store = try open()
        let issued = try store.createKey(tenant: "acme", makesTenant: true, now: .test)
        try store.revokeKey(issued.key.id, now: .test)
        try store.revokeKey(issued.key.id, now: WallTime.test.adding(seconds: 5))
        #expect(store.makeTable().authenticate(issued.revealSecret()).failure == .keyRevoked)
        #expect(store.keys.first?.revoked == .test)
        #expect(throws: KeyStoreError.self) { try store.changeKey(issued.key.id) { (key) throws(KeyStoreError) in key.revoked = nil } }
        #expect(throws: KeyStoreError.self) { try store.rotateKey(issued.key.id, now: .test) }
        try store.deleteKey(issued.key.id)
        #expect(store.keys.isEmpty)
        #expect(store.makeTable().authenticate(issued.revealSecret()).failure == .invalidKey)
    }

    @Test func `a rotated key has both secrets for the overlap and one after it`() throws {
        let store = try open()
        let old = try store.createKey(tenant: "acme", makesTenant: true, now: .test)
        let new = try store.rotateKey(old.key.id, overlapSeconds: 60, now: .test)
        #expect(new.key.id == old.key.id)
        let table = store.makeTable()
        #expect(table.authenticate(old.revealSecret()).value != nil)
        #expect(table.authenticate(new.revealSecret()).value != nil)
        #expect(table.authenticate(old.revealSecret(), now: WallTime.test.adding(seconds: 60)).failure == .invalidKey)
        let third = try store.rotateKey(old.key.id, now: .test)
        #expect(store.makeTable().authenticate(new.revealSecret()).failure == .invalidKey)
        #expect(store.makeTable().authenticate(third.revealSecret()).value != nil)
        #expect(throws: KeyStoreError.self) { try store.rotateKey(old.key.id, overlapSeconds: 30 * 86_400 + 1, now: .test) }
        #expect(throws: KeyStoreError.self) { try store.rotateKey(old.key.id, overlapSeconds: -1, now: .test) }
    }

    @Test func `a change can't touch a key's identity, tenant, secret or history`() throws {
        let store = try open()
        let issued = try store.createKey(tenant: "acme", makesTenant: true, now: .test)
        let changed = try store.changeKey(issued.key.id) { (key) throws(KeyStoreError) in
            key.id = "key_other"
            key.tenant = "other"
            key.verifier = .sha256(Digest256(words: (0, 0, 0, 0)))
            key.created = WallTime(milliseconds: 0)
            key.revoked = .test
            key.managedBy = .config
            key.label = "renamed"
            key.isDisabled = true
        }
        var expected = issued.key
        expected.label = "renamed"
        expected.isDisabled = true
        #expect(changed == expected)
        #expect(store.makeTable().authenticate(issued.revealSecret()).failure == .keyDisabled)
    }

    @Test func `unknown tenants and keys are 404, bad values 400`() throws {
        let store = try open()
        func status(_ operation: () throws -> Void) -> Int {
            do {
                try operation()
                return 200
            } catch let error as KeyStoreError {
                return error.error.status
            } catch {
                return -1
            }
        }
        #expect(status { _ = try store.createKey(tenant: "nobody", now: .test) } == 404)
        #expect(status { try store.revokeKey("key_x", now: .test) } == 404)
        #expect(status { try store.deleteTenant("nobody") } == 404)
        #expect(status { try store.createTenant(Tenant(id: "a/b")) } == 400)
        #expect(status { try store.createTenant(Tenant(id: "a", cacheTTLSeconds: 2_592_001)) } == 400)
        #expect(status { try store.createTenant(Tenant(id: "a", cacheTTLSeconds: 2_592_000)) } == 200)
        #expect(status { try store.createTenant(Tenant(id: "a")) } == 409)
        #expect(status { _ = try store.createKey(tenant: "a", label: String(repeating: "x", count: 200), now: .test) } == 200)
        #expect(status { _ = try store.createKey(tenant: "a", label: String(repeating: "x", count: 201), now: .test) } == 400)
        #expect(status { _ = try store.changeTenant("a") { (tenant) throws(KeyStoreError) in tenant.inFlightMax = 0 } } == 400)
    }

    @Test func `the last key fits and one more does not, until an ended one makes room`() throws {
        var limits = KeyStoreLimits()
        limits.keysMax = 2
        limits.tenantsMax = 1
        let store = try open(limits: limits)
        let first = try store.createKey(tenant: "acme", makesTenant: true, now: .test)
        _ = try store.createKey(tenant: "acme", now: .test)
        #expect(throws: KeyStoreError.self) { try store.createKey(tenant: "acme", now: .test) }
        #expect(throws: KeyStoreError.self) { try store.createTenant(Tenant(id: "second")) }
        try store.revokeKey(first.key.id, now: .test)
        #expect(throws: KeyStoreError.self) {
            try store.createKey(tenant: "acme", now: WallTime.test.adding(seconds: limits.endedKeySeconds))
        }
        _ = try store.createKey(tenant: "acme", now: WallTime.test.adding(seconds: limits.endedKeySeconds + 1))
        #expect(store.keys.count == 2)
        #expect(!store.keys.contains { $0.id == first.key.id })
    }

    @Test func `limits of a key and a tenant are there after a restart`() throws {
        var store = try open()
        var options = KeyOptions()
        options.limits = try LimitSet(#"{"requests":"100/1m","cost":"5/30d"}"#)
        let issued = try store.createKey(tenant: "acme", options: options, makesTenant: true, now: .test)
        #expect(issued.key.limits == options.limits)
        let limits = try LimitSet(#"{"budgets":{"cost":50,"per":"month"}}"#)
        try store.changeTenant("acme") { (tenant) throws(KeyStoreError) in
            tenant.limits = limits
            tenant.chargesCustomCost = true
        }
        store.close()
        store = try open()
        #expect(store.keys[0].limits == options.limits)
        #expect(store.tenant("acme")?.limits == limits)
        #expect(store.tenant("acme")?.chargesCustomCost == true)
        #expect(store.makeTable().keys[0].limits == options.limits)
    }

    // MARK: Tenants

    @Test func `a tenant deleted and made again has another salt and none of its keys`() throws {
        let store = try open()
        let issued = try store.createKey(tenant: "acme", makesTenant: true, now: .test)
        let before = store.makeTable()
        try store.deleteTenant("acme")
        try store.createTenant(Tenant(id: "acme"))
        let after = store.makeTable()
        #expect(after.authenticate(issued.revealSecret()).failure == .invalidKey)
        #expect(before.scopes[0].salt != after.scopes[0].salt)
        #expect(store.keys.isEmpty)
    }

    @Test func `a tenant's salt is the same after a restart`() throws {
        var store = try open()
        try store.createTenant(Tenant(id: "acme"))
        let salt = store.makeTable().scopes[0].salt
        store.close()
        store = try open()
        #expect(store.makeTable().scopes[0].salt == salt)
    }

    // MARK: Configuration

    private let revision = Digest256(words: (1, 2, 3, 4))

    @Test func `what the configuration manages can't be changed in the store`() throws {
        let store = try open()
        let key = VirtualKey(id: "app", verifier: .sha256(Digest256(words: (1, 1, 1, 1))), hint: "", tenant: "team", created: .test)
        try store.adopt(ConfiguredTenancy(tenants: [Tenant(id: "team")], keys: [key]), revision: revision, now: .test)
        func code(_ operation: () throws -> Void) -> KeyStoreError.Code? {
            do {
                try operation()
                return nil
            } catch {
                return (error as? KeyStoreError)?.code
            }
        }
        #expect(code { try store.createTenant(Tenant(id: "team")) } == .managedByConfig)
        #expect(code { try store.deleteTenant("team") } == .managedByConfig)
        #expect(code { try store.changeTenant("team") { (_) throws(KeyStoreError) in } } == .managedByConfig)
        #expect(code { try store.revokeKey("app", now: .test) } == .managedByConfig)
        #expect(code { _ = try store.rotateKey("app", now: .test) } == .managedByConfig)
        #expect(code { try store.deleteKey("app") } == .managedByConfig)
        #expect(KeyStoreError.Code.managedByConfig.rawValue == "managed_by_config")
        // A key of the store may belong to a configured tenant.
        let issued = try store.createKey(tenant: "team", now: .test)
        #expect(store.makeTable().authenticate(issued.revealSecret()).value != nil)
        #expect(store.keys.map(\.managedBy) == [.config, .store])
    }

    @Test func `a configured tenant keeps its salt while it stays and loses it when it goes`() throws {
        var store = try open()
        let tenancy = ConfiguredTenancy(tenants: [Tenant(id: "team")], shares: [CacheShare(name: "s", tenants: ["team"])])
        try store.adopt(tenancy, revision: revision, now: .test)
        let salt = store.makeTable().scopes[0].salt
        store.close()
        store = try open()
        try store.adopt(tenancy, revision: revision, now: .test)
        #expect(store.makeTable().scopes[0].salt == salt)
        #expect(store.revisions.count == 1)
        try store.adopt(ConfiguredTenancy(), revision: Digest256(words: (9, 9, 9, 9)), now: .test)
        #expect(store.makeTable().tenantCount == 0)
        try store.adopt(tenancy, revision: revision, now: .test)
        #expect(store.makeTable().scopes[0].salt != salt)
        #expect(store.revisions.map(\.digest) == [revision, Digest256(words: (9, 9, 9, 9)), revision])
    }

    @Test func `the last 100 revisions are kept, in order even when the clock goes back`() throws {
        let store = try open()
        for number in UInt64(0)..<105 {
            let time = WallTime(milliseconds: WallTime.test.milliseconds - Int64(number))
            try store.adopt(ConfiguredTenancy(), revision: Digest256(words: (number, 0, 0, 0)), now: time)
        }
        #expect(store.revisions.map(\.digest.words.0) == Array(UInt64(5)..<105))
    }

    // MARK: Damage

    @Test func `a missing, foreign or readable pepper is refused and nothing is changed`() throws {
        try open().close()
        let pepper = try #require(FileManager.default.contents(atPath: folder.pepper))
        try FileManager.default.removeItem(atPath: folder.pepper)
        #expect(refusal() == .damaged)
        #expect(!FileManager.default.fileExists(atPath: folder.pepper))

        try PrivateFile.create(folder.pepper, [UInt8](repeating: 1, count: 32))
        #expect(refusal() == .damaged)
        try PrivateFile.create(folder.pepper, [1], replacing: true)
        #expect(refusal() == .damaged)
        try PrivateFile.create(folder.pepper, Array(pepper), replacing: true)
        #expect(refusal() == nil)
        chmod(folder.pepper, 0o640)
        #expect(refusal() == .damaged)
        chmod(folder.pepper, 0o600)
        #expect(refusal() == nil)
    }

    @Test func `the pepper is 32 random bytes that only the owner can read`() throws {
        try open().close()
        var status = stat()
        #expect(stat(folder.pepper, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(status.st_size == 32)
        #expect(FileManager.default.contents(atPath: folder.pepper) != Data(count: 32))
    }

    @Test func `an emptied, garbled or missing data file is refused`() throws {
        for damage in ["empty", "garbage", "zeros", "missing"] {
            let store = try open()
            _ = try store.createKey(tenant: "acme", makesTenant: store.tenant("acme") == nil, now: .test)
            store.close()
            let good = try #require(FileManager.default.contents(atPath: folder.data))
            switch damage {
            case "empty": try Data().write(to: URL(fileURLWithPath: folder.data))
            case "garbage": try Data([UInt8](repeating: 0xA5, count: good.count)).write(to: URL(fileURLWithPath: folder.data))
            case "zeros": try Data(count: good.count).write(to: URL(fileURLWithPath: folder.data))
            default: try FileManager.default.removeItem(atPath: folder.data)
            }
            #expect(refusal() == .damaged, "\(damage)")
            try good.write(to: URL(fileURLWithPath: folder.data))
            #expect(refusal() == nil, "\(damage)")
        }
    }

    @Test func `a flipped byte in a record is refused by name`() throws {
        let store = try open()
        _ = try store.createKey(tenant: "acme", label: "find-this-label", makesTenant: true, now: .test)
        store.close()
        var content = try #require(FileManager.default.contents(atPath: folder.data))
        let range = try #require(content.range(of: Data("find-this-label".utf8)))
        content[range.lowerBound] = 0x46
        try content.write(to: URL(fileURLWithPath: folder.data))
        do {
            try KeyStore.open(dataDirectory: folder.path).close()
            Issue.record("a damaged record was accepted")
        } catch {
            #expect(error.code == .damaged)
            #expect(error.message.hasPrefix("The record k/key_"))
            #expect(error.message.contains("fails its checksum"))
        }
    }

    @Test func `a second process, or a second open, is refused`() throws {
        let store = try open()
        #expect(refusal() == .inUse)
        store.close()
        #expect(refusal() == nil)
    }

    @Test func `a folder that can't be written is refused with a reason`() throws {
        let error = #expect(throws: KeyStoreError.self) { try KeyStore.open(dataDirectory: "/proc/weir-test") }
        #expect(error?.code == .unavailable)
        #expect(error?.message.isEmpty == false)
    }

    // MARK: Private files

    @Test func `a private file is not overwritten, not followed and not read when others can read it`() throws {
        let path = folder.path + "/token"
        try PrivateFile.create(path, bytes("one"))
        #expect(throws: PrivateFileError.self) { try PrivateFile.create(path, bytes("two")) }
        #expect(try PrivateFile.read(path) == bytes("one"))
        try PrivateFile.create(path, bytes("two"), replacing: true)
        #expect(try PrivateFile.read(path) == bytes("two"))
        #expect(try PrivateFile.read(folder.path + "/none") == nil)
        symlink(path, folder.path + "/link")
        #expect(throws: PrivateFileError.self) { try PrivateFile.read(folder.path + "/link") }
        #expect(throws: PrivateFileError.self) { try PrivateFile.read(folder.path) }
        chmod(path, 0o604)
        #expect(throws: PrivateFileError.self) { try PrivateFile.read(path) }
        #expect(!FileManager.default.fileExists(atPath: path + ".new"))
    }

    @Test func `a private file of 64 KiB is read and a larger one is not`() throws {
        let path = folder.path + "/large"
        try PrivateFile.create(path, [UInt8](repeating: 1, count: 64 << 10))
        #expect(try PrivateFile.read(path)?.count == 64 << 10)
        try PrivateFile.create(path, [UInt8](repeating: 1, count: 64 << 10 + 1), replacing: true)
        #expect(throws: PrivateFileError.self) { try PrivateFile.read(path) }
    }
}
