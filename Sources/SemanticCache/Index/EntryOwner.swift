/// Who filled an entry, and what answered.
struct EntryOwner: Hashable {
    var tenant: String
    var keyID: String
    var model: String

    /// A virtual key within its tenant: what the share and the rate are counted for.
    struct Key: Hashable {
        var tenant: String
        var keyID: String
    }

    var key: Key { Key(tenant: tenant, keyID: keyID) }
}

/// Numbers for owners, so that an entry holds four bytes instead of three names; with the counts that limits need.
struct OwnerTable {
    private var owners: [EntryOwner?] = []
    private var numbers: [EntryOwner: UInt32] = [:]
    private var counts: [Int] = []
    private var free: [UInt32] = []
    private var keyCounts: [EntryOwner.Key: Int] = [:]
    /// Inserts in the current minute.
    private var rates: [EntryOwner.Key: Int] = [:]
    private var minute: Int64 = .min

    /// The owner's number, for one more entry.
    mutating func retain(_ owner: EntryOwner) -> UInt32 {
        keyCounts[owner.key, default: 0] += 1
        if let number = numbers[owner] {
            counts[Int(number)] += 1
            return number
        }
        let number = free.popLast() ?? UInt32(owners.count)
        if number == owners.count {
            owners.append(owner)
            counts.append(1)
        } else {
            owners[Int(number)] = owner
            counts[Int(number)] = 1
        }
        numbers[owner] = number
        return number
    }

    /// One entry less. The number may be given to another owner once it has none.
    mutating func release(_ number: UInt32) {
        guard Int(number) < owners.count, let owner = owners[Int(number)] else { return }
        counts[Int(number)] -= 1
        let left = keyCounts[owner.key, default: 1] - 1
        keyCounts[owner.key] = left > 0 ? left : nil
        guard counts[Int(number)] == 0 else { return }
        numbers[owner] = nil
        owners[Int(number)] = nil
        free.append(number)
    }

    /// Entries of a key.
    func count(of key: EntryOwner.Key) -> Int { keyCounts[key] ?? 0 }

    /// The numbers of the owners that `condition` selects.
    func numbers(where condition: (EntryOwner) -> Bool) -> Set<UInt32> {
        Set(numbers.filter { condition($0.key) }.values)
    }

    /// Counts an insert; `false` if the key has had its share of this minute. A clock that goes back begins a new minute.
    mutating func mayInsert(_ key: EntryOwner.Key, minute: Int64, perMinute: Int) -> Bool {
        if minute != self.minute {
            self.minute = minute
            rates.removeAll(keepingCapacity: rates.count < 10_000)
        }
        let count = rates[key] ?? 0
        guard count < perMinute else { return false }
        rates[key] = count + 1
        return true
    }
}
