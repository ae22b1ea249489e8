import Admin
import ArgumentParser
import ExactCache
import Foundation
import GatewayModel
import JSON
import Storage

/// `weir cache …`
struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "Shows and purges the exact cache.", subcommands: [Stats.self, Purge.self])

    /// Does something with the cache of the running gateway, or with the store when none runs.
    static func on(
        _ options: CommonOptions, _ remote: (AdminClient) throws -> JSONValue, _ local: (ExactCache) throws -> JSONValue
    ) throws -> JSONValue {
        let configuration = try options.load()
        let folder = options.folder(configuration)
        do {
            let cache = try ExactCache(ExactCacheOptions(path: folder + "/cache", byteCap: configuration.cache.bytesMax))
            defer { cache.close() }
            return try local(cache)
        } catch let error as StoreError where error.kind == .inUse {
            return try remote(try Target.client(configuration, folder))
        } catch let error as StoreError {
            throw CommandError("The cache store can't be opened: \(error)", exitCode: .store)
        }
    }

    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What the cache holds and did.")
        @OptionGroup var common: CommonOptions
        @Flag(name: .long, help: "As JSON.") var json = false

        func run() throws {
            let result = try CacheCommand.on(common, { try $0.call("GET", "/cache/stats") }) { CacheReport.describe($0.statistics) }
            if json { return Output.result(jsonText(result)) }
            var table = Table(["WHAT", "VALUE"])
            for member in result.objectValue?.members ?? [] {
                table.add([member.key.replacingOccurrences(of: "_", with: " "), jsonText(member.value)])
            }
            Output.result(table.text)
        }
    }

    struct Purge: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes answers. Several options together select what all of them select.",
            discussion: "When the command returns, nothing that was selected is served any more.")
        @OptionGroup var common: CommonOptions
        @Flag(name: .long, help: "Everything.") var all = false
        @Option(name: .long, help: "What a tenant's requests filled.") var tenant: String?
        @Option(name: .long, help: "What a model answered: name or provider/name.") var model: String?
        @Option(name: .long, help: "What was stored with a tag.") var tag: String?
        @Option(name: .long, help: "What was stored in a namespace.") var namespace: String?
        @Option(name: .long, help: "What a virtual key's requests filled.") var keyId: String?
        @Option(name: .long, help: "One entry: 64 hexadecimal digits.") var cacheKey: String?
        @Option(name: .long, help: "What was stored before a date or time.") var before: String?

        func run() throws {
            var fields: [(String, JSONValue)] = all ? [("all", true)] : []
            let named = [
                ("tenant", tenant), ("model", model), ("tag", tag), ("namespace", namespace), ("key_id", keyId), ("cache_key", cacheKey),
                ("before", before),
            ]
            for (name, text) in named { if let text { fields.append((name, .string(text))) } }
            guard !fields.isEmpty else {
                throw CommandError(
                    "Say what to purge: --all, --tenant, --model, --tag, --namespace, --key-id, --cache-key or --before.", exitCode: .usage)
            }
            let object = JSONValue.object(pairs: fields)
            let selector: PurgeSelector
            do {
                selector = try PurgeRequest.selector(of: object.objectValue ?? JSONObject())
            } catch {
                throw CommandError(error.message, exitCode: .usage)
            }
            let result = try CacheCommand.on(common, { try $0.call("POST", "/cache/purge", body: object) }) { cache in
                let done = DispatchSemaphore(value: 0)
                let box = PurgeBox()
                cache.purge(selector) { result in
                    box.result = result
                    done.signal()
                }
                done.wait()
                if let error = box.result?.error { throw CommandError("The purge failed: \(error).") }
                guard let result = box.result else { throw CommandError("The purge gave no answer.") }
                return PurgeRequest.describe(result)
            }
            Output.result("purged \(result["purged"]?.intValue ?? 0)")
        }
    }
}

/// Carries the result from the store's thread.
private final class PurgeBox: @unchecked Sendable {  // @unchecked: written before the semaphore is signalled, read after it
    var result: PurgeResult?
}
