import GatewayModel
import Glibc
import Storage
import TestSupport

/// A durable store of numbered records whose values follow from their keys.
enum PlainStore {
    static func options(checker: (@Sendable (String) -> StoreVerdict)? = nil) -> StoreOptions {
        StoreOptions(schema: StoreSchema(name: "plain", version: 1), databases: ["a"], mapSize: 32 << 20, checker: checker)
    }

    /// Exit status of a full look.
    static func check(_ folder: String) -> Int32 {
        let check = StoreCheck(path: folder, databases: ["a"])
        let report = check.run { _, key, value in
            guard key.count == 8 else { return false }
            return value.count == 1500 && (0..<value.count).allSatisfy { value[$0] == key[7] }
        }
        switch check.verdict(on: report) {
        case .sound: return ChildProcessCheck.soundStatus
        case .damaged: return ChildProcessCheck.damagedStatus
        case .unknown: return 70
        }
    }

    /// Commits one record after the other, for ever, and prints each number once it is acknowledged.
    static func write(_ folder: String) {
        do {
            let environment = try StoreEnvironment.open(path: folder, options: options())
            let database = environment.database("a")
            let reader = environment.makeReader()
            var number = UInt64(reader.count(in: database) ?? 0)
            let writer = try WriterThread(environment: environment, work: OperationWork())
            while true {
                let key = withUnsafeBytes(of: number.bigEndian) { Array($0) }
                try writer.commit([.put(database, key: key, value: [UInt8](repeating: key[7], count: 1500))])
                say("\(number)")
                number += 1
            }
        } catch {
            say("failed \(error)")
            exit(1)
        }
    }

    /// Opens the store and waits to be killed.
    static func hold(_ folder: String) {
        do {
            let environment = try StoreEnvironment.open(path: folder, options: options())
            say("open")
            withExtendedLifetime(environment) { while true { pause() } }
        } catch {
            say("failed \(error)")
            exit(1)
        }
    }

    /// Holds a read transaction on a store that another process has open, and waits to be killed.
    static func pin(_ folder: String) {
        let check = StoreCheck(path: folder, databases: ["a"])
        _ = check.run { _, _, _ in
            say("pinned")
            while true { pause() }
        }
        say("nothing to pin")
    }
}
