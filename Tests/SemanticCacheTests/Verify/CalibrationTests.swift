import TestSupport
import Testing

@testable import SemanticCache

@Suite struct CalibrationTests {
    /// Likeness alone decides here: p is a rising function of the cosine.
    private let model = LogisticModel(coefficients: [0, 3, 0, 0, 0, 0, 0, 0])

    private func features(_ cosine: Double) -> MatchFeatures {
        MatchFeatures(cosine: Float(cosine), margin: 0.1, support: 1, gateCosine: 0.8, entries: 1000)
    }

    private func window(_ labels: [(cosine: Double, isRight: Bool)]) -> LabelWindow {
        LabelWindow(
            labels: labels.enumerated().map { number, label in
                LabelWindow.Label(features: features(label.cosine), weight: 1, ordinal: UInt64(number) + 1, isRight: label.isRight)
            }, unjudged: [])
    }

    private func calibration(_ window: LabelWindow, requests: Int, maxError: Double) -> Calibration {
        Calibration(window, even: model, odd: model, requests: Double(requests), maxError: maxError)
    }

    @Test func `a threshold stands on nothing`() {
        #expect(calibration(window([]), requests: 0, maxError: 0.05) == .unknown)
        #expect(calibration(window([]), requests: 10_000, maxError: 0.05) == .unknown)
        // All of thirty right says 9.5 % at best.
        let few = window((0..<30).map { (0.8 + Double($0) / 200, true) })
        #expect(calibration(few, requests: 30, maxError: 0.05).threshold == nil)
        let wrong = window((0..<500).map { (0.8 + Double($0) / 3000, false) })
        #expect(calibration(wrong, requests: 500, maxError: 0.005).threshold == nil)
    }

    @Test func `one label too few supports a threshold, or enough do not`() {
        // With none wrong among n the bound is 1 − 0.05^(1/n): 5 % takes 59.
        for (count, isSupported) in [(58, false), (59, true)] {
            let labels = window((0..<count).map { (0.8 + Double($0) / 500, true) })
            let found = calibration(labels, requests: count, maxError: 0.05)
            #expect((found.threshold != nil) == isSupported)
            if isSupported { #expect(found.upper <= 0.05 && found.upper > 0.049 && found.estimate == 0) }
        }
    }

    @Test(arguments: [0.01, 0.02, 0.05, 0.1])
    func `the threshold is not the smallest that keeps the bound`(maxError: Double) throws {
        var random = SplitMix64(seed: 8)
        let labels = (0..<3000).map { number -> (cosine: Double, isRight: Bool) in
            let cosine = 0.7 + 0.3 * random.share()
            return (cosine, random.share() < (cosine - 0.6) * 2.5)
        }
        let found = calibration(window(labels), requests: 3000, maxError: maxError)
        let threshold = try #require(found.threshold)
        let sorted = labels.map { (p: model.probability(of: features($0.cosine)), isRight: $0.isRight) }.sorted { $0.p > $1.p }
        func holds(_ p: Double) -> Bool {
            let wrong = Double(sorted.count { $0.p >= p && !$0.isRight })
            return RiskBound(wrong: wrong, wrongSquares: wrong, meanWeight: 1, meanSquare: 1, requests: 3000).isAtMost(maxError)
        }
        #expect(holds(threshold))
        #expect(sorted.allSatisfy { $0.p >= threshold || !holds($0.p) })
        let wrong = sorted.count { $0.p >= threshold && !$0.isRight }
        #expect(abs(found.estimate - Double(wrong) / 3000) < 1e-9 && found.upper <= maxError && found.upper > found.estimate)
        #expect(found.meanSpread > 0 && found.meanSpread <= 0.5)
    }

    @Test func `equal probabilities are served in part`() {
        // 100 at one cosine, the wrong ones last: all or none.
        let labels = window((0..<100).map { (0.9, $0 < 80) })
        #expect(calibration(labels, requests: 100, maxError: 0.1).threshold == nil)
        #expect(calibration(labels, requests: 100, maxError: 0.35).threshold != nil)
    }

    @Test func `what was served unjudged counts for nothing`() {
        let judged = (0..<200).map { (cosine: 0.75 + Double($0) / 1000, isRight: $0 % 40 != 0) }
        var all = window(judged)
        let alone = calibration(all, requests: 2000, maxError: 0.02)
        #expect(alone.threshold != nil)
        // Nine unjudged beside each judged one: five wrong stand for fifty.
        for (number, label) in judged.enumerated() {
            for _ in 0..<9 { all.add(features(label.cosine), ordinal: UInt64(number) + 1) }
        }
        let together = calibration(all, requests: 2000, maxError: 0.02)
        #expect((together.threshold ?? 1) > (alone.threshold ?? 1))
    }

    @Test func `a half is scored by the model that was fitted to it`() {
        let never = LogisticModel(coefficients: [-30, 0, 0, 0, 0, 0, 0, 0])
        let labels = LabelWindow(
            labels: (1...400 as ClosedRange<UInt64>).map {
                LabelWindow.Label(features: features(0.95), weight: 1, ordinal: $0, isRight: $0 % 2 == 0)
            }, unjudged: [])
        // Even requests are right, and only these are likely by the model of the odd ones.
        let found = Calibration(labels, even: never, odd: model, requests: 400, maxError: 0.01)
        #expect(found.threshold == model.probability(of: features(0.95)) && found.estimate == 0)
        #expect(Calibration(labels, even: model, odd: never, requests: 400, maxError: 0.01).threshold == nil)
    }
}

@Suite struct LabelWindowTests {
    private let features = LearnerBench.match(isGood: true)

    private func label(_ ordinal: UInt64) -> LabelWindow.Label {
        LabelWindow.Label(features: features, weight: 1, ordinal: ordinal, isRight: true)
    }

    @Test func `labels pile up, or the newest go`() {
        var window = LabelWindow()
        let most = LabelWindow.labelsMax + LabelWindow.labelsMax / 8
        for ordinal in 1..<UInt64(most) { window.add(label(ordinal)) }
        #expect(window.labels.count == most - 1 && window.start == 1)
        window.add(label(UInt64(most)))
        #expect(window.labels.count == LabelWindow.labelsMax)
        #expect(window.labels.last?.ordinal == UInt64(most) && window.start == UInt64(most - LabelWindow.labelsMax) + 1)
    }

    @Test func `the unjudged pile up, or count for less once thinned out`() {
        var window = LabelWindow()
        window.add(label(1))
        for ordinal in 1..<UInt64(LabelWindow.unjudgedMax) { window.add(features, ordinal: ordinal) }
        #expect(window.unjudged.count == LabelWindow.unjudgedMax - 1)
        window.add(features, ordinal: UInt64(LabelWindow.unjudgedMax))
        #expect(window.unjudged.count == LabelWindow.unjudgedMax / 2)
        #expect(window.unjudged.reduce(0) { $0 + $1.count } == Float(LabelWindow.unjudgedMax))
        for ordinal in 0..<20_000 as Range<UInt64> { window.add(features, ordinal: 10_000 + ordinal) }
        #expect(window.unjudged.count < LabelWindow.unjudgedMax)
        let total = window.unjudged.reduce(0) { $0 + $1.count }
        #expect(abs(total - 26_000) < 200, "thinning keeps the count but for a rounding each time")
    }

    @Test func `labels that left keep their unjudged neighbours`() {
        var window = LabelWindow()
        for ordinal in 1...10 as ClosedRange<UInt64> {
            window.add(label(2 * ordinal))
            window.add(features, ordinal: 2 * ordinal + 1)
        }
        window.trim(before: 11)
        #expect(window.labels.map(\.ordinal) == [12, 14, 16, 18, 20] && window.unjudged.map(\.ordinal) == [11, 13, 15, 17, 19, 21])
        window.trim(before: 100)
        #expect(window == LabelWindow() && window.start == 0)
        for ordinal in 1...UInt64(LabelWindow.labelsMax + LabelWindow.labelsMax / 8) {
            if ordinal % 100 == 0 { window.add(features, ordinal: ordinal) }
            window.add(label(ordinal))
        }
        #expect(window.unjudged.allSatisfy { $0.ordinal >= window.start } && window.unjudged.count == 60)
    }
}
