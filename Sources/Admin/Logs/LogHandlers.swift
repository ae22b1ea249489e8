import EventLog
import EventLoop
import GatewayModel
import GatewayServer
import JSON

/// What the admin port does with the event log. Confined to the control loop.
struct LogHandlers {
    private let control: ControlPlane

    init(_ control: ControlPlane) { self.control = control }

    /// The log's part of the table. What has a fixed name stands before what has an id in its place.
    var routes: [AdminRoute] {
        [
            route("GET", "/logs", .read, "Rows of the event log, newest first, a page at a time.", list),
            route("DELETE", "/logs", .admin, "Deletes the rows that the filters select; all of them only with all=true.", delete),
            route("GET", "/logs/export", .read, "All rows that the filters select, as lines of JSON or CSV.", export),
            route("GET", "/logs/tail", .read, "New rows as they come, as server-sent events.", tail),
            route("GET", "/logs/{id}", .read, "One row, with its attempts.", show),
            route("PATCH", "/logs/{id}", .admin, "Sets feedback, score or metadata of a row.", change),
            route("GET", "/logs/{id}/request", .admin, "The request's body, where it is collected.") {
                log, request, done throws(GatewayError) in
                done(try payload(of: request, in: log, isResponse: false))
            },
            route("GET", "/logs/{id}/response", .admin, "The answer's body, where it is collected.") {
                log, request, done throws(GatewayError) in
                done(try payload(of: request, in: log, isResponse: true))
            },
        ]
    }

    private typealias Body = (EventLog, AdminRequest, @escaping (AdminResponse) -> Void) throws(GatewayError) -> Void

    private func route(_ method: String, _ path: String, _ role: AdminRole, _ summary: String, _ body: @escaping Body) -> AdminRoute {
        let control = self.control
        return AdminRoute(method, path, role, summary) { request, done in
            do throws(GatewayError) {
                let log = control.eventLog
                if let problem = control.eventLogProblem { throw LogHandlers.unavailable(problem) }
                try body(log, request, done)
            } catch {
                done(.error(error))
            }
        }
    }

    private static func unavailable(_ why: String) -> GatewayError {
        GatewayError(status: 503, code: "log_unavailable", message: "The event log can't be used now: \(why).", source: .store)
    }

    // MARK: Reading

    private func list(_ log: EventLog, _ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) throws(GatewayError) {
        let fields = try LogFields(request.fields, [.page, .order], now: .now())
        let work = LogPageWork(log, fields.query)
        SlicedWork.run(on: control.loop) {
            if work.slice() { return true }
            done(AdminResponse(body: work.body()))
            return false
        }
    }

    private func show(_ log: EventLog, _ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) throws(GatewayError) {
        try LogHandlers.refuseFields(of: request)
        done(LogHandlers.response(try row(request.parameters[0], in: log)))
    }

    private func row(_ id: String, in log: EventLog) throws(GatewayError) -> LogRow {
        switch log.row(id: id) {
        case .row(let row): return row
        case .dropped:
            throw GatewayError(
                status: 404, code: "log_dropped",
                message: "The log has no row of that id any more: overwritten, deleted, dropped, or never collected.")
        case .notFound: throw GatewayError(status: 404, code: "log_not_found", message: "The log knows no row of that id.")
        }
    }

    private static func response(_ row: LogRow) -> AdminResponse {
        var writer = JSONWriter()
        LogRowText.append(row, hasDetails: true, to: &writer)
        return AdminResponse(body: writer.bytes + [0x0A])
    }

    private static func refuseFields(of request: AdminRequest) throws(GatewayError) {
        guard let field = request.fields.first else { return }
        let shown = String(field.name.prefix(64))
        throw LogFields.invalid(shown, "there is no field \"\(shown)\" here")
    }

    private func payload(of request: AdminRequest, in log: EventLog, isResponse: Bool) throws(GatewayError) -> AdminResponse {
        try LogHandlers.refuseFields(of: request)
        let row = try row(request.parameters[0], in: log)
        guard let id = row.event?.id, let payload = log.payload(id: id, isResponse: isResponse) else {
            throw GatewayError(
                status: 404, code: "payload_not_found", message: "This body was not collected, or is not kept any more.")
        }
        let isJSON = !payload.isTruncated && (try? JSONValue(parsing: payload.bytes.span)) != nil
        return AdminResponse(
            contentType: isJSON ? "application/json" : "text/plain; charset=utf-8", body: payload.bytes,
            fields: [("weir-truncated", payload.isTruncated ? "true" : "false")])
    }

    private func export(_ log: EventLog, _ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) throws(GatewayError) {
        let fields = try LogFields(request.fields, [.order, .format, .payloads], now: .now())
        // A row is for readers, what was said in it is not.
        guard !fields.hasPayloads || request.role >= .admin else { throw AdminRole.required }
        var response = AdminResponse(contentType: fields.isCSV ? "text/csv; charset=utf-8" : "application/jsonl")
        response.fields = [("content-disposition", "attachment; filename=\"weir-logs.\(fields.isCSV ? "csv" : "jsonl")\"")]
        response.stream = LogExportStream(
            log.scan(fields.query), isCSV: fields.isCSV, payloads: fields.hasPayloads ? log : nil)
        done(response)
    }

    private func tail(_ log: EventLog, _ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) throws(GatewayError) {
        let fields = try LogFields(request.fields, [], now: .now())
        guard let stream = LogTailStream(log, fields.query.filter, loop: control.loop) else {
            throw GatewayError(
                status: 503, code: "too_many_tails", message: "As many listen to the log already as may; end one.", retryAfterSeconds: 5)
        }
        var response = AdminResponse(contentType: "text/event-stream")
        response.stream = stream
        done(response)
    }

    // MARK: Changing

    private func change(_ log: EventLog, _ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) throws(GatewayError) {
        try LogHandlers.refuseFields(of: request)
        let change = try LogRemarks.change(of: try request.object())
        guard let id = try row(request.parameters[0], in: log).event?.id else {
            throw GatewayError(status: 404, code: "log_not_found", message: "The log knows no row of that id.")
        }
        let back = callback(done)
        let noteFeedback = control.feedbackNote
        log.patch(id: id, change) { result in
            switch result {
            case .success(let row):
                if let word = row.patch?.feedback { noteFeedback(id, word > 0) }
                back { LogHandlers.response(row) }
            case .failure(let error): back { .error(LogHandlers.error(error)) }
            }
        }
    }

    private func delete(_ log: EventLog, _ request: AdminRequest, _ done: @escaping (AdminResponse) -> Void) throws(GatewayError) {
        let fields = try LogFields(request.fields, .all, now: .now())
        guard fields.isAll != !fields.query.filter.isEmpty else {
            throw LogFields.invalid("all", "say which rows with filters, or all=true for all of them, and not both")
        }
        let back = callback(done)
        log.delete(fields.query.filter) { result in
            switch result {
            case .success(let count): back { .json(["deleted": .number(count)]) }
            case .failure(let error): back { .error(LogHandlers.error(error)) }
            }
        }
    }

    /// Brings an answer from the log's thread to the loop's.
    private func callback(_ done: @escaping (AdminResponse) -> Void) -> @Sendable (@escaping @Sendable () -> AdminResponse) -> Void {
        let bound = LoopBound(done, loop: control.loop)
        let mailbox = control.loop.mailbox
        return { response in _ = mailbox.post { bound.value(response()) } }
    }

    private static func error(_ error: LogChangeError) -> GatewayError {
        switch error {
        case .notFound: GatewayError(status: 404, code: "log_not_found", message: "The log knows no row of that id.")
        case .invalid(let problem):
            GatewayError(status: 400, code: "invalid_field", message: "\(problem.description).", param: problem.field)
        case .full:
            GatewayError(
                status: 507, code: "log_remarks_full", message: "There is no more room for remarks on rows; delete old rows.",
                source: .store)
        case .unavailable(let why): unavailable(why)
        }
    }
}
