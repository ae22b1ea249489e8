// The admin port: its own listener on the control loop, its own table of routes, never reachable through the data port.

import EventLoop
import GatewayModel
import GatewayServer
import HTTP1
import Logging

/// Serves the admin API. Confined to the control loop.
public final class AdminServer {
    let loop: EventLoop
    let table: AdminRouteTable
    private let tokens: AdminTokens
    private let desk: SessionDesk
    private let hosts: Set<String>
    private var listener: Listener?
    private var connections: [ObjectIdentifier: AdminConnection] = [:]
    private static let connectionsMax = 256
    private let control: ControlPlane
    /// A request's body at most, as the configuration in force says.
    var bodyBytesMax: Int { control.configuration.limits.adminBodyBytesMax }

    /// Why the admin port can't be served.
    public struct Problem: Error, Sendable, CustomStringConvertible {
        /// One sentence.
        public let description: String
    }

    /// Makes a server for a control plane. `hosts`: names besides loopback's under which a browser may reach it.
    public init(
        control: ControlPlane, adminToken: [UInt8], readToken: [UInt8]?, hosts: [String], version: (number: String, commit: String)
    ) throws(Problem) {
        guard let tokens = AdminTokens(admin: adminToken, read: readToken) else {
            throw Problem(description: "An admin token must have at least \(AdminTokens.tokenBytesMin) bytes.")
        }
        self.tokens = tokens
        self.control = control
        self.hosts = Set(hosts.map { $0.lowercased() })
        loop = control.loop
        desk = SessionDesk(tokens: tokens, isSecure: control.configuration.admin.isBehindTLSProxy)
        table = AdminRouteTable(
            routes: DashboardAsset.routes + desk.routes + AdminHandlers(control, version: version).routes)
    }

    /// Listens. The address is the configuration's; whether it may be other than loopback was decided there.
    public func listen(_ address: SocketAddress) throws(LoopError) -> SocketAddress {
        let listener = try loop.listen(address) { [unowned self] connection in self.accept(connection) }
        self.listener = listener
        return listener.boundAddress
    }

    private func accept(_ connection: Connection) {
        guard connections.count < Self.connectionsMax else { return connection.close() }
        let client = AdminConnection(server: self, connection: connection)
        connections[ObjectIdentifier(client)] = client
        connection.start(delegate: client)
    }

    func forget(_ client: AdminConnection) { connections[ObjectIdentifier(client)] = nil }

    /// Stops listening and closes every connection.
    public func close() {
        listener?.close()
        for client in connections.values { client.close() }
    }

    // MARK: Who asks

    /// The role of who asks: that of the bearer token, or without one that of the dashboard's session.
    func role(_ head: RequestHead) -> AdminRole {
        switch head.count(of: .authorization) {
        case 0: sessionRole(head)
        case 1: bearerRole(head)
        default: .anyone
        }
    }

    private func sessionRole(_ head: RequestHead) -> AdminRole {
        guard let secret = SessionCookie.secret(in: head), !SessionCookie.isFromElsewhere(head) else { return .anyone }
        return desk.role(of: secret)
    }

    private func bearerRole(_ head: RequestHead) -> AdminRole {
        guard let range = head.first(.authorization) else { return .anyone }
        let prefix = Array("bearer ".utf8)
        guard range.count > prefix.count else { return .anyone }
        for (index, expected) in prefix.enumerated() where head.bytes[range.lowerBound + index] | 0x20 != expected | 0x20 { return .anyone }
        return tokens.role(of: head.bytes.span.extracting((range.lowerBound + prefix.count)..<range.upperBound))
    }

    /// Refuses a request under a foreign name (DNS rebinding) or from a foreign page (CSRF).
    func checkOrigin(_ head: RequestHead) -> GatewayError? {
        guard let host = head.host.map(head.string), isOwn(host: host) else {
            return GatewayError(
                status: 403, code: "host_not_allowed", message: "The admin port does not answer under this Host. List it in admin.hosts.")
        }
        guard let origin = head.text(.origin), origin != "null" else { return head.text(.origin) == nil ? nil : Self.foreignOrigin }
        guard let separator = origin.range(of: "://"), origin[separator.upperBound...] == host[...] else { return Self.foreignOrigin }
        return nil
    }

    /// Refuses a change under a session that comes without the dashboard's own header: a foreign page can't add it without asking first (CSRF).
    func checkGuard(_ head: RequestHead) -> GatewayError? {
        guard head.method != .get, head.method != .head, head.count(of: .authorization) == 0, head.first(.cookie) != nil,
            SessionCookie.secret(in: head) != nil, !SessionCookie.isGuarded(head)
        else { return nil }
        return GatewayError(
            status: 403, code: "dashboard_header_required",
            message: "Under a session a change needs the header \(SessionCookie.guardHeader): 1; with a bearer token it does not.")
    }

    private static let foreignOrigin = GatewayError(
        status: 403, code: "origin_not_allowed", message: "The admin port does not answer pages of another origin.")

    private func isOwn(host: String) -> Bool {
        let name = AdminServer.name(ofHost: host)
        return ["localhost", "127.0.0.1", "[::1]"].contains(name) || hosts.contains(name) || hosts.contains(host.lowercased())
    }

    private static func name(ofHost host: String) -> String {
        let lower = host.lowercased()
        if lower.hasPrefix("["), let end = lower.firstIndex(of: "]") { return String(lower[...end]) }
        return lower.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? lower
    }
}

@available(*, unavailable)
extension AdminServer: Sendable {}

extension String {
    /// The first place of a text within this one.
    fileprivate func range(of text: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
