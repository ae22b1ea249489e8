// What can be judged only when all fields are there: who is asked, how the body is framed, and what `Connection` says.

import GatewayModel

extension RequestHead {
    /// Judges the complete head.
    mutating func complete(_ base: UnsafePointer<UInt8>, _ limits: HTTP1Limits) throws(HTTPRefusal) {
        try resolveHost(base)
        if present.contains(.transferEncoding) {
            guard !present.contains(.contentLength) else { throw .contentLengthWithTransferEncoding }
            bodyFraming = .chunked
        }
        keepsAlive = !isHTTP10
        if present.contains(.connection) { try readConnection(base, limits) }
        // RFC 9110 section 10.1.1: nothing to wait for without a body, and HTTP/1.0 knows no 100.
        if expectsContinue, isHTTP10 || bodyFraming == .none || bodyFraming == .length(0) { expectsContinue = false }
    }

    private mutating func resolveHost(_ base: UnsafePointer<UInt8>) throws(HTTPRefusal) {
        guard let host else {
            guard isHTTP10 else { throw .missingHost }
            self.host = authority
            return
        }
        guard let authority else { return }
        guard host.count == authority.count else { throw .hostMismatch }
        for index in 0..<host.count where base[host.lowerBound &+ index].lowercased != base[authority.lowerBound &+ index].lowercased {
            throw .hostMismatch
        }
    }

    // MARK: Connection

    /// Reads all `Connection` fields: `close` wins over `keep-alive`; fields they name are marked as not to be forwarded.
    private mutating func readConnection(_ base: UnsafePointer<UInt8>, _ limits: HTTP1Limits) throws(HTTPRefusal) {
        var (closes, persists) = (false, false)
        var options = 0
        for index in fields.indices where fields[index].known == .connection {
            var elements = ListElements(base, fields[index].value)
            while let option = elements.next() {
                options &+= 1
                guard options <= limits.connectionOptionsMax else { throw .invalidConnectionOption }
                if equalsIgnoringCase(base + option.lowerBound, option.count, "close") {
                    closes = true
                } else if equalsIgnoringCase(base + option.lowerBound, option.count, "keep-alive") {
                    persists = true
                } else {
                    try noteConnectionOption(base, option)
                }
            }
        }
        keepsAlive = !closes && (persists || !isHTTP10)
    }

    @inline(never) private mutating func noteConnectionOption(_ base: UnsafePointer<UInt8>, _ option: Range<Int>) throws(HTTPRefusal) {
        let (start, count) = (base + option.lowerBound, option.count)
        for index in 0..<count where !ByteClass.token.contains(start[index]) { throw .invalidConnectionOption }
        guard !Self.isProtected(start, count) else { throw .protectedConnectionOption }
        for index in fields.indices {
            let name = fields[index].name
            if name.count == count, Self.equal(base + name.lowerBound, start, count) { fields[index].isNamedInConnection = true }
        }
    }

    /// Whether a field must not be dropped at a client's wish: everything the gateway reads itself (framing, identity, cache and route
    /// controls), other than what is hop-by-hop anyway, and everything that looks like a gateway's own field.
    private static func isProtected(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        switch FieldNameTable.shared.field(start, count) {
        case .connection, .keepAlive, .proxyConnection, .te, .trailer, .upgrade: false
        case nil:
            hasPrefix(start, count, "cf-") || hasPrefix(start, count, "weir-") || hasPrefix(start, count, "x-tenant")
                || hasPrefix(start, count, "x-forwarded-") || hasPrefix(start, count, "x-portkey-") || hasPrefix(start, count, "helicone-")
        default: true
        }
    }

    private static func hasPrefix(_ start: UnsafePointer<UInt8>, _ count: Int, _ prefix: StaticString) -> Bool {
        count >= prefix.utf8CodeUnitCount && equalsIgnoringCase(start, prefix.utf8CodeUnitCount, prefix)
    }

    private static func equal(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        for index in 0..<count where left[index].lowercased != right[index].lowercased { return false }
        return true
    }
}
