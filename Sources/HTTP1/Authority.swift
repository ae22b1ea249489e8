/// Whether the bytes are a host with an optional port, as `Host` and the absolute form may hold it (RFC 9110 section 7.2).
///
/// Narrower than the grammar on purpose: no userinfo, no percent escape, no sub-delimiter, no empty host, no empty port or port 0, no zone,
/// no IPvFuture.
func isAuthority(_ base: UnsafePointer<UInt8>, _ range: Range<Int>) -> Bool {
    guard range.count > 0 else { return false }
    var index = range.lowerBound
    if base[index] == 0x5B {
        guard let end = addressLiteralEnd(base, range) else { return false }
        index = end
    } else {
        while index < range.upperBound, ByteClass.hostName.contains(base[index]) { index &+= 1 }
        guard index > range.lowerBound else { return false }
    }
    if index == range.upperBound { return true }
    return base[index] == .colon && isPort(base, index &+ 1..<range.upperBound)
}

/// The position after the `]` of `[…]` that starts `range`: hexadecimal digits, at least two colons, and dots. The address is not parsed:
/// it selects nothing here.
private func addressLiteralEnd(_ base: UnsafePointer<UInt8>, _ range: Range<Int>) -> Int? {
    var index = range.lowerBound &+ 1
    var colons = 0
    while index < range.upperBound, ByteClass.addressLiteral.contains(base[index]) {
        if base[index] == .colon { colons &+= 1 }
        index &+= 1
    }
    guard colons >= 2, index < range.upperBound, base[index] == 0x5D else { return nil }
    return index &+ 1
}

/// Whether the bytes are a decimal number in 1…65,535.
private func isPort(_ base: UnsafePointer<UInt8>, _ range: Range<Int>) -> Bool {
    guard 1...5 ~= range.count else { return false }
    var port = 0
    for index in range {
        guard base[index] >= 0x30, base[index] <= 0x39 else { return false }
        port = port &* 10 &+ Int(base[index] &- 0x30)
    }
    return 1...65_535 ~= port
}
