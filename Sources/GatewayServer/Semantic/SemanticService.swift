// Everything of the semantic cache that outlives a request: models, index, judge, what was served. One for the process; the loops hold a lane to it
// each. Texts become vectors by a model in the process, or at an endpoint. Without either there is none, and the gateway says why.

import Embedding
import ExactCache
import GatewayConfiguration
import GatewayModel
import SemanticCache
import Storage
import Synchronization

/// See the file's header. Any thread.
final class SemanticService: Sendable {
    let cache: SemanticCache
    /// `nil` where it is not installed and an endpoint makes the vectors, which then stand for its own as well.
    let gate: GateModel?
    let source: VectorSource
    let judge: SemanticJudge
    /// The model that the judge may ask; nobody until the control plane says whom.
    let inquiry = ModelJudge()
    let memo: VectorMemo
    let words: GuardWords
    let served = ServedAnswers()
    let tokensMax: Int
    let misses = ReasonCounts<SemanticReason>()
    let ineligible = ReasonCounts<IneligibleReason>()
    let tokensSaved = Atomic<UInt64>(0)
    let costSavedNanoUSD = Atomic<UInt64>(0)

    /// Tokens of a text that its vector stands for, at most: what the model was trained to read.
    static let embeddedTokensMax = 256

    /// Opens models, index and threads. Blocks for some tens of milliseconds.
    /// - Throws: why there is no semantic cache, in a sentence for the operator.
    init(
        _ settings: SemanticSettings, dataDirectory: String, answers: ExactCache, checker: (@Sendable (String) -> StoreVerdict)?
    ) throws(SemanticProblem) {
        let store = ModelStore(folder: settings.modelsDirectory ?? dataDirectory + "/models")
        let encoder = try Encoder(settings, store, folder: dataDirectory + "/cache")
        gate = encoder.gate
        words = try Self.makeWords(settings)
        tokensMax = settings.tokensMax
        var options = SemanticCacheOptions(
            path: dataDirectory + "/cache/semantic", modelID: "\(encoder.gate?.info.identity ?? "none") \(encoder.vectorsID)")
        options.dimensions = encoder.dimensions
        options.gateDimensions = encoder.gate?.dimensions ?? encoder.dimensions
        options.entriesMax = settings.entriesMax
        options.entriesPerPartitionMax = settings.entriesPerPartitionMax
        options.partitionsMax = settings.partitionsMax
        options.keySharePercent = settings.keySharePercent
        options.keyInsertsPerMinute = settings.keyInsertsPerMinute
        options.checker = checker
        do throws(StoreError) { cache = try SemanticCache(options) } catch {
            throw SemanticProblem("Its store can't be opened: \(error).")
        }
        memo = VectorMemo(entriesMax: settings.memoEntries)
        do throws(SemanticProblem) { source = try encoder.start(settings) } catch {
            cache.close()
            throw error
        }
        judge = SemanticJudge(
            cache: cache, answers: answers, model: source.model, memo: memo, words: words, inquiry: inquiry,
            pendingMax: settings.pendingMax)
    }

    private static func makeWords(_ settings: SemanticSettings) throws(SemanticProblem) -> GuardWords {
        var words = settings.usesEnglishWords ? GuardWords.english : GuardWords.empty
        for list in settings.words {
            do throws(WordListError) { words = try words.extended(by: list.bytes.span, named: list.name) } catch {
                throw SemanticProblem(error.description)
            }
        }
        return words
    }

    // MARK: - What operators do

    /// Evicts an entry's whole group: every question that its answer would have been served for. `false` if there is no such entry.
    func evict(entry: UInt64) -> Bool {
        guard let answer = cache.answer(ofEntry: entry) ?? served.answer(ofEntry: entry) else { return false }
        served.forget { $0.match.answer == answer }
        // A record that is about to be deleted can still be read.
        return cache.remove(answers: [answer]) > 0
    }

    /// Learns from what somebody says about an answer that was served for another question. Others' feedback teaches nothing here.
    func feedback(on request: RequestID, isRight: Bool) {
        guard let served = served.takeForLabel(request), let features = served.features else { return }
        // A label like an audit's, but not drawn by chance: it counts once and says nothing about the share of the others.
        let ticket = SemanticTicket(
            scope: served.scope, features: features, weight: 1, isAudit: false, ordinal: served.ordinal, candidates: [served.match])
        judge.learn(ticket, isRight: isRight)
    }

    /// What a purge of the exact cache takes with it. What selects by other things than these leaves entries whose answers are gone: they are
    /// found out when they match, and go then.
    func purge(_ selector: PurgeSelector) {
        switch selector {
        case .all:
            cache.removeAll()
            served.forget { _ in true }
        case .tenant(let tenant):
            cache.removeTenant(tenant)
            served.forget { $0.match.tenant == tenant }
        case .key(let digest):
            cache.remove(answers: [digest])
            served.forget { $0.match.answer == digest }
        case .keyID(let id):
            cache.removeKey(id)
            served.forget { $0.match.keyID == id }
        case .model(let model): cache.removeModel(model.split(separator: "/", maxSplits: 1).last.map(String.init) ?? model)
        case .tag, .before, .namespace, .every: break
        }
    }

    /// What a served answer saved.
    func noteSaved(tokens: UInt64, costNanoUSD: UInt64) {
        tokensSaved.add(tokens, ordering: .relaxed)
        costSavedNanoUSD.add(costNanoUSD, ordering: .relaxed)
    }

    /// Ends the threads and writes out what is pending. Blocks; one thread calls it.
    func close() {
        if case .threads(let pool) = source { pool.close() }
        judge.close()
        cache.close()
    }
}

/// Why there is no semantic cache.
struct SemanticProblem: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

/// Counts by reason, from any thread.
final class ReasonCounts<Reason: CaseIterable & Hashable & RawRepresentable<String> & Sendable>: Sendable {
    private final class Cell: Sendable { let value = Atomic<UInt64>(0) }
    private let cells: [Reason: Cell]

    init() { cells = Dictionary(uniqueKeysWithValues: Reason.allCases.map { ($0, Cell()) }) }

    /// One more.
    func add(_ reason: Reason) { cells[reason]?.value.add(1, ordering: .relaxed) }

    /// Those above zero, by name.
    var counts: [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for (reason, cell) in cells {
            let value = cell.value.load(ordering: .relaxed)
            if value > 0 { counts[reason.rawValue] = value }
        }
        return counts
    }
}
