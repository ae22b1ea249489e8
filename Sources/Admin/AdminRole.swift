// Who may do what on the admin port. Two tokens, two roles; there is no default token anywhere: both are made at random on first start.

import GatewayModel
import Hashing

/// What a route asks of its caller.
enum AdminRole: String, Sendable, Comparable {
    /// No token: health checks only.
    case anyone
    /// Stats, metrics, lists without secrets: what a dashboard holds.
    case read
    /// Everything.
    case admin

    private var rank: Int {
        switch self {
        case .anyone: 0
        case .read: 1
        case .admin: 2
        }
    }

    /// The refusal of a call that needs the admin's role.
    static let required = GatewayError(
        status: 403, code: "admin_role_required", message: "This token may read; the call needs the admin token.")

    static func < (left: AdminRole, right: AdminRole) -> Bool { left.rank < right.rank }
}

/// The tokens of the admin port, known by their digests only.
struct AdminTokens: Sendable {
    private let admin: Digest256
    private let read: Digest256?

    /// A token must be at least 32 bytes: shorter ones are refused.
    static let tokenBytesMin = 32

    init?(admin: [UInt8], read: [UInt8]?) {
        guard admin.count >= Self.tokenBytesMin, (read?.count ?? Self.tokenBytesMin) >= Self.tokenBytesMin else { return nil }
        self.admin = SHA256.digest(of: admin.span)
        self.read = read.map { SHA256.digest(of: $0.span) }
    }

    /// The role of a presented token; the same time whatever was presented.
    func role(of token: Span<UInt8>) -> AdminRole {
        let digest = SHA256.digest(of: token)
        let isAdmin = constantTimeEqual(digest, admin)
        let isRead = read.map { constantTimeEqual(digest, $0) } ?? false
        return isAdmin ? .admin : isRead ? .read : .anyone
    }
}
