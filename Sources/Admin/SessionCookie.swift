import GatewayModel
import HTTP1

/// The dashboard's cookie, read from a request and written into an answer. The syntax is that of RFC 6265bis.
///
/// `HttpOnly`: no script reads it. `SameSite=Strict`: no other site's page makes a browser send it. Other ports of the same host are the same
/// site, though, which is why `isFromElsewhere` looks at what the browser says of the page that asks, and why unsafe methods
/// need a header that a foreign page can't add.
enum SessionCookie {
    static let name = "weir_session"
    /// The header that every unsafe method under a cookie must carry, with the value `1`.
    static let guardHeader = "weir-dashboard"

    /// The secret in a request's cookie, as its bytes; `nil` for none, for one that can't be ours, and for two: of two one was planted.
    static func secret(in head: RequestHead) -> [UInt8]? {
        var found: [UInt8]?
        for range in head.all(.cookie) {
            for pair in head.bytes[range].split(separator: 0x3B) {
                let trimmed = pair.drop { $0 == 0x20 || $0 == 0x09 }
                guard trimmed.starts(with: name.utf8), trimmed.dropFirst(name.utf8.count).first == 0x3D else { continue }
                guard found == nil else { return nil }
                found = Array(trimmed.dropFirst(name.utf8.count + 1))
            }
        }
        guard let secret = found, secret.count == SessionTable.secretBytes * 2 else { return nil }
        return secret
    }

    /// The value of `Set-Cookie` that opens a session. `isSecure` where browsers reach the port by TLS.
    static func opening(_ secret: String, isSecure: Bool) -> String {
        "\(name)=\(secret); Max-Age=\(SessionTable.lifetimeMilliseconds / 1000)" + attributes(isSecure: isSecure)
    }

    /// The value of `Set-Cookie` that removes it.
    static func closing(isSecure: Bool) -> String { "\(name)=; Max-Age=0" + attributes(isSecure: isSecure) }

    private static func attributes(isSecure: Bool) -> String { "; Path=/; HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "") }

    /// Whether a browser says that a page other than ours asks (Fetch Metadata): another port of this host, say.
    static func isFromElsewhere(_ head: RequestHead) -> Bool {
        guard let site = value(of: "sec-fetch-site", in: head) else { return false }
        return site != "same-origin" && site != "none"
    }

    /// Whether the guard header is there.
    static func isGuarded(_ head: RequestHead) -> Bool { value(of: guardHeader, in: head) == "1" }

    private static func value(of name: String, in head: RequestHead) -> String? {
        head.fields.first { head.string($0.name).lowercased() == name }.map { head.string($0.value) }
    }
}
