/// Sorts an object's members into the canonical order, their keys' bytes being those of `keys`. Returns whether any moved.
func sortMembers(_ members: UnsafeMutableBufferPointer<MemberRecord>, keys: UnsafePointer<UInt8>) -> Bool {
    var index = 1
    while index < members.count, !members[index].precedes(members[index &- 1], in: keys) { index &+= 1 }
    guard index < members.count else { return false }
    if members.count <= ScanPass.pairwiseMembersMax {
        insertionSort(members, from: index, keys: keys)
    } else {
        var large = members
        large.sort { $0.precedes($1, in: keys) }
    }
    return true
}

/// For a handful of members, of which those before `first` are in order: needs no memory.
private func insertionSort(_ members: UnsafeMutableBufferPointer<MemberRecord>, from first: Int, keys: UnsafePointer<UInt8>) {
    for index in first..<members.count {
        let record = members[index]
        var slot = index
        while slot > 0, record.precedes(members[slot &- 1], in: keys) {
            members[slot] = members[slot &- 1]
            slot &-= 1
        }
        members[slot] = record
    }
}

/// The offset of a key that occurs twice among sorted members.
func duplicateKey(_ members: UnsafeMutableBufferPointer<MemberRecord>, keys: UnsafePointer<UInt8>) -> Int? {
    for index in 1..<max(1, members.count) where members[index].hasSameKey(as: members[index &- 1], in: keys) {
        return max(members[index].offset, members[index &- 1].offset)
    }
    return nil
}
