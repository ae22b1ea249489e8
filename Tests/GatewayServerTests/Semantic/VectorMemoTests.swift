import GatewayModel
import TestSupport
import Testing

@testable import GatewayServer

@Suite struct `Vector memo` {
    private func text(_ number: Int) -> [UInt8] { Array("question \(number)".utf8) }

    @Test func `what was not asked for since a generation was full is forgotten, what was is kept`() {
        let memo = VectorMemo(entriesMax: 8)
        for number in 0..<4 { memo.remember([Float(number)], of: text(number)) }
        #expect(memo.vector(of: text(0)) == [0], "the first generation is full and whole")
        memo.remember([4], of: text(4))
        #expect(memo.vector(of: text(0)) == [0], "asked for, so it is young again")
        for number in 5..<8 { memo.remember([Float(number)], of: text(number)) }
        #expect(memo.vector(of: text(0)) == [0])
        #expect([1, 2, 3].allSatisfy { memo.vector(of: text($0)) == nil }, "nobody asked for these")
        #expect((4..<8).allSatisfy { memo.vector(of: text($0)) == [Float($0)] })
    }

    @Test(arguments: [2, 3, 8, 9, 1024])
    func `never more texts than allowed are remembered, and as many if there is an even number of them`(_ entriesMax: Int) {
        let memo = VectorMemo(entriesMax: entriesMax)
        var most = 0
        for number in 0..<(3 * entriesMax) {
            memo.remember([Float(number)], of: text(number))
            if number % 3 == 0 { _ = memo.vector(of: text(number / 2)) }
            most = max(most, memo.count)
        }
        #expect(most == entriesMax / 2 * 2)
    }

    @Test(arguments: [0, 1]) func `a memo without room for two generations remembers nothing`(_ entriesMax: Int) {
        let memo = VectorMemo(entriesMax: entriesMax)
        memo.remember([1], of: text(1))
        #expect(memo.vector(of: text(1)) == nil && memo.count == 0)
    }

    @Test func `a text that is remembered again drives out no other`() {
        let memo = VectorMemo(entriesMax: 4)
        for number in 0..<4 { memo.remember([Float(number)], of: text(number)) }
        for _ in 0..<3 { memo.remember([30], of: text(3)) }
        #expect(memo.count == 4 && memo.vector(of: text(3)) == [30])
    }

    @Test func `the vector remembered last is the one that is given`() {
        let memo = VectorMemo(entriesMax: 4)
        memo.remember([1], of: text(1))
        memo.remember([2], of: text(2))
        memo.remember([3], of: text(3))
        memo.remember([10], of: text(1))
        #expect(memo.vector(of: text(1)) == [10] && memo.count == 3, "the older one counts no more")
    }

    @Test func `threads never get another text's vector`() {
        let memo = VectorMemo(entriesMax: 64)
        let wrong = Locked(0)
        let threads = (0..<4).compactMap { thread in
            PosixThread.start(name: "memo-\(thread)") { [memo] in
                var random = SplitMix64(seed: UInt64(thread))
                for _ in 0..<4000 {
                    let number = Int(random.next() % 100)
                    let text = Array("question \(number)".utf8)
                    if let vector = memo.vector(of: text) {
                        if vector != [Float(number)] { wrong.withLock { $0 += 1 } }
                    } else {
                        memo.remember([Float(number)], of: text)
                    }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(threads.count == 4 && wrong.withLock { $0 } == 0)
        #expect((1...64).contains(memo.count))
    }
}
