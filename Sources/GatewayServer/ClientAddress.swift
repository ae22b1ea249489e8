// Who is at the other end. The socket's peer, unless that is a proxy the operator trusts: then the nearest address in `X-Forwarded-For` that is
// not such a proxy itself. Nobody else's word counts.

import GatewayModel
import HTTP1
import Tenants

extension ClientConnection {
    /// The client's address as policies see it.
    func clientAddress(_ head: RequestHead) -> IPAddress? {
        guard let peer = IPAddress(connection.peer.ip.description) else { return nil }
        let proxies = worker.snapshot.configuration.trustedProxies
        guard !proxies.isEmpty, proxies.contains(peer), let forwarded = head.text(.xForwardedFor) else { return peer }
        for part in forwarded.split(separator: ",").reversed() {
            guard let address = IPAddress(String(part.trimmed)) else { return peer }
            if !proxies.contains(address) { return address }
        }
        return peer
    }
}

extension GatewaySnapshot {
    /// Whether connections from an address are not capped: loopback and the operator's own networks.
    func isTrusted(_ address: PeerAddress) -> Bool {
        IPAddress(address.description).map { configuration.trustedNetworks.contains($0) } ?? false
    }
}
