// Who is at the other end. The socket's peer, unless that is a proxy the operator trusts: then the nearest address in `X-Forwarded-For` that is
// not such a proxy itself. Nobody else's word counts.

import GatewayModel
import HTTP1
import Tenants

extension ClientConnection {
    /// The client's address as policies see it.
    func clientAddress(_ head: RequestHead) -> IPAddress {
        let peer = connection.peer.ip
        let proxies = worker.snapshot.configuration.trustedProxies
        guard !proxies.isEmpty, proxies.contains(peer) else { return peer }
        var forwarded = ForwardedFor(peer: peer, proxies: proxies)
        for value in head.all(.xForwardedFor) { forwarded.read(head.bytes.span.extracting(value)) }
        return forwarded.client
    }
}

/// Finds the client in the values of `X-Forwarded-For`, which are one list however many fields they came in: each proxy appends the address it
/// was asked from, so the last that is no proxy of ours is the client, and what stands before it anybody may have written.
struct ForwardedFor {
    private let peer: IPAddress
    private let proxies: AddressList
    /// The client by what was read so far: the peer where nothing better is known.
    private(set) var client: IPAddress

    init(peer: IPAddress, proxies: AddressList) {
        self.peer = peer
        self.proxies = proxies
        client = peer
    }

    /// Reads the next field's value. Allocates nothing.
    mutating func read(_ value: Span<UInt8>) {
        var start = 0
        while start < value.count {
            var end = start
            while end < value.count, value[end] != 0x2C { end += 1 }
            read(element: value, start..<end)
            start = end + 1
        }
    }

    private mutating func read(element value: Span<UInt8>, _ range: Range<Int>) {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, value[start] == 0x20 || value[start] == 0x09 { start += 1 }
        while end > start, value[end - 1] == 0x20 || value[end - 1] == 0x09 { end -= 1 }
        guard start < end else { return }
        // Behind an unreadable element the chain is broken: what stands left of it is not vouched for.
        guard let address = IPAddress(value.extracting(start..<end)) else { return client = peer }
        if !proxies.contains(address) { client = address }
    }
}
