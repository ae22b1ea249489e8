// Finding the end of a run of plain string bytes (neither quote, backslash, control nor non-ASCII): where a large body's scan spends its
// time. Eight bytes at a time for short strings, sixty-four for long ones; plain integer arithmetic that LLVM turns into SSE2 or NEON.

/// For each byte of `word` that ends a plain run, its top bit; a byte above such a one may be marked falsely (a borrow), one below never is.
@inline(__always)
private func marks(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = (word ^ (0x22 &* ones)) &- ones
    let backslashes = (word ^ (0x5C &* ones)) &- ones
    let controls = word &- (0x20 &* ones)
    return (word | quotes | backslashes | controls) & (0x80 &* ones)
}

/// The same for eight words, without the last masking.
@inline(__always)
private func anyMark(_ words: SIMD8<UInt64>) -> Bool {
    let ones = SIMD8<UInt64>(repeating: 0x0101_0101_0101_0101)
    let quotes = (words ^ SIMD8(repeating: 0x2222_2222_2222_2222)) &- ones
    let backslashes = (words ^ SIMD8(repeating: 0x5C5C_5C5C_5C5C_5C5C)) &- ones
    let controls = words &- SIMD8(repeating: 0x2020_2020_2020_2020)
    let all = words | quotes | backslashes | controls
    let half = all.lowHalf | all.highHalf
    let quarter = half.lowHalf | half.highHalf
    return (quarter[0] | quarter[1]) & 0x8080_8080_8080_8080 != 0
}

/// The first index in `start..<end` whose byte ends a plain run, else `end`.
@inline(__always)
func endOfPlainRun(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    let raw = UnsafeRawPointer(bytes)
    var index = start
    let shortEnd = min(end, start &+ 64)
    while index &+ 8 <= shortEnd {
        let found = marks(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
        if found != 0 { return index &+ found.trailingZeroBitCount &>> 3 }
        index &+= 8
    }
    return endOfLongRun(bytes, from: index, to: end)
}

@inline(never)
private func endOfLongRun(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    let raw = UnsafeRawPointer(bytes)
    var index = start
    while index &+ 64 <= end, !anyMark(raw.loadUnaligned(fromByteOffset: index, as: SIMD8<UInt64>.self)) { index &+= 64 }
    while index &+ 8 <= end {
        let found = marks(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
        if found != 0 { return index &+ found.trailingZeroBitCount &>> 3 }
        index &+= 8
    }
    while index < end, bytes[index] >= 0x20, bytes[index] < 0x80, bytes[index] != 0x22, bytes[index] != 0x5C { index &+= 1 }
    return index
}

/// The length of the UTF-8 sequence of two to four bytes at `index`, or 0 when it is none (table 3-7 of the Unicode standard).
@inline(__always)
func multibyteLength(_ bytes: UnsafePointer<UInt8>, at index: Int, to end: Int) -> Int {
    let lead = bytes[index]
    let available = end &- index
    guard available >= 2, lead >= 0xC2 else { return 0 }
    let second = bytes[index &+ 1]
    guard second & 0xC0 == 0x80 else { return 0 }
    if lead < 0xE0 { return 2 }
    guard available >= 3, bytes[index &+ 2] & 0xC0 == 0x80 else { return 0 }
    if lead < 0xF0 {
        // Overlong forms and surrogates.
        if lead == 0xE0 && second < 0xA0 || lead == 0xED && second >= 0xA0 { return 0 }
        return 3
    }
    guard lead < 0xF5, available >= 4, bytes[index &+ 3] & 0xC0 == 0x80 else { return 0 }
    if lead == 0xF0 && second < 0x90 || lead == 0xF4 && second >= 0x90 { return 0 }
    return 4
}
