import GatewayModel

/// Events by time, and by order of scheduling at one time: a binary heap.
struct EventQueue<Event> {
    private var heap: [(time: UInt64, number: UInt64, event: Event)] = []
    private var scheduled: UInt64 = 0

    mutating func schedule(_ event: Event, at time: MonotonicTime) {
        scheduled += 1
        heap.append((time.nanoseconds, scheduled, event))
        var index = heap.count - 1
        while index > 0, precedes(index, (index - 1) / 2) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func next() -> (time: MonotonicTime, event: Event)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            var index = 0
            while true {
                var least = index
                for child in [2 * index + 1, 2 * index + 2] where child < heap.count && precedes(child, least) { least = child }
                if least == index { break }
                heap.swapAt(index, least)
                index = least
            }
        }
        return (MonotonicTime(nanoseconds: first.time), first.event)
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        heap[left].time != heap[right].time ? heap[left].time < heap[right].time : heap[left].number < heap[right].number
    }
}
