// What one fetch may use of tokens and money: reserved before anything is sent, settled once when the answer ends, however it ends.
//
// Charged is what the provider reported. Where it reported nothing, the contract says what stands in: nothing if no byte was sent; for a stream
// the input's estimate and a quarter of the characters seen; for a plain answer the estimate. A refusal by the provider (4xx, 5xx) reports
// nothing and is billed nothing; a 408, which ends work that was begun, costs the input. docs/decisions/011 has the reasons.

import GatewayModel
import Providers
import RateLimiting

/// How a fetch ended, for what it costs.
enum FetchEnding {
    /// No byte of the request reached the provider.
    case nothingSent
    /// The request was sent and no answer's head came.
    case noAnswer
    /// An answer came, whole or in part. `summary` is `nil` where its body is not read.
    case answered(status: Int, isStream: Bool, summary: AnswerSummary?)
}

/// What a fetch used.
struct MeterReading: Sendable, Equatable {
    /// Tokens as they count against limits, and nano-USD.
    var use = MeteredUse()
    /// The provider's own report; of several attempts the last one's.
    var usage: Usage?
    /// What is told and counted: the provider's own numbers, an estimate where it gave none.
    var told = ToldTokens()
    /// Whether `use` is estimated because the provider reported nothing, or not all.
    var isEstimated = false
    /// Whether no price is known, so that `use.cost` is 0 or the route's fixed price.
    var isUnpriced = false
    /// Whether more was used than had been reserved somewhere.
    var isUnderestimated = false
}

/// Tokens as logs and counters tell them.
struct ToldTokens: Sendable, Equatable {
    var input: Int64 = 0
    var output: Int64 = 0
    /// The part of `input` that came from the provider's prompt cache.
    var cached: Int64 = 0
}

extension MeterReading {
    /// What two attempts used together; the usage told is the later one's.
    func adding(_ other: MeterReading) -> MeterReading {
        func sum(_ left: Int64, _ right: Int64) -> Int64 {
            let (sum, overflow) = left.addingReportingOverflow(right)
            return overflow ? .max : sum
        }
        return MeterReading(
            use: MeteredUse(
                inputTokens: sum(use.inputTokens, other.use.inputTokens), outputTokens: sum(use.outputTokens, other.use.outputTokens),
                cost: sum(use.cost, other.use.cost)), usage: other.usage ?? usage,
            told: ToldTokens(
                input: sum(told.input, other.told.input), output: sum(told.output, other.told.output),
                cached: sum(told.cached, other.told.cached)), isEstimated: isEstimated || other.isEstimated,
            isUnpriced: isUnpriced || other.isUnpriced, isUnderestimated: isUnderestimated || other.isUnderestimated)
    }
}

/// See the file's header. Confined to the loop of its fetch.
final class Meter {
    let tariff: Tariff
    let estimate: UseEstimate
    /// Nano-USD charged for a request whose model has no price.
    let fixedPrice: Int64?
    /// What was set aside; empty where no limit counts tokens or money. One that is never settled is charged as it stands.
    var reservation = Reservation()

    init(tariff: Tariff, estimate: UseEstimate, fixedPrice: Int64?) {
        self.tariff = tariff
        self.estimate = estimate
        self.fixedPrice = fixedPrice
    }

    /// What is set aside: the estimate, a fixed price in place of an unknown one.
    var expected: UseEstimate {
        var estimate = self.estimate
        if tariff.price == nil, let fixedPrice { estimate.use.cost = fixedPrice }
        return estimate
    }

    /// Settles, once.
    func settle(_ ending: FetchEnding, now: LimitTime) -> MeterReading {
        var reading = reading(of: ending)
        reading.isUnpriced = tariff.price == nil
        if reading.isUnpriced, let fixedPrice, isCharged(ending) { reading.use.cost = fixedPrice }
        if case .nothingSent = ending {
            reservation.release(now)
        } else {
            reading.isUnderestimated = reservation.settle(actual: reading.use, now).isUnderestimated
        }
        reading.told = ToldTokens(
            input: reading.usage?.inputTokens ?? reading.use.inputTokens, output: reading.usage?.outputTokens ?? reading.use.outputTokens,
            cached: reading.usage?.cachedInputTokens ?? 0)
        return reading
    }

    /// Gives back what was set aside: the request never became a fetch.
    func release(now: LimitTime) { reservation.release(now) }

    private func isCharged(_ ending: FetchEnding) -> Bool {
        switch ending {
        case .nothingSent: false
        case .noAnswer: true
        case .answered(let status, _, _): status < 400 || status == 408
        }
    }

    private func reading(of ending: FetchEnding) -> MeterReading {
        switch ending {
        case .nothingSent: return MeterReading()
        case .noAnswer: return unreported(characters: 0)
        case .answered(let status, let isStream, let summary):
            if let usage = summary?.usage { return reported(usage, summary) }
            if status >= 400 { return status == 408 ? unreported(characters: 0) : MeterReading() }
            // Of a stream and of what was cut off, what was seen is what there was; any other answer may hold more than was understood of it.
            if isStream || summary?.outcome == .truncated || summary?.outcome == .errorInBody {
                return unreported(characters: summary?.outputCharacters ?? 0)
            }
            let whole = estimate.whole
            return MeterReading(use: whole, isEstimated: whole != MeteredUse())
        }
    }

    /// What the provider said. Of an answer that broke off it may have said only a part, and a count that is none (negative, text) must not
    /// make the answer free: the larger of report and estimate is charged then.
    private func reported(_ usage: Usage, _ summary: AnswerSummary?) -> MeterReading {
        guard let summary, summary.outcome != .complete || usage.isSuspect else {
            return MeterReading(use: tariff.use(of: usage), usage: usage)
        }
        let seen = TokenEstimator.tokens(characters: summary.outputCharacters)
        var charged = TokenEstimator.raised(usage, outputCharacters: summary.outputCharacters)
        if usage.isSuspect || usage.inputTokens == 0 { charged.inputTokens = max(usage.inputTokens, estimate.use.inputTokens) }
        let isEstimated = usage.outputTokens < seen || charged.inputTokens != usage.inputTokens
        return MeterReading(use: tariff.use(of: charged), usage: usage, isEstimated: isEstimated)
    }

    private func unreported(characters: Int) -> MeterReading {
        MeterReading(
            use: TokenEstimator.unreported(
                inputEstimate: estimate.use.inputTokens, outputCharacters: characters, price: tariff.price), isEstimated: true)
    }
}

@available(*, unavailable)
extension Meter: Sendable {}
