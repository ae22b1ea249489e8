extension LimitVerdict {
    /// Asks with the caller's reading of the clock, and once more with the clock as it is before anybody is refused.
    ///
    /// A loop reads the clock once a turn. What another loop charged meanwhile was charged at a later time, to which a bucket that was full may not
    /// count back: of as many requests as fit, the last would be refused.
    public static func deciding(
        at now: LimitTime, exactly: () -> LimitTime, _ ask: (LimitTime) -> LimitVerdict
    ) -> LimitVerdict {
        let first = ask(now)
        guard case .refused(let refusal) = first else { return first }
        // The second answer is the one that counts.
        refusal.limit.cell.refusedCount.wrappingSubtract(1, ordering: .relaxed)
        return ask(exactly())
    }
}
