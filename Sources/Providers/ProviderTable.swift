import GatewayModel

/// The providers of one configuration: found by name or alias from path bytes, without making a `String`.
///
/// Immutable; a reload makes a new one. An index is valid for the table it came from only.
public final class ProviderTable: Sendable {
    /// The definitions, in the order given. Their positions are the indexes that routing speaks of.
    public let definitions: [ProviderDefinition]
    /// Their names, by index: a definition is large to hand out for its name alone.
    public let providerNames: [String]
    let compiled: [CompiledProvider]
    /// Open addressing over names and aliases; a power of two of slots, at most half full. -1 is empty.
    private let slots: [Int32]
    private let names: [(bytes: [UInt8], provider: Int)]

    /// Checks and indexes definitions. Throws the first problem of a definition, or a name that two of them claim.
    public init(_ definitions: [ProviderDefinition]) throws(ProviderProblem) {
        var names: [(bytes: [UInt8], provider: Int)] = []
        var owners: [String: String] = [:]
        for (index, definition) in definitions.enumerated() {
            if let problem = definition.problems().first {
                throw ProviderProblem(field: "providers.\(definition.name).\(problem.field)", message: problem.message)
            }
            for name in [definition.name] + definition.aliases {
                if let owner = owners[name] {
                    throw ProviderProblem(field: "providers.\(definition.name)", message: "the name '\(name)' already means '\(owner)'")
                }
                owners[name] = definition.name
                names.append((Array(name.utf8), index))
            }
        }
        var size = 16
        while size < names.count * 2 { size *= 2 }
        var slots = [Int32](repeating: -1, count: size)
        for (index, name) in names.enumerated() {
            var slot = ProviderTable.hash(name.bytes.span) & (size - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(index)
        }
        self.definitions = definitions
        providerNames = definitions.map(\.name)
        self.compiled = definitions.map { CompiledProvider($0) }
        self.slots = slots
        self.names = names
    }

    /// The index of the provider of that name or alias; `nil` if there is none. `custom-{slug}` means `{slug}` where no provider is so named.
    public func index(of name: Span<UInt8>) -> Int? {
        if let found = exactIndex(of: name) { return found }
        guard name.starts(with: "custom-") else { return nil }
        return exactIndex(of: name.extracting(7..<name.count))
    }

    /// The index of the provider of that name or alias; `nil` if there is none.
    public func index(of name: String) -> Int? { index(of: Array(name.utf8).span) }

    /// The definition at an index. Traps on an index of another table.
    public subscript(index: Int) -> ProviderDefinition { definitions[index] }

    private func exactIndex(of name: Span<UInt8>) -> Int? {
        guard name.count <= 64 else { return nil }
        var slot = ProviderTable.hash(name) & (slots.count - 1)
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if name.equals(names[index].bytes) { return names[index].provider }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// FNV-1a; the table is made by the operator, so nobody can choose collisions.
    private static func hash(_ bytes: Span<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in 0..<bytes.count { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: hash & 0x7FFF_FFFF)
    }
}
