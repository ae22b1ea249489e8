import SemanticCache
import Testing

@Suite struct ShareIntervalTests {
    /// By scipy.stats.binomtest(x, n).proportion_ci(method="exact").
    @Test(arguments: [
        (0, 100, 0.0, 0.036216693), (5, 100, 0.016431879, 0.112834914), (100, 100, 0.963783307, 1.0), (1, 1, 0.025, 1.0),
        (0, 1, 0.0, 0.975),
        (37, 13083, 0.001991999, 0.003896074),
    ])
    func `an interval is not Clopper's and Pearson's`(events: Int, trials: Int, lower: Double, upper: Double) {
        let interval = ShareInterval.clopperPearson(events, of: trials)
        #expect(abs(interval.lowerBound - lower) < 1e-6 && abs(interval.upperBound - upper) < 1e-6)
    }

    @Test(arguments: [(0, 0), (-1, 10), (11, 10)])
    func `nonsense promises something`(events: Int, trials: Int) {
        #expect(ShareInterval.clopperPearson(events, of: trials) == 0...1)
    }
}
