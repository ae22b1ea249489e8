// When a provider's health probe speaks against it. One failure is noise; two in a row are an outage until the next success. The ejection that
// follows ends by itself, so that a prober that has stopped cannot keep a target out.

import GatewayModel

/// What a provider's health probes have told so far. Pure: the prober asks it and does what it says.
struct ProbeHistory: Equatable {
    /// How a probe ended.
    enum Outcome: Equatable {
        /// An answer below 500, whatever it says: somebody is there.
        case alive
        /// No answer in time, or one that says that the provider does not work.
        case failed
        /// The probe never left: nothing about the provider.
        case unsent
    }

    /// What is to be done.
    enum Action: Equatable {
        case nothing
        /// Make the provider's targets a last resort until then. `isNew`: they were not one before.
        case eject(until: MonotonicTime, isNew: Bool)
        /// Take that back.
        case restore
    }

    /// Failures in a row that eject.
    static let failuresMax = 2
    /// How many intervals an ejection lasts unless it is renewed.
    static let intervals: UInt64 = 3

    private let intervalMilliseconds: UInt64
    private var failures = 0

    /// Makes one that has heard nothing.
    init(intervalMilliseconds: Int) { self.intervalMilliseconds = UInt64(clamping: intervalMilliseconds) }

    /// Whether the provider's targets are ejected.
    var isOut: Bool { failures >= Self.failuresMax }

    /// What the answer of a status means.
    static func outcome(ofStatus status: Int) -> Outcome { status < 500 ? .alive : .failed }

    /// Takes the end of a probe.
    mutating func ended(_ outcome: Outcome, at now: MonotonicTime) -> Action {
        switch outcome {
        case .unsent: return .nothing
        case .alive:
            let wasOut = isOut
            failures = 0
            return wasOut ? .restore : .nothing
        case .failed:
            let wasOut = isOut
            failures = min(failures + 1, Self.failuresMax)
            guard isOut else { return .nothing }
            let (span, overflow) = intervalMilliseconds.multipliedReportingOverflow(by: Self.intervals)
            return .eject(until: now.adding(milliseconds: overflow ? .max : span), isNew: !wasOut)
        }
    }
}
