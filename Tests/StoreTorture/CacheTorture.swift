import ExactCache
import GatewayModel
import Glibc
import Storage
import TestSupport

/// Writes a cache until it is killed.
enum CacheTorture {
    /// Exit status of the look at a suspect store.
    static func check(_ folder: String) -> Int32 {
        switch CacheCheck.run(path: folder, isQuick: true).verdict {
        case .sound: ChildProcessCheck.soundStatus
        case .damaged: ChildProcessCheck.damagedStatus
        case .unknown: 70
        }
    }

    /// Stores numbered answers and now and then purges them, printing each number of a flushed batch.
    static func write(_ folder: String, seed: UInt64) {
        var options = ExactCacheOptions(path: folder, byteCap: 4 << 20)
        options.writer.delayMilliseconds = 2
        options.checker = ChildProcessCheck(executable: "/proc/self/exe") { ["check-cache", $0] }.run
        let cache: ExactCache
        do { cache = try ExactCache(options) } catch {
            say("failed \(error)")
            exit(1)
        }
        say("open \(cache.opening.damage == nil ? "sound" : "damaged")")
        var random = SplitMix64(seed: seed)
        for number in 0... {
            let size = Int.random(in: 100...9000, using: &random)
            let record = CacheRecord(
                status: 200, fields: [CacheField("content-type", "application/json")], body: [UInt8](repeating: 0x61, count: size),
                isStream: false, operation: .chatCompletions, target: Target(provider: "demo", model: "demo-chat"), tenantID: "t",
                keyID: "k", created: cache.clock.time(at: .now()), ttlSeconds: 3600)
            let digest = Digest256(words: (random.next(), random.next(), random.next(), random.next()))
            _ = cache.store(record, for: digest, begun: cache.purgeEpoch)
            guard number % 32 == 0 else { continue }
            if number % 2048 == 2016 { cache.purge(.tenant("t")) { _ in } }
            cache.flush()
            say("flushed \(number) \(digest.hex)")
        }
    }
}
