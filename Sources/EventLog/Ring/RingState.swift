import GatewayModel

/// What the ring holds, decided without touching the store: which rows can be read, what the caps take away, what is then to be deleted.
///
/// A transaction works on a copy; the copy becomes the state, and what readers see, when it is committed.
struct RingState: Sendable {
    /// What the store has to do for what was decided.
    struct Effects: Sendable {
        var deadBlocks: [UInt64] = []
        var deadPayloads: [UInt64] = []
        var deadPatches: [UInt64] = []
    }

    /// Rows counted against the calendar quota.
    struct QuotaUse: Sendable, Equatable {
        /// The kind of window; `nil` before the first.
        var per: CalendarWindow?
        /// When the window ends, in milliseconds since the epoch.
        var end: Int64 = 0
        var used = 0
    }

    /// Why a row is not kept.
    enum Refusal { case stopped, overQuota }

    private(set) var directory = RingDirectory()
    /// The next row's sequence.
    var next: UInt64 = 1
    /// When the store was made.
    var began = WallTime(milliseconds: 0)
    /// Rows that can be read.
    private(set) var rows = 0
    /// Bytes of the file that blocks take.
    private(set) var bytes = 0
    /// All rows before this one that were overwritten are before it.
    private(set) var floor: UInt64 = 0
    private(set) var payloads = PayloadList()
    private(set) var patches: [UInt64: LogPatch] = [:]
    private(set) var patchesBytes = 0
    var quota = QuotaUse()
    private var tenants: TenantRows?
    /// Blocks of which most rows are hidden: to be written anew without them.
    var sparse: Set<UInt64> = []
    var effects = Effects()
    var stopped: UInt64 = 0
    var overQuota: UInt64 = 0

    var countsTenants: Bool { tenants != nil }

    // MARK: - Taking rows

    /// Whether a row may come in; counts it against the quota if so.
    mutating func admit(tenant: [UInt8], _ settings: EventLogSettings, now: WallTime) -> Refusal? {
        if settings.strategy == .stopInserting {
            let count = tenants?.count(of: tenant) ?? rows
            if count >= max(1, settings.rowsMax) || bytes >= settings.bytesMax {
                stopped += 1
                return .stopped
            }
        }
        guard let limit = settings.quota else { return nil }
        turn(limit.per, now)
        guard quota.used < limit.limit else {
            overQuota += 1
            return .overQuota
        }
        quota.used += 1
        return nil
    }

    /// Begins the quota's next window when its time has come. A clock that goes back begins none.
    mutating func turn(_ window: CalendarWindow, _ now: WallTime) {
        guard quota.per != window || now.milliseconds >= quota.end else { return }
        quota = QuotaUse(per: window, end: CivilTime.bounds(of: window, containing: now).end.milliseconds, used: 0)
    }

    /// A row was put into a block; `length` is what the block has by now.
    mutating func appended(_ row: RowView, tenant: [UInt8], sequence: UInt64, block: UInt64, length: Int) {
        if directory.last?.first != block { directory.append(BlockInfo(first: block)) }
        let place = directory.count - 1
        var info = directory[place]
        info.note(row, sequence: sequence)
        let cost = RingBlock.cost(ofValue: length)
        bytes += cost - info.cost
        info.cost = cost
        directory[place] = info
        rows += 1
        next = sequence + 1
        tenants?.append(sequence, block: block, tenant: tenant)
    }

    mutating func addedPayload(_ sequence: UInt64, cost: Int) { payloads.append(sequence, cost: cost) }

    /// Takes in a block found in the store. Blocks come by rising sequence.
    mutating func restored(_ info: BlockInfo) {
        directory.append(info)
        rows += info.live.count
        bytes += info.cost
        next = max(next, info.first + UInt64(info.live.last ?? 0) + 1)
    }

    mutating func restoredPatch(_ patch: LogPatch, _ sequence: UInt64) {
        patches[sequence] = patch
        patchesBytes += patch.cost
    }

    // MARK: - The caps

    /// Takes away what the caps do not let stay. Amortised constant work per row: a row is hidden once, a block deleted once.
    mutating func trim(_ settings: EventLogSettings, now: WallTime) {
        if settings.strategy == .deleteOldest {
            let rowsMax = max(1, settings.rowsMax)
            if tenants == nil { while rows > rowsMax, expireOldest() {} }
            while bytes > settings.bytesMax, directory.count > 1, dropFirstBlock() {}
        }
        while payloads.bytes > settings.payloadsBytesMax, let oldest = payloads.first { removePayload(oldest) }
        guard let age = settings.ageSecondsMax else { return }
        let cutoff = now.adding(seconds: -age).milliseconds
        while let first = directory.first, first.newest < cutoff, dropFirstBlock() {}
    }

    /// The same for the rows of one tenant, where these are counted.
    mutating func trim(tenant: [UInt8], to rowsMax: Int) {
        while let count = tenants?.count(of: tenant), count > rowsMax, let oldest = tenants?.oldest(of: tenant, in: directory) {
            floor = max(floor, oldest + 1)
            _ = hide(oldest)
        }
    }

    /// Hides the oldest row; `false` if there is none.
    private mutating func expireOldest() -> Bool {
        guard let block = directory.first, let bit = block.live.first else { return false }
        floor = max(floor, block.first + UInt64(bit) + 1)
        return hide(block.first + UInt64(bit))
    }

    /// Drops the oldest block; `false` if there is none. Also for a store whose map is full.
    @discardableResult
    mutating func dropFirstBlock() -> Bool {
        guard let block = directory.first else { return false }
        for bit in 0..<RowBits.capacity where block.live.contains(bit) {
            floor = max(floor, block.first + UInt64(bit) + 1)
            _ = hide(block.first + UInt64(bit))
        }
        return true
    }

    /// Makes a row unreadable at once, and lets go of what belongs to it. A block without readable rows goes, one with few is to be packed.
    /// `false` if the row was not there.
    mutating func hide(_ sequence: UInt64) -> Bool {
        guard let place = directory.place(of: sequence) else { return false }
        var block = directory[place]
        let bit = sequence - block.first
        guard bit < UInt64(RowBits.capacity), block.live.contains(Int(bit)) else { return false }
        block.live.remove(Int(bit))
        rows -= 1
        removePayload(sequence)
        if let patch = patches.removeValue(forKey: sequence) {
            patchesBytes -= patch.cost
            effects.deadPatches.append(sequence)
        }
        if block.live.isEmpty {
            bytes -= block.cost
            effects.deadBlocks.append(block.first)
            sparse.remove(block.first)
            directory.remove(at: place)
            tenants?.removed(sequence, block: block.first, in: directory)
            tenants?.removed(block: block.first)
            return true
        }
        directory[place] = block
        tenants?.removed(sequence, block: block.first, in: directory)
        if place > 0, block.live.count * 2 < block.present { sparse.insert(block.first) }
        return true
    }

    private mutating func removePayload(_ sequence: UInt64) {
        if payloads.remove(sequence) { effects.deadPayloads.append(sequence) }
    }

    /// A payload goes though its row stays: for a store whose map is full.
    mutating func dropOldestPayload() { if let oldest = payloads.first { removePayload(oldest) } }

    /// A block was written anew with its readable rows only.
    mutating func packed(_ first: UInt64, length: Int) {
        sparse.remove(first)
        guard let place = directory.place(of: first), directory[place].first == first else { return }
        let cost = RingBlock.cost(ofValue: length)
        bytes += cost - directory[place].cost
        directory[place].cost = cost
        directory[place].present = directory[place].live.count
    }

    /// Says something about a row; `false` if it can't be read, or there is no more room.
    mutating func setPatch(_ patch: LogPatch, _ sequence: UInt64, bytesMax: Int) -> Bool {
        let before = patches[sequence]?.cost ?? 0
        guard directory.isLive(sequence), patchesBytes - before + patch.cost <= bytesMax || patch.isEmpty else { return false }
        patches[sequence] = patch.isEmpty ? nil : patch
        patchesBytes += (patch.isEmpty ? 0 : patch.cost) - before
        return true
    }

    /// Counts rows by tenant, or ceases to.
    mutating func count(tenants: TenantRows?) { self.tenants = tenants }

    /// Trims every tenant's rows: after the cap or the scope changed.
    mutating func trimTenants(_ settings: EventLogSettings) {
        guard settings.strategy == .deleteOldest, let tenants else { return }
        for name in tenants.names { trim(tenant: name, to: max(1, settings.rowsMax)) }
    }
}
