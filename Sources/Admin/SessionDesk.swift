// Signing in and out of the dashboard: `POST`, `GET` and `DELETE /session`.

import GatewayModel
import Hashing
import JSON
import Tenants

/// Opens and ends sessions. Confined to the admin loop.
final class SessionDesk {
    private let tokens: AdminTokens
    private let isSecure: Bool
    private let clock: () -> MonotonicTime
    private var table: SessionTable
    private var throttle: AuthenticationThrottle

    /// How often an address may fail a minute before it is told 429. As on the data port a good token is not slowed.
    static let failuresPerMinuteMax = 10

    /// - Parameters:
    ///   - isSecure: whether browsers reach the port by TLS, so that the cookie must not travel without.
    ///   - clock: tells the time.
    init(tokens: AdminTokens, isSecure: Bool, sessionsMax: Int = 64, clock: @escaping () -> MonotonicTime = MonotonicTime.now) {
        self.tokens = tokens
        self.isSecure = isSecure
        self.clock = clock
        table = SessionTable(sessionsMax: sessionsMax)
        throttle = AuthenticationThrottle(failuresPerMinuteMax: Self.failuresPerMinuteMax, addressesMax: 256)
    }

    /// The routes of a session. The role that `POST` needs is in its body.
    var routes: [AdminRoute] {
        [
            AdminRoute("POST", "/session", .anyone, "Signs in to the dashboard with a token: {\"token\": …}.") {
                [unowned self] request, done in
                done(self.open(request))
            },
            AdminRoute("GET", "/session", .read, "The role of who asks, and when the session ends.") { [unowned self] request, done in
                done(self.describe(request))
            },
            AdminRoute("DELETE", "/session", .anyone, "Signs out.") { [unowned self] request, done in done(self.close(request)) },
        ]
    }

    /// The role of a session's secret.
    func role(of secret: [UInt8]) -> AdminRole { table.use(secret.span, now: clock())?.role ?? .anyone }

    /// Opens a session for the token in the body.
    func open(_ request: AdminRequest) -> AdminResponse {
        do throws(GatewayError) {
            let role = try role(in: request)
            let secret = try makeSecret()
            _ = table.open(role, secret: Array(secret.utf8).span, now: clock())
            if let former = request.session { table.close(former.span) }
            return AdminResponse(status: 204, fields: [("set-cookie", SessionCookie.opening(secret, isSecure: isSecure))])
        } catch {
            return .error(error)
        }
    }

    private func role(in request: AdminRequest) throws(GatewayError) -> AdminRole {
        let fields = try request.object()
        guard let token = fields["token"]?.stringValue, fields.members.count == 1 else {
            throw GatewayError(status: 400, code: "invalid_field", message: "The body must be {\"token\": \"…\"}.", param: "token")
        }
        let role = tokens.role(of: Array(token.utf8).span)
        guard role == .anyone else { return role }
        guard throttle.recordFailure(from: request.peer, now: clock()) else {
            throw GatewayError(status: 401, code: "invalid_token", message: "This is not a token of this gateway.")
        }
        throw GatewayError(
            status: 429, code: "too_many_failed_tokens", message: "Too many wrong tokens came from this address. Wait a minute.",
            retryAfterSeconds: 60)
    }

    private func makeSecret() throws(GatewayError) -> String {
        do throws(SecureRandomError) {
            let bytes = try SecureRandom.bytes(SessionTable.secretBytes)
            guard let digest = Digest256(bytes: bytes.span) else { throw SecureRandomError() }
            return digest.hex
        } catch {
            throw GatewayError(
                status: 503, code: "randomness_unavailable", message: "The system gives no random bytes now, so no session can be opened.",
                source: .gateway)
        }
    }

    /// Who asks, by cookie or by token; a token has no end.
    func describe(_ request: AdminRequest) -> AdminResponse {
        var end = JSONValue.null
        let now = clock()
        if let secret = request.session, let session = table.use(secret.span, now: now) {
            let seconds = Int64(clamping: session.end.nanoseconds(since: now) / 1_000_000_000)
            end = .string(Expiry.text(of: WallTime.now().adding(seconds: seconds)))
        }
        return .json(["role": .string(request.role.rawValue), "expires_at": end])
    }

    /// Ends the session that asks. Without one the cookie is removed all the same.
    func close(_ request: AdminRequest) -> AdminResponse {
        if let secret = request.session { table.close(secret.span) }
        return AdminResponse(status: 204, fields: [("set-cookie", SessionCookie.closing(isSecure: isSecure))])
    }
}

@available(*, unavailable)
extension SessionDesk: Sendable {}
