// Who is signed in to the dashboard. A browser should not hold the admin token, so it hands it over once and holds a random secret that lives
// half a day at most, in a cookie that no script can read. Sessions live in memory only: a restart, which is also how a token is
// changed, ends them all.

import GatewayModel
import Hashing

/// The open sessions of the admin port, known by their secrets' digests only. Pure: time and randomness are arguments.
struct SessionTable {
    /// One signed-in browser.
    struct Session: Equatable {
        /// What its token may do.
        let role: AdminRole
        /// When it ends however busy it is.
        let end: MonotonicTime
        /// The last request made with it.
        fileprivate(set) var lastUsed: MonotonicTime
    }

    /// How long a session lives at most: 12 hours.
    static let lifetimeMilliseconds: UInt64 = 12 * 3_600_000
    /// How long it lives without a request: an hour. An open page asks every few seconds, a hidden one does not.
    static let idleMilliseconds: UInt64 = 3_600_000
    /// Bytes of a secret, before it is written in hexadecimal.
    static let secretBytes = 32

    private let sessionsMax: Int
    private var sessions: [Digest256: Session] = [:]

    /// Sessions that are open, or that have ended unnoticed.
    var count: Int { sessions.count }

    /// A table for so many sessions; one more ends the one that was idle longest.
    init(sessionsMax: Int = 64) {
        precondition(sessionsMax > 0)
        self.sessionsMax = sessionsMax
    }

    /// Opens a session under a random secret.
    mutating func open(_ role: AdminRole, secret: Span<UInt8>, now: MonotonicTime) -> Session {
        sessions = sessions.filter { isAlive($0.value, now) }
        if sessions.count >= sessionsMax, let idlest = sessions.min(by: { $0.value.lastUsed < $1.value.lastUsed }) {
            sessions[idlest.key] = nil
        }
        let session = Session(role: role, end: now.adding(milliseconds: Self.lifetimeMilliseconds), lastUsed: now)
        sessions[SHA256.digest(of: secret)] = session
        return session
    }

    /// The session of a secret, if it is open; it counts as used then. The look-up is by digest, so its time tells nothing of a secret.
    mutating func use(_ secret: Span<UInt8>, now: MonotonicTime) -> Session? {
        let digest = SHA256.digest(of: secret)
        guard var session = sessions[digest] else { return nil }
        guard isAlive(session, now) else {
            sessions[digest] = nil
            return nil
        }
        session.lastUsed = now
        sessions[digest] = session
        return session
    }

    /// Ends the session of a secret, if there is one.
    mutating func close(_ secret: Span<UInt8>) { sessions[SHA256.digest(of: secret)] = nil }

    private func isAlive(_ session: Session, _ now: MonotonicTime) -> Bool {
        now < session.end && now < session.lastUsed.adding(milliseconds: Self.idleMilliseconds)
    }
}
