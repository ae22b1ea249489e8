// `POST /weir/feedback/{log-id}`: what a tenant says about an answer of its own. The row belongs to the event log's writer, so the request waits for
// it as a follower waits for another's answer: the client may leave, and it is told so where it takes too long.

import EventLog
import EventLoop
import GatewayModel
import JSON

extension Exchange {
    /// How long the writer may take, in milliseconds.
    private static let feedbackMilliseconds: UInt64 = 5000

    /// Reads the remark and hands it to the log.
    func beginFeedback(on text: Span<UInt8>) throws(GatewayError) {
        guard let tenant, let id = RequestID(text: text) else { throw Self.noRow }
        let change = try LogRemarks.change(of: try feedbackFields())
        machine.follows()
        followsUntil = worker.loop.now.adding(milliseconds: Self.feedbackMilliseconds)
        let number = self.number
        let bound = LoopBound(self, loop: worker.loop)
        let mailbox = worker.loop.mailbox
        let semantic = snapshot.semantic
        worker.shared.events.remark(on: id, of: tenant.tenant.id, change) { result in
            let answer = result.map { row in [UInt8](feedback: row.patch) }
            if case .success(let row) = result, let word = row.patch?.feedback { semantic?.feedback(on: id, isRight: word > 0) }
            _ = mailbox.post {
                let exchange = bound.value
                if exchange.number == number, exchange.machine.state == .following { exchange.endFeedback(answer) }
            }
        }
    }

    private func feedbackFields() throws(GatewayError) -> JSONObject {
        let body = self.body
        guard let json = try? JSONValue(parsing: body.span), let fields = json.objectValue else {
            throw GatewayError(
                status: 400, code: "invalid_json", message: "Send a JSON object: {\"feedback\": 1}, or -1; score and metadata are allowed.")
        }
        return fields
    }

    private func endFeedback(_ result: Result<[UInt8], LogChangeError>) {
        switch result {
        case .success(let body): answer(json: body)
        case .failure(.notFound): refuse(Self.noRow)
        case .failure(.invalid(let problem)):
            refuse(GatewayError(status: 400, code: "invalid_field", message: "\(problem.field) \(problem.reason).", param: problem.field))
        case .failure(.full), .failure(.unavailable):
            refuse(
                GatewayError(
                    status: 503, code: "log_unavailable", message: "The event log can't take remarks now.", retryAfterSeconds: 5,
                    source: .store))
        }
    }

    private static let noRow = GatewayError(
        status: 404, code: "log_not_found", message: "There is no log row of that id, or not yet: rows are written within a second.")
}

extension [UInt8] {
    /// What is now said of the row.
    fileprivate init(feedback patch: LogPatch?) {
        var object = JSONObject()
        object["object"] = "feedback"
        object["feedback"] = patch?.feedback.map { .number($0) } ?? .null
        object["score"] = patch?.score.map { .number(String($0)) } ?? .null
        var bytes: [UInt8] = []
        JSONValue.object(object).write(to: &bytes)
        self = bytes + [0x0A]
    }
}

extension RequestID {
    /// Reads the usual text form; `nil` where it is none.
    init?(text: Span<UInt8>) {
        guard text.count == 36 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for index in 0..<36 where text[index] != 0x2D {
            guard let digit = hexValue(of: text[index]) else { return nil }
            words = (words.0 << 4 | words.1 >> 60, words.1 << 4 | UInt64(digit))
        }
        self.init(at: WallTime(milliseconds: 0), random: (0, 0))
        (high, low) = words
    }
}
