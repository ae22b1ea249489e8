// Opening the stores that a gateway can do without: what stands in the way is logged, and the gateway goes on.

import EventLog
import ExactCache
import GatewayConfiguration
import GatewayModel
import Logging
import SemanticCache
import Storage
import Tenants

extension ControlPlane {
    /// The answers; without a store requests are served uncached.
    static func openCache(_ configuration: GatewayConfigurationSnapshot, _ options: Options) -> (ExactCache?, String?) {
        do throws(StoreError) {
            var settings = ExactCacheOptions(path: options.dataDirectory + "/cache", byteCap: configuration.cache.bytesMax)
            settings.entryBytesMax = configuration.cache.entryBytesMax
            settings.writer.queueEntriesMax = configuration.cache.pendingEntriesMax
            settings.writer.queueBytesMax = configuration.cache.pendingBytesMax
            settings.checker = options.storeChecker
            settings.maxReaders = UInt32(clamping: max(64, configuration.loopCount + 32))
            let cache = try ExactCache(settings)
            options.noteDamage(cache.opening, of: "The cache store")
            return (cache, nil)
        } catch {
            options.logger.error("The cache store can't be opened; requests are served uncached", metadata: ["cause": "\(error)"])
            return (nil, "\(error)")
        }
    }

    /// What became of requests; without a store they are counted and leave no rows.
    static func openEventLog(_ configuration: GatewayConfigurationSnapshot, _ options: Options) -> (EventLog, String?) {
        let settings = EventLogSettings(configuration.events)
        do throws(StoreError) {
            let log = try EventLog.open(
                path: options.dataDirectory + "/ring", settings: settings, rollups: RollupTable(), checker: options.storeChecker)
            options.noteDamage(log.opening, of: "The event log")
            return (log, nil)
        } catch {
            options.logger.error("The event log can't be opened; requests are counted and not logged", metadata: ["cause": "\(error)"])
            return (EventLog.withoutStore(settings: settings, rollups: RollupTable()), "\(error)")
        }
    }

    /// Answers to questions that mean the same, where the configuration or a tenant uses them. Without a model the gateway works without, and
    /// says so.
    static func openSemantic(
        _ configuration: GatewayConfigurationSnapshot, _ table: KeyTable, _ cache: ExactCache?, _ options: Options
    ) -> (SemanticService?, String?) {
        guard configuration.usesSemanticCache || table.tenants.contains(where: { $0.isSemanticEnabled == true }) else { return (nil, nil) }
        guard let cache else { return (nil, "The cache store can't be opened.") }
        do throws(SemanticProblem) {
            let service = try SemanticService(
                configuration.semantic, dataDirectory: options.dataDirectory, answers: cache, checker: options.storeChecker)
            options.noteDamage(service.cache.opening, of: "The store of the semantic cache")
            return (service, nil)
        } catch {
            options.logger.error("The semantic cache is off", metadata: ["cause": "\(error.text)"])
            return (nil, error.text)
        }
    }

    /// Opens the semantic cache once somebody uses it. `isAgain`: also where that failed before.
    func openSemantic(isAgain: Bool) {
        guard semantic == nil, isAgain || semanticProblem == nil else { return }
        (semantic, semanticProblem) = ControlPlane.openSemantic(configuration, table, cache, options)
        adoptJudge()
    }
}

extension ControlPlane.Options {
    /// Says that a store had to be set aside.
    func noteDamage(_ opening: StoreOpening?, of store: String) {
        guard let damage = opening?.damage else { return }
        logger.warning(
            "\(store) was damaged and has been set aside; a new one is in use",
            metadata: ["cause": "\(damage)", "file": "\(opening?.quarantinedFile ?? "")"])
    }
}
