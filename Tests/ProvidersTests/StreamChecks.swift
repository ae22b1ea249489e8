import GatewayModel
import Providers

// What must hold for any bytes that a provider may send, shared by the seeded test and the fuzzer.

/// What is wrong with how these bytes are read as an answer, or `nil`. `step` is the size of the chunks that they are cut into.
func streamFault(_ body: [UInt8], _ operation: Operation, step: Int) -> String? {
    for form in AnswerForm.allCases {
        let whole = summary(of: body, operation, form, step: body.count + 1)
        let cut = summary(of: body, operation, form, step: step)
        if whole != cut { return "\(form) by \(step): \(cut) instead of \(whole)" }
        if let usage = whole.usage,
            usage.inputTokens < 0 || usage.outputTokens < 0 || usage.cachedInputTokens < 0 || usage.reasoningTokens < 0
        {
            return "negative usage: \(usage)"
        }
        if let range = whole.usageEventRange, range.lowerBound < 0 || range.upperBound > body.count { return "range outside: \(range)" }
        for other in AnswerForm.allCases {
            let made = Replay.convert(body.span, operation: operation, from: form, to: other, includesUsage: step % 2 == 0)
            if form != other, let made, made.isEmpty { return "an empty \(other) from \(form)" }
        }
    }
    let (whole, dropped) = filtered(body, step: body.count + 1)
    let (cut, _) = filtered(body, step: step)
    if whole != cut { return "filtered by \(step): \(cut.count) bytes instead of \(whole.count)" }
    if dropped == 0, whole != body { return "nothing dropped, but changed" }
    _ = EmbeddingsAnswer(parsing: body.span, inputLengths: [1, step])
    return nil
}

private func summary(of body: [UInt8], _ operation: Operation, _ form: AnswerForm, step: Int) -> AnswerSummary {
    var observer = AnswerObserver(operation: operation, form: form, eventBytesMax: 512)
    var start = 0
    while start < body.count {
        let end = min(body.count, start + max(step, 1))
        observer.receive(body.span.extracting(start..<end))
        start = end
    }
    return observer.finish(transportEndedCleanly: true)
}

private func filtered(_ body: [UInt8], step: Int) -> (bytes: [UInt8], dropped: Int) {
    var filter = UsageEventFilter(eventBytesMax: 512)
    var output: [UInt8] = []
    var start = 0
    while start < body.count {
        let end = min(body.count, start + max(step, 1))
        filter.receive(body.span.extracting(start..<end), to: &output)
        start = end
    }
    filter.finish(to: &output)
    return (output, filter.droppedEvents)
}
