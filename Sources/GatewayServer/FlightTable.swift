// Flights by digest, in shards: a miss locks one shard for a few hundred nanoseconds, a hit none.

import GatewayModel
import Synchronization

/// The flights of the whole process. Thread-safe; bounded in entries, past which requests fly alone.
final class FlightTable: Sendable {
    /// What a request may do.
    enum Place: Sendable {
        /// Nobody asks yet: fetch, publish, and end the flight.
        case lead(Flight)
        /// Follow with this id.
        case follow(Flight, UInt64)
        /// Fetch without telling anyone.
        case alone
    }

    private struct Slot {
        var stream: Flight?
        var plain: Flight?
        var isEmpty: Bool { stream == nil && plain == nil }
    }

    private struct Shard {
        var slots: [Digest256: Slot] = [:]
        /// Digests whose answer turned out not to be shareable, until when (hit-for-miss).
        var unshared: [Digest256: MonotonicTime] = [:]
    }

    private let shards: [Locked<Shard>]
    private let slotsMax: Int
    private let unsharedMax = 256
    private let limits: Flight.Limits

    /// How long an answer that could not be shared keeps its repeats from queueing behind each other, in milliseconds.
    static let hitForMissMilliseconds: UInt64 = 10_000

    init(flightsMax: Int, limits: Flight.Limits) {
        shards = (0..<64).map { _ in Locked(Shard()) }
        slotsMax = max(1, flightsMax / 64)
        self.limits = limits
    }

    private func shard(of key: Digest256) -> Locked<Shard> { shards[Int(truncatingIfNeeded: key.words.1 & 63)] }

    /// Joins the flight of `key` or opens one. A streaming request follows streams only; a plain one follows either.
    func place(_ key: Digest256, wantsStream: Bool, limits: Flight.Limits? = nil, now: MonotonicTime, wake: @escaping @Sendable () -> Void)
        -> Place
    {
        shard(of: key).withLock { shard in
            if let until = shard.unshared[key] {
                if now < until { return .alone }
                shard.unshared[key] = nil
            }
            var slot = shard.slots[key] ?? Slot()
            let candidates = wantsStream ? [slot.stream] : [slot.plain, slot.stream]
            for case let flight? in candidates {
                if let id = flight.join(wake: wake) { return .follow(flight, id) }
            }
            // Whoever is there takes nobody any more; a second flight of the same kind would only shadow it.
            if (wantsStream ? slot.stream : slot.plain) != nil { return .alone }
            guard shard.slots.count < slotsMax || shard.slots[key] != nil else { return .alone }
            let flight = Flight(key: key, isStream: wantsStream, limits: limits ?? self.limits)
            if wantsStream { slot.stream = flight } else { slot.plain = flight }
            shard.slots[key] = slot
            return .lead(flight)
        }
    }

    /// Whether somebody fetches this answer already (for background refreshes).
    func isFlying(_ key: Digest256) -> Bool { shard(of: key).withLock { $0.slots[key] != nil } }

    /// Forgets a flight that has ended. Its record must be readable by now.
    func remove(_ flight: Flight) {
        shard(of: flight.key).withLock { shard in
            guard var slot = shard.slots[flight.key] else { return }
            if slot.stream === flight { slot.stream = nil }
            if slot.plain === flight { slot.plain = nil }
            shard.slots[flight.key] = slot.isEmpty ? nil : slot
        }
    }

    /// Leaves a flight, and forgets it once nobody is left to fetch its answer.
    func leave(_ flight: Flight, _ id: UInt64) {
        flight.leave(id)
        if flight.isAbandoned { remove(flight) }
    }

    /// Ends a flight, and forgets it unless a follower takes it over.
    func end(_ flight: Flight, _ end: FlightEnd) {
        if !flight.end(end) { remove(flight) }
    }

    /// Gives the lead to the next in line: the leader's own limits forbid the fetch.
    func handOver(_ flight: Flight) {
        if !flight.handOver() { remove(flight) }
    }

    /// Remembers that this answer cannot be shared, so that its repeats fly in parallel for a while.
    func markUnshared(_ key: Digest256, now: MonotonicTime) {
        shard(of: key).withLock { shard in
            if shard.unshared.count >= unsharedMax { shard.unshared = shard.unshared.filter { now < $0.value } }
            guard shard.unshared.count < unsharedMax else { return }
            shard.unshared[key] = now.adding(milliseconds: Self.hitForMissMilliseconds)
        }
    }

    /// Entries in the table, for tests and `/metrics`.
    var count: Int { shards.reduce(0) { $0 + $1.withLock { $0.slots.count } } }
}
