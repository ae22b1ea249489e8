import GatewayModel
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import SemanticCache

@Suite struct IndexThreadTests {
    /// What readers see go wrong, by kind.
    private final class Faults: Sendable {
        let wrongPartition = Atomic<Int>(0)
        let removed = Atomic<Int>(0)
        let found = Atomic<Int>(0)
        /// No entry up to this id may be found any more.
        let gone = Atomic<UInt64>(0)
        let isOver = Atomic<Bool>(false)
    }

    @Test func `a reader beside a writer finds what was removed, or what another partition holds`() throws {
        let bench = IndexBench(entries: 150, perPartition: 60, partitions: 4)
        let index = bench.index
        let faults = Faults()
        let entries = try (1...2500 as ClosedRange<UInt64>).map { try IndexBench.entry($0) }
        let query = try QueryVector(of: IndexBench.query)
        onThreads(3) { thread in
            guard thread > 0 else {
                for entry in entries {
                    _ = index.insert(entry, owner: IndexBench.owner("a"), partition: named(entry.id % 4), minute: nil) { _ in }
                    guard entry.id % 37 == 0 else { continue }
                    // All but the last few: blocks are packed, partitions come and go.
                    let last = entry.id - entry.id % 5
                    _ = index.remove { _, _, id in id <= last }
                    faults.gone.store(last, ordering: .sequentiallyConsistent)
                }
                return faults.isOver.store(true, ordering: .sequentiallyConsistent)
            }
            let slot = index.makeSlot()
            defer { index.retire(slot) }
            var partition = UInt64(thread)
            while !faults.isOver.load(ordering: .sequentiallyConsistent) {
                partition = (partition + 1) % 4
                let gone = faults.gone.load(ordering: .sequentiallyConsistent)
                guard let blocks = index.blocks(of: named(partition), slot: slot) else { continue }
                for neighbour in VectorSearch(blocks).nearest(to: query, count: 64) {
                    faults.found.add(1, ordering: .relaxed)
                    if neighbour.id % 4 != partition { faults.wrongPartition.add(1, ordering: .relaxed) }
                    if neighbour.id <= gone { faults.removed.add(1, ordering: .relaxed) }
                }
            }
        }
        #expect(faults.wrongPartition.load(ordering: .relaxed) == 0)
        #expect(faults.removed.load(ordering: .relaxed) == 0)
        #expect(faults.found.load(ordering: .relaxed) > 0)
    }

    @Test func `removing an owner's entries takes those of one that was given its number meanwhile`() throws {
        let index = IndexBench().index
        let (first, second) = (try IndexBench.entry(1), try IndexBench.entry(2))
        let state = Faults()
        onThreads(2) { thread in
            guard thread == 0 else {
                while !state.isOver.load(ordering: .relaxed) { _ = index.remove(ownedBy: { $0.keyID == "a" }) }
                return
            }
            for _ in 0..<3000 {
                _ = index.insert(first, owner: IndexBench.owner("a"), partition: named(1), minute: nil) { _ in }
                _ = index.remove { _, _, id in id == 1 }
                _ = index.insert(second, owner: IndexBench.owner("b"), partition: named(1), minute: nil) { _ in }
                sched_yield()
                if index.remove(where: { _, _, id in id == 2 }) != [2] { state.removed.add(1, ordering: .relaxed) }
            }
            state.isOver.store(true, ordering: .relaxed)
        }
        #expect(state.removed.load(ordering: .relaxed) == 0)
    }
}

@Suite struct ReaderFenceTests {
    private final class Token: Sendable {}

    private final class Shared: @unchecked Sendable {
        // @unchecked: `weak` references are read by one thread while no other writes them.
        weak var old: Token?
        let isReplaced = Atomic<Bool>(false)
        let hasStarted = Atomic<Bool>(false)
    }

    @Test func `what a reader is about to take is let go of`() {
        let fence = ReaderFence()
        let slot = fence.makeSlot()
        let shared = Shared()
        let reference = PublishedReference(Token(), fence: fence)
        shared.old = reference.current
        #expect(reference.load(slot) === shared.old)
        // A reader inside: between its two steps.
        slot.sequence.add(1, ordering: .sequentiallyConsistent)
        onThreads(2) { thread in
            guard thread == 1 else {
                shared.hasStarted.store(true, ordering: .sequentiallyConsistent)
                reference.replace(Token())
                return shared.isReplaced.store(true, ordering: .sequentiallyConsistent)
            }
            while !shared.hasStarted.load(ordering: .sequentiallyConsistent) { sched_yield() }
            for _ in 0..<2000 { sched_yield() }
            #expect(!shared.isReplaced.load(ordering: .sequentiallyConsistent) && shared.old != nil)
            slot.sequence.add(1, ordering: .sequentiallyConsistent)
        }
        #expect(shared.isReplaced.load(ordering: .sequentiallyConsistent) && shared.old == nil)
        fence.retire(slot)
    }

    @Test func `a reader that is gone holds up the writer`() {
        let fence = ReaderFence()
        let slot = fence.makeSlot()
        slot.sequence.add(1, ordering: .sequentiallyConsistent)
        fence.retire(slot)
        let reference = PublishedReference(Token(), fence: fence)
        weak let old = reference.current
        reference.replace(Token())
        #expect(old == nil && reference.current != nil)
    }

    @Test func `a reference outlives its holder`() {
        let fence = ReaderFence()
        weak var held: Token?
        do {
            let reference = PublishedReference(Token(), fence: fence)
            held = reference.current
            #expect(held != nil)
        }
        #expect(held == nil)
    }
}
