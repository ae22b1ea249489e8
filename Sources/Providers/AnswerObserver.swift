import GatewayModel

// Watches an answer while it flows to the client, without holding it up or back: usage, finish reasons, whether it ended as its dialect
// says it should. Memory stays constant but for one event that is cut between chunks.

/// Observes one answer. Value type, for one answer; feed it every byte of the (decoded) body in order, then `finish`.
public struct AnswerObserver: Sendable {
    private let operation: Operation
    private let form: AnswerForm
    private let requiresDoneMarker: Bool
    private var parser: ServerSentEventParser
    private var events = AnswerEvents()

    /// Makes an observer of one answer. `eventBytesMax` bounds one server-sent event, framing included; `requiresDoneMarker` is false for
    /// bases whose OpenAI-style streams end without `[DONE]` (`ProviderBase.sendsDoneMarker`).
    public init(operation: Operation, form: AnswerForm, eventBytesMax: Int = 1 << 20, requiresDoneMarker: Bool = true) {
        self.operation = operation
        self.form = form
        self.requiresDoneMarker = requiresDoneMarker
        self.parser = ServerSentEventParser(eventBytesMax: eventBytesMax)
    }

    /// Whether an event exceeded the limit: the stream must be cut now.
    public var isEventTooLarge: Bool { parser.isTooLarge }

    /// Whether an error has been seen in the body: nothing that follows makes it a success.
    public var hasError: Bool { events.fields.hasError }

    /// Code points of text seen so far.
    public var outputCharacters: Int { events.fields.characters }
    /// Whether a tool call has begun, whose name and arguments may be yet to come.
    public var hasToolCalls: Bool { events.fields.hasToolCalls }

    /// Whether a stream has said all that belongs to a whole answer: only the end of its transport is missing.
    public var hasReachedEnd: Bool { form == .serverSentEvents && hasCleanEnd && !events.fields.hasError }

    /// Takes the next bytes of the body.
    public mutating func receive(_ bytes: Span<UInt8>) {
        if form == .serverSentEvents {
            if parser.awaitsLineFeed, events.eventStart == parser.offset, bytes.count > 0, bytes[0] == 0x0A { events.extendLastEvent() }
            parser.receive(bytes, &events)
        } else {
            events.scanner.scan(bytes, &events.fields)
        }
    }

    /// Ends the observation. `transportEndedCleanly` is false when the connection broke or a `Content-Length` was not reached.
    public mutating func finish(transportEndedCleanly: Bool) -> AnswerSummary {
        if form == .serverSentEvents {
            parser.finish(&events)
        } else {
            events.isWhole = events.scanner.finish(&events.fields)
            events.isMalformed = events.scanner.status == .malformed
            events.fields.endEvent()
        }
        return summary(transportEndedCleanly)
    }

    private func summary(_ transportEndedCleanly: Bool) -> AnswerSummary {
        let fields = events.fields
        let outcome = outcome(transportEndedCleanly)
        let isGenerate = operation.kind == .generate
        var reasons = fields.finishReasons
        if operation == .responses, !fields.status.isEmpty { reasons.insert(String(decoding: fields.status, as: UTF8.self), at: 0) }
        let choices = operation == .messages || operation == .responses ? 1 : fields.seenChoices.nonzeroBitCount
        return AnswerSummary(
            outcome: outcome, usage: fields.counts.usage(isEmbedding: operation.kind == .embed), finishReasons: reasons,
            finishIsNatural: isGenerate ? hasNaturalFinish(reasons) : outcome == .complete, hasToolCalls: fields.hasToolCalls,
            choiceCount: isGenerate ? choices : 0,
            reportedModel: fields.model.isEmpty ? nil : String(decoding: fields.model, as: UTF8.self),
            outputCharacters: fields.characters, usageEventRange: events.usageEventRange, sawDone: events.sawDone)
    }

    private func outcome(_ transportEndedCleanly: Bool) -> AnswerSummary.Outcome {
        if parser.isTooLarge { return .eventTooLarge }
        if events.fields.hasError { return .errorInBody }
        if events.isMalformed { return .malformed }
        guard transportEndedCleanly, form == .serverSentEvents || events.isWhole else { return .truncated }
        return hasCleanEnd ? .complete : form == .json ? .malformed : .truncated
    }

    /// The dialect's own rule for a whole answer.
    private var hasCleanEnd: Bool {
        let fields = events.fields
        switch operation {
        case .chatCompletions, .completions:
            return allChoicesFinished && (form == .json || events.sawDone || !requiresDoneMarker)
        case .responses:
            return form == .json ? !fields.status.isEmpty : fields.hasEnded && fields.endKind != .messageStop
        case .messages:
            return !fields.finishReasons.isEmpty && (form == .json ? fields.isMessage : fields.hasEnded && fields.endKind == .messageStop)
        case .generateContent:
            return allChoicesFinished || (fields.isBlocked && fields.seenChoices == 0)
        case .embeddings, .embedContent, .batchEmbedContents:
            return fields.itemCount > 0
        case .moderations, .models, .countTokens, .geminiCountTokens, .other:
            return true
        }
    }

    private var allChoicesFinished: Bool {
        events.fields.seenChoices != 0 && events.fields.seenChoices == events.fields.finishedChoices && !events.fields.hasUncountableChoice
    }

    private func hasNaturalFinish(_ reasons: [String]) -> Bool {
        guard !reasons.isEmpty, !events.fields.hasUncountableChoice else { return false }
        return reasons.allSatisfy { reason in
            switch operation {
            case .chatCompletions, .completions: reason == "stop"
            case .responses: reason == "completed"
            case .messages: reason == "end_turn" || reason == "stop_sequence"
            case .generateContent: reason == "STOP"
            default: true
            }
        }
    }
}

/// The events of one answer, read field by field.
struct AnswerEvents: ServerSentEventHandler, Sendable {
    var scanner = JSONFieldScanner()
    var fields = AnswerFields()
    var sawDone = false
    var isMalformed = false
    /// Whether a body that is no event stream was one whole JSON value.
    var isWhole = false
    private(set) var usageEventRange: Range<Int>?
    /// Where the event that is being read began: the end of the one before it.
    private(set) var eventStart = 0

    mutating func receivedEvent(name: Span<UInt8>, data: Span<UInt8>, end: Int) {
        let range = eventStart..<end
        eventStart = end
        if data.count == 0 { return }
        if data.equals("[DONE]") {
            sawDone = true
            return
        }
        scanner.reset()
        fields.beginEvent()
        scanner.scan(data, &fields)
        if !scanner.finish(&fields) { isMalformed = true }
        if fields.eventIsUsageOnly { usageEventRange = range }
        fields.endEvent()
    }

    mutating func receivedEmptyBlock(end: Int) { eventStart = end }

    /// A LF came after the CR that had closed the last event.
    mutating func extendLastEvent() {
        if let range = usageEventRange, range.upperBound == eventStart { usageEventRange = range.lowerBound..<(range.upperBound + 1) }
        eventStart += 1
    }
}
