import GatewayModel
import Synchronization

extension LimitCell {
    /// Takes one place, if there is one.
    @inline(__always) func takePlace() -> Bool {
        var expected = word.load(ordering: .relaxed)
        while expected < amount.load(ordering: .relaxed) {
            let (exchanged, original) = word.weakCompareExchange(
                expected: expected, desired: expected + 1, ordering: .acquiringAndReleasing)
            if exchanged { return true }
            expected = original
        }
        return false
    }

    /// Gives a place back.
    @inline(__always) func giveBackPlace() {
        let before = word.wrappingSubtract(1, ordering: .acquiringAndReleasing).oldValue
        assert(before > 0, "a place was given back twice")
    }

    /// How many places are free.
    func concurrencyStatus() -> LimitStatus {
        let (capacity, used) = (amount.load(ordering: .relaxed), word.load(ordering: .relaxed))
        return LimitStatus(
            capacity: capacity, available: capacity - used, spent: used, outstanding: 0, resetNanoseconds: 0, isRefusing: used >= capacity)
    }
}
