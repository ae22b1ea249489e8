import GatewayModel

// What the observer remembers of an answer: filled in by the field scanner, of whichever dialect it is. Paths tell the dialects apart.

/// The type of a typed event (Responses and Anthropic), as far as it matters.
enum AnswerEventKind: UInt8, Sendable { case other, messageStop, responseCompleted, responseIncomplete, responseFailed, error, message }

struct AnswerFields: JSONFieldHandler, Sendable {
    // Of the answer so far.
    var counts = TokenCounts()
    var finishReasons: [String] = []
    var model: [UInt8] = []
    var status: [UInt8] = []
    var characters = 0
    var hasToolCalls = false
    var hasError = false
    var hasEnded = false
    var endKind = AnswerEventKind.other
    var isMessage = false
    var itemCount = 0
    /// One bit per choice (or candidate) seen, and per choice that has its finish reason.
    var seenChoices: UInt128 = 0
    var finishedChoices: UInt128 = 0
    var hasUncountableChoice = false
    var isBlocked = false

    // Of the present event.
    private var kind = AnswerEventKind.other
    private(set) var eventHasUsage = false
    private(set) var eventHasChoices = false
    private(set) var eventHasChoiceList = false

    // Of the present choice.
    private var choiceOrdinal = 0
    private var choiceIndex: Int?
    private var choiceIsFinished = false

    /// Whether the present event is OpenAI's usage-only chunk: an empty list of choices and a usage object.
    var eventIsUsageOnly: Bool { eventHasUsage && eventHasChoiceList && !eventHasChoices }

    mutating func beginEvent() {
        kind = .other
        eventHasUsage = false
        eventHasChoices = false
        eventHasChoiceList = false
    }

    mutating func endEvent() {
        switch kind {
        case .messageStop, .responseCompleted, .responseIncomplete:
            hasEnded = true
            endKind = kind
        case .responseFailed, .error: hasError = true
        case .message: isMessage = true
        case .other: break
        }
    }

    mutating func began(_ path: FieldPath, isObject: Bool) {
        let parent = path >> 8
        switch AnswerField.leaf(of: path) {
        case .choices, .candidates:
            guard parent == 0 else { return }
            if isObject { beginChoice() } else { beginChoiceList() }
        case .usage, .usageMetadata:
            guard isObject, parent == 0 || AnswerFields.isWrapper(parent) else { return }
            counts.isReported = true
            eventHasUsage = true
        case .error:
            if parent == 0 || parent == AnswerField.path(.response) { hasError = true }
        case .toolCalls:
            if isObject, AnswerFields.isMessage(parent) { hasToolCalls = true }
        case .functionCall:
            guard isObject else { return }
            if AnswerFields.isMessage(parent) || parent == AnswerField.path(.candidates, .content, .parts) { hasToolCalls = true }
        case .data, .embedding:
            if isObject, parent == 0 { itemCount += 1 }
        default: break
        }
    }

    mutating func ended(_ path: FieldPath, isObject: Bool) {
        guard isObject, path == AnswerField.path(.choices) || path == AnswerField.path(.candidates) else { return }
        let index = choiceIndex ?? choiceOrdinal
        choiceOrdinal += 1
        guard index < UInt128.bitWidth, index >= 0 else {
            hasUncountableChoice = true
            return
        }
        seenChoices |= 1 << UInt128(index)
        if choiceIsFinished { finishedChoices |= 1 << UInt128(index) }
    }

    mutating func string(_ path: FieldPath, _ text: Span<UInt8>, characters count: Int) {
        let parent = path >> 8
        switch AnswerField.leaf(of: path) {
        case .type: noteType(parent, text)
        case .model:
            if model.isEmpty, parent == 0 || parent == AnswerField.path(.message) || parent == AnswerField.path(.response) {
                model.append(span: text)
            }
        case .modelVersion:
            if model.isEmpty, parent == 0 { model.append(span: text) }
        case .object:
            if parent == 0, text.equals("error") { hasError = true }
        case .status:
            guard parent == 0 || parent == AnswerField.path(.response) else { return }
            status.removeAll(keepingCapacity: true)
            status.append(span: text)
        case .finishReason:
            guard parent == AnswerField.path(.choices) || parent == AnswerField.path(.candidates) else { return }
            choiceIsFinished = true
            noteFinish(text)
        case .stopReason:
            if parent == 0 || parent == AnswerField.path(.delta) { noteFinish(text) }
        case .reason:
            if AnswerField.leaf(of: parent) == .incompleteDetails { noteFinish(text) }
        case .blockReason:
            if parent == AnswerField.path(.promptFeedback) {
                isBlocked = true
                noteFinish(text)
            }
        case .error:
            if parent == 0, text.count > 0 { hasError = true }
        case let field where field.isCount:
            if AnswerFields.isUsage(parent) { counts.set(field, textual: text) }
        default:
            characters &+= count
        }
    }

    mutating func number(_ path: FieldPath, _ text: Span<UInt8>) {
        let parent = path >> 8
        let field = AnswerField.leaf(of: path)
        switch field {
        case .index:
            guard parent == AnswerField.path(.choices) || parent == AnswerField.path(.candidates) else { return }
            var ignored = false
            choiceIndex = text.count > 0 && text[0] == 0x2D ? Int.max : Int(clamping: TokenCounts.count(text, &ignored))
        case .error, .type, .model, .object, .status, .stopReason, .finishReason, .blockReason, .reason, .modelVersion: break
        default:
            if AnswerFields.isUsage(parent) { counts.set(field, number: text) }
        }
    }

    mutating func literal(_ path: FieldPath, isNull: Bool) {
        if !isNull, AnswerField.leaf(of: path).isCount, AnswerFields.isUsage(path >> 8) { counts.isSuspect = true }
    }

    private mutating func beginChoiceList() {
        eventHasChoiceList = true
        choiceOrdinal = 0
    }

    private mutating func beginChoice() {
        eventHasChoices = true
        choiceIndex = nil
        choiceIsFinished = false
    }

    private mutating func noteType(_ parent: FieldPath, _ text: Span<UInt8>) {
        if parent == 0 { return noteKind(text) }
        switch parent {
        case AnswerField.path(.contentBlock), AnswerField.path(.content), AnswerField.path(.item), AnswerField.path(.output),
            AnswerField.path(.response, .output):
            // tool_use, server_tool_use, mcp_tool_use and their results; function_call, web_search_call and the like; mcp_*.
            if text.ends(with: "tool_use") || text.ends(with: "_tool_result") || text.ends(with: "_call") || text.starts(with: "mcp_") {
                hasToolCalls = true
            }
        default: break
        }
    }

    private mutating func noteKind(_ text: Span<UInt8>) {
        switch text.count {
        case 5: kind = text.equals("error") ? .error : .other
        case 7: kind = text.equals("message") ? .message : .other
        case 12: kind = text.equals("message_stop") ? .messageStop : .other
        case 15: kind = text.equals("response.failed") ? .responseFailed : .other
        case 18: kind = text.equals("response.completed") ? .responseCompleted : .other
        case 19: kind = text.equals("response.incomplete") ? .responseIncomplete : .other
        default: kind = .other
        }
    }

    /// Keeps the distinct reasons, at most eight: there are fewer in any dialect.
    private mutating func noteFinish(_ text: Span<UInt8>) {
        guard text.count > 0, finishReasons.count < 8 else { return }
        let reason = String(decoding: text.copied(), as: UTF8.self)
        if !finishReasons.contains(reason) { finishReasons.append(reason) }
        if reason == "tool_calls" || reason == "function_call" || reason == "tool_use" { hasToolCalls = true }
    }

    private static func isMessage(_ path: FieldPath) -> Bool {
        path == AnswerField.path(.choices, .delta) || path == AnswerField.path(.choices, .message)
    }

    /// Whether usage may stand in the object at this path instead of at the top.
    private static func isWrapper(_ path: FieldPath) -> Bool {
        path == AnswerField.path(.message) || path == AnswerField.path(.response) || path == AnswerField.path(.groq)
    }

    /// Whether a path is a usage object's or one of its detail objects'.
    private static func isUsage(_ path: FieldPath) -> Bool {
        switch AnswerField.leaf(of: path) {
        case .usage, .usageMetadata: path >> 8 == 0 || isWrapper(path >> 8)
        case .inputDetails, .outputDetails: AnswerField.leaf(of: path >> 8) == .usage && isUsage(path >> 8)
        default: false
        }
    }
}
