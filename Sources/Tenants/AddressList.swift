public import GatewayModel

/// Up to 200 address blocks: who may use a key, which proxies are trusted.
public struct AddressList: Sendable, Equatable {
    /// The most blocks in one list.
    public static let countMax = 200

    /// The blocks in the order given.
    public private(set) var ranges: [AddressRange]

    /// The empty list.
    public init() { ranges = [] }

    /// Makes a list from its texts.
    public init(_ texts: [String]) throws(PatternError) {
        guard texts.count <= AddressList.countMax else {
            throw PatternError("\(texts.count) addresses where at most \(AddressList.countMax) are allowed")
        }
        var ranges: [AddressRange] = []
        for text in texts {
            guard let range = AddressRange(text) else {
                throw PatternError("\"\(printable(text))\" is not an address or block such as 10.0.0.0/8 or 2001:db8::/32")
            }
            ranges.append(range)
        }
        self.ranges = ranges
    }

    /// Whether there is no block at all.
    @inlinable public var isEmpty: Bool { ranges.isEmpty }

    /// Whether any block holds the address.
    public func contains(_ address: IPAddress) -> Bool {
        for range in ranges where range.contains(address) { return true }
        return false
    }

    /// The blocks as they would be written.
    public var texts: [String] { ranges.map(\.description) }
}
