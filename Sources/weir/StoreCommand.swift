import ArgumentParser
import EventLog
import ExactCache
import Foundation
import JSON
import Storage
import Tenants

/// `weir store …`
struct StoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store", abstract: "Looks after the stores on disk.", subcommands: [Check.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Walks a store read-only and verifies its records. Works beside a running gateway.",
            discussion: "Ends with 0 when everything holds and 65 when something is damaged.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "cache, keys, ring, or nothing for all.") var store: String?
        @Option(name: .long, help: "The store's folder; below the data folder when not given.") var path: String?
        @Flag(name: .long, help: "Sample a cache or a ring instead of reading all of it.") var quick = false
        @Flag(name: .long, help: "As JSON.") var json = false

        func run() throws {
            if let store, !["cache", "keys", "ring"].contains(store) {
                throw CommandError("There is no store \"\(store)\": cache, keys or ring.", exitCode: .usage)
            }
            let stores = store.map { [$0] } ?? ["keys", "cache", "ring"]
            let folder = try path == nil ? common.folder(common.load()) : ""
            var isDamaged = false
            for name in stores { isDamaged = try check(name, path ?? folder + "/" + name) || isDamaged }
            if isDamaged { Foundation.exit(ChildProcessCheck.damagedStatus) }
        }

        private func run(_ name: String, _ path: String) -> (StoreCheck.Report, StoreVerdict) {
            switch name {
            case "keys": KeyStoreCheck.run(path: path)
            case "ring": EventLogCheck.run(path: path, isQuick: quick)
            default: CacheCheck.run(path: path, isQuick: quick)
            }
        }

        /// Returns whether the store is damaged.
        private func check(_ name: String, _ path: String) throws -> Bool {
            guard FileManager.default.fileExists(atPath: path) else {
                Output.note("\(name): there is none at \(path)")
                return false
            }
            let (report, verdict) = run(name, path)
            let (text, reason): (String, String) =
                switch verdict {
                case .sound: ("sound", "")
                case .damaged(let reason): ("damaged", reason)
                case .unknown(let reason): ("unknown", reason)
                }
            if json {
                Output.result(
                    jsonText([
                        "store": .string(name), "verdict": .string(text), "reason": .string(reason), "entries": .number(report.entries),
                        "verified": .number(report.verified), "bad": .number(report.bad), "bytes": .number(report.bytes),
                    ]))
            } else {
                let counts = "\(report.entries) entries, \(report.verified) verified, \(report.bad) bad, \(report.bytes) bytes"
                Output.result("\(name): \(text), \(counts)\(reason.isEmpty ? "" : ": " + reason)")
            }
            if text == "unknown" { throw CommandError("\(name) could not be checked: \(reason)", exitCode: .failure) }
            return text == "damaged"
        }
    }
}
