// One connection on the admin port. Low rates, whole requests, answers whole or streamed; the same strict codec as the data port.
//
// Against a page in the operator's browser: the Host must be one of ours (DNS rebinding), a foreign Origin is refused (CSRF), nothing can be
// framed and nothing is served to another origin.

import EventLoop
import GatewayModel
import HTTP1
import Logging

/// See the file's header. Confined to the admin loop.
final class AdminConnection: ConnectionDelegate {
    private unowned let server: AdminServer
    let connection: Connection
    private var parser = RequestParser(limits: HTTP1Limits())
    private var body: [UInt8] = []
    private var unread: [UInt8] = []
    private var isBusy = false
    private var isClosing = false
    private var timer: LoopTimer?
    private var generation = 0
    /// The body being streamed, while one is.
    private var streamed: StreamedBody?

    private var bodyBytesMax: Int { server.bodyBytesMax }
    private static let headMilliseconds: UInt64 = 10_000
    private static let idleMilliseconds: UInt64 = 75_000

    init(server: AdminServer, connection: Connection) {
        self.server = server
        self.connection = connection
        timer = try? server.loop.makeTimer { [unowned self] in self.timePassed() }
        timer?.start(afterMilliseconds: Self.headMilliseconds)
    }

    func connection(_ connection: Connection, received bytes: Span<UInt8>) {
        guard !isClosing else { return }
        unread.append(span: bytes)
        parse()
    }

    private func parse() {
        while !isBusy, !isClosing, !unread.isEmpty {
            let input = unread
            unread = []
            var offset = 0
            loop: while !isBusy, !isClosing {
                switch parser.next(input.span, from: &offset) {
                case .needMore: break loop
                case .head: receivedHead()
                case .body(let range):
                    guard body.count + range.count <= bodyBytesMax else { return refuse(bodyTooLarge) }
                    body.append(contentsOf: input[range])
                case .end: receivedRequest()
                case .refused(let refusal): return refuse(refusal.asGatewayError)
                }
            }
            if offset < input.count { unread = Array(input[offset...]) + unread }
            if offset == 0 { break }
        }
        if unread.count > bodyBytesMax { close() }
    }

    private var bodyTooLarge: GatewayError {
        GatewayError(
            status: 413, code: "body_too_large", message: "The body is larger than \(bodyBytesMax) bytes.", closesConnection: true)
    }

    private func receivedHead() {
        body = []
        if parser.head.expectsContinue { connection.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8).span) }
    }

    private func receivedRequest() {
        isBusy = true
        timer?.start(afterMilliseconds: Self.idleMilliseconds)
        generation += 1
        let expected = generation
        let head = parser.head
        let keepsAlive = head.keepsAlive
        answer(head) { [weak self] response in
            guard let self, self.generation == expected, !self.isClosing else { return response.stream?.closed() ?? () }
            self.send(response, keepsAlive: keepsAlive && !(response.stream != nil && head.isHTTP10), head: head)
        }
    }

    private func answer(_ head: RequestHead, _ done: @escaping (AdminResponse) -> Void) {
        let query = head.query ?? 0..<0
        guard
            let (segments, fields) = AdminRouteTable.parse(
                path: head.bytes.span.extracting(head.path), query: head.bytes.span.extracting(query))
        else {
            return done(.error(Self.unknown))
        }
        if let refusal = server.checkOrigin(head) ?? server.checkGuard(head) { return done(.error(refusal)) }
        let method = head.method == .head ? "GET" : head.method.name.description
        switch server.table.match(method: method, segments: segments) {
        case .unknown: return done(.error(server.role(head) == .anyone ? Self.unauthorized : Self.unknown))
        case .wrongMethod(let allowed):
            guard server.role(head) != .anyone else { return done(.error(Self.unauthorized)) }
            done(Self.wrongMethod(allowed))
        case .route(let route, let parameters):
            let role = server.role(head)
            guard role >= route.role else {
                return done(.error(role == .anyone ? Self.unauthorized : AdminRole.required))
            }
            let request = AdminRequest(
                method: method, segments: segments, fields: fields, body: body, parameters: parameters, role: role,
                session: SessionCookie.secret(in: head), peer: connection.peer.ip, accept: head.text(.accept),
                ifNoneMatch: head.text(.ifNoneMatch))
            route.handler(request, done)
        }
    }

    /// For the page and for everything else alike: data that a browser is led to open as a page may do nothing either.
    private static let contentSecurityPolicy: StaticString = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
        form-action 'none'; frame-ancestors 'none'
        """
    private static let unknown = GatewayError(
        status: 404, code: "unknown_path", message: "Nothing is served at this path of the admin port.")
    private static let unauthorized = GatewayError(
        status: 401, code: "admin_token_required", message: "Send the admin token: Authorization: Bearer $(cat .weir/admin.token).")

    private func send(_ response: AdminResponse, keepsAlive: Bool, head: RequestHead?) {
        var bytes: [UInt8] = []
        let isHead = head?.method == .head
        let isChunked = head?.isHTTP10 == false
        appendFields(of: response, to: &bytes)
        if !keepsAlive { ResponseWriter.appendConnectionClose(to: &bytes) }
        // Neither 204 nor 304 has a body, and 204 must not tell a length (RFC 9110 section 8.6).
        let hasBody = response.status != 204 && response.status != 304
        if response.stream != nil {
            if isChunked { ResponseWriter.appendChunkedEncoding(to: &bytes) }
        } else if hasBody {
            ResponseWriter.appendContentLength(UInt64(response.body.count), to: &bytes)
        }
        ResponseWriter.appendHeadEnd(to: &bytes)
        if let stream = response.stream, !isHead {
            connection.write(bytes.span)
            return begin(stream, isChunked: isChunked, keepsAlive: keepsAlive)
        }
        response.stream?.closed()
        if !isHead, hasBody { bytes.append(contentsOf: response.body) }
        connection.write(bytes.span)
        finish(keepsAlive: keepsAlive)
    }

    private func appendFields(of response: AdminResponse, to bytes: inout [UInt8]) {
        ResponseWriter.appendStatusLine(response.status, to: &bytes)
        ResponseWriter.appendField("content-type", response.contentType, to: &bytes)
        if !response.fields.contains(where: { $0.name.description == "cache-control" }) {
            ResponseWriter.appendField("cache-control", "no-store", to: &bytes)
        }
        for field in response.fields { _ = ResponseWriter.appendField(field.name, checked: field.value, to: &bytes) }
        ResponseWriter.appendField("x-content-type-options", "nosniff", to: &bytes)
        ResponseWriter.appendField("referrer-policy", "no-referrer", to: &bytes)
        ResponseWriter.appendField("cross-origin-resource-policy", "same-origin", to: &bytes)
        ResponseWriter.appendField("cross-origin-opener-policy", "same-origin", to: &bytes)
        ResponseWriter.appendField("content-security-policy", Self.contentSecurityPolicy, to: &bytes)
        if response.status == 401 { ResponseWriter.appendField("www-authenticate", "Bearer", to: &bytes) }
    }

    private func begin(_ stream: any AdminStream, isChunked: Bool, keepsAlive: Bool) {
        let body = StreamedBody(stream, over: connection, loop: server.loop, isChunked: isChunked) { [weak self] isWhole in
            guard let self else { return }
            self.streamed = nil
            self.finish(keepsAlive: keepsAlive && isWhole)
        }
        streamed = body
        body.pump()
    }

    private func finish(keepsAlive: Bool) {
        isBusy = false
        guard keepsAlive else { return close() }
        timer?.start(afterMilliseconds: Self.idleMilliseconds)
        parse()
    }

    private func refuse(_ error: GatewayError) {
        var response = AdminResponse.error(error)
        // What no path of ours takes.
        if error.status == 405 { response.fields.append(("allow", "GET, HEAD, POST, PATCH, DELETE")) }
        send(response, keepsAlive: false, head: nil)
    }

    /// 405 with the field that RFC 9110 section 15.5.6 wants.
    private static func wrongMethod(_ allowed: [String]) -> AdminResponse {
        let names = allowed.flatMap { $0 == "GET" ? ["GET", "HEAD"] : [$0] }.joined(separator: ", ")
        var response = AdminResponse.error(GatewayError(status: 405, code: "method_not_allowed", message: "Allowed here: \(names)."))
        response.fields.append(("allow", names))
        return response
    }

    /// Nothing came for long, or a peer does not take what is streamed to it.
    private func timePassed() {
        guard let streamed else { return close() }
        guard streamed.isMoving else { return connection.reset() }
        timer?.start(afterMilliseconds: Self.idleMilliseconds)
    }

    func connectionReceivedEnd(_ connection: Connection) {
        if !isBusy || streamed?.isEndless == true { close() }
    }

    func connectionDrained(_ connection: Connection) { streamed?.pump() }

    func connectionClosed(_ connection: Connection, error: LoopError?) {
        isClosing = true
        timer?.close()
        timer = nil
        streamed?.cancel()
        streamed = nil
        server.forget(self)
    }

    func close() {
        isClosing = true
        streamed?.cancel()
        streamed = nil
        connection.close()
    }
}

@available(*, unavailable)
extension AdminConnection: Sendable {}
