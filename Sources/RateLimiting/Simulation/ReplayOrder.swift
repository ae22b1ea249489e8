// A log has its lines in the order in which requests ended, an export perhaps the newest first; a replay needs the order in which they began.

import GatewayModel

/// Puts requests into the order of their starts, as far as `capacity` requests can be held back: a request goes out when so many others are
/// behind it, or at the end. What began at the same millisecond stays in the order in which it came.
public struct ReplayOrder {
    private struct Entry: Comparable {
        let request: RecordedRequest
        let number: Int

        /// Earlier starts first, then earlier arrivals.
        static func < (left: Entry, right: Entry) -> Bool { (left.request.start, left.number) < (right.request.start, right.number) }

        /// Entries are told apart by their numbers.
        static func == (left: Entry, right: Entry) -> Bool { left.number == right.number }
    }

    /// Some 50 MB; at 1,000 requests a second, requests that lasted two minutes are still put in order.
    public static let capacityDefault = 131_072

    private let capacity: Int
    private var heap = MinimumHeap<Entry>()
    private var number = 0

    /// An empty order.
    public init(capacity: Int = capacityDefault) { self.capacity = max(0, capacity) }

    /// Adds a request; returns the earliest when more are held than may be.
    public mutating func push(_ request: RecordedRequest) -> RecordedRequest? {
        heap.insert(Entry(request: request, number: number))
        number += 1
        return heap.count > capacity ? heap.removeFirst()?.request : nil
    }

    /// The earliest of those that are left, once no more come.
    public mutating func pop() -> RecordedRequest? { heap.removeFirst()?.request }
}
