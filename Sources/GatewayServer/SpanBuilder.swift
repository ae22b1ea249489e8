// A finished request as spans: one for the request, one below it for each attempt. Names and attributes are OpenTelemetry's for generative AI
// (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/), and weir.* for what they have no name for. No prompt and no answer.

import EventLog
import GatewayModel
import Telemetry

/// What spans are made of.
struct SpanSource: Sendable {
    var event: GatewayEvent
    /// When each of the event's attempts began, in microseconds after its head.
    var attemptStarts: [UInt64] = []
}

extension SpanSource {
    /// The id of an attempt's span, from 0: told upstream before anything else is known of it.
    static func span(ofAttempt number: Int, below span: UInt64) -> UInt64 {
        let mixed = span ^ (UInt64(truncatingIfNeeded: number + 1) &* 0x9E37_79B9_7F4A_7C15)
        return mixed == 0 ? 1 : mixed
    }

    /// The spans; none for an event without a place in a trace.
    var spans: [TelemetrySpan] {
        guard let trace = event.trace else { return [] }
        let start = UInt64(clamping: event.createdAt.milliseconds).multipliedClamping(by: 1_000_000)
        var request = TelemetrySpan(
            traceHigh: trace.traceHigh, traceLow: trace.traceLow, id: trace.span, parent: trace.parentSpan, name: name(event.model),
            kind: .server, startNanoseconds: start, endNanoseconds: start.addingClamping(event.durationMicroseconds &* 1000))
        request.attributes = requestAttributes
        if event.errorKind != .none { request.failure = event.errorCode.isEmpty ? event.errorKind.name : event.errorCode }
        var spans = [request]
        for (number, attempt) in event.attempts.enumerated() {
            let begin = start.addingClamping((number < attemptStarts.count ? attemptStarts[number] : 0) &* 1000)
            var span = TelemetrySpan(
                traceHigh: trace.traceHigh, traceLow: trace.traceLow, id: Self.span(ofAttempt: number, below: trace.span),
                parent: trace.span, name: name(attempt.model), kind: .client, startNanoseconds: begin,
                endNanoseconds: begin.addingClamping(attempt.microseconds &* 1000))
            span.attributes = attributes(of: attempt)
            if !attempt.failure.isEmpty { span.failure = attempt.failure } else if attempt.status >= 400 { span.failure = "status" }
            spans.append(span)
        }
        return spans
    }

    /// `chat gpt-4o`: the operation and what it is asked of.
    private func name(_ model: String) -> String {
        let operation = genAIOperation ?? (event.operation.isEmpty ? "request" : event.operation)
        return model.isEmpty ? operation : operation + " " + model
    }

    /// The operation by OpenTelemetry's name; `nil` where it has none.
    private var genAIOperation: String? {
        switch event.operation {
        case "chat_completions", "responses", "messages": "chat"
        case "completions": "text_completion"
        case "embeddings", "embed_content", "batch_embed_contents": "embeddings"
        case "generate_content": "generate_content"
        default: nil
        }
    }

    private var requestAttributes: [(name: String, value: TelemetrySpan.Value)] {
        var attributes: [(name: String, value: TelemetrySpan.Value)] = []
        func text(_ name: String, _ value: String) { if !value.isEmpty { attributes.append((name, .text(value))) } }
        func count(_ name: String, _ value: UInt64) { if value > 0 { attributes.append((name, .integer(Int64(clamping: value)))) } }
        text("gen_ai.operation.name", genAIOperation ?? "")
        text("gen_ai.provider.name", Self.providerName(event.provider))
        text("gen_ai.request.model", event.model)
        count("gen_ai.usage.input_tokens", event.tokensIn)
        count("gen_ai.usage.output_tokens", event.tokensOut)
        if !event.finishReason.isEmpty { attributes.append(("gen_ai.response.finish_reasons", .texts([event.finishReason]))) }
        text("url.path", event.path)
        count("http.response.status_code", UInt64(clamping: event.status))
        if event.errorKind != .none { text("error.type", event.errorCode.isEmpty ? event.errorKind.name : event.errorCode) }
        text("weir.request.id", event.id.text)
        text("weir.tenant", event.tenant)
        text("weir.route", event.route)
        text("weir.cache.layer", event.cacheLayer.name)
        text("weir.cache.reason", event.cacheReason?.rawValue ?? "")
        attributes.append(("weir.step", .integer(Int64(event.step))))
        attributes.append(("weir.attempts", .integer(Int64(event.attemptCount))))
        count("weir.overhead_us", event.overheadMicroseconds)
        count("weir.time_to_first_byte_us", event.firstByteMicroseconds)
        count("weir.tokens_saved", event.tokensSaved)
        if event.costNanoUSD > 0 { attributes.append(("weir.cost_usd", .number(Double(event.costNanoUSD) / 1e9))) }
        return attributes
    }

    private func attributes(of attempt: GatewayEvent.Attempt) -> [(name: String, value: TelemetrySpan.Value)] {
        var attributes: [(name: String, value: TelemetrySpan.Value)] = []
        if let operation = genAIOperation { attributes.append(("gen_ai.operation.name", .text(operation))) }
        attributes.append(("gen_ai.provider.name", .text(Self.providerName(attempt.provider))))
        if !attempt.model.isEmpty { attributes.append(("gen_ai.request.model", .text(attempt.model))) }
        if attempt.status > 0 { attributes.append(("http.response.status_code", .integer(Int64(attempt.status)))) }
        if !attempt.failure.isEmpty { attributes.append(("error.type", .text(attempt.failure))) }
        if attempt.isRepeat { attributes.append(("weir.repeat", .flag(true))) }
        return attributes
    }

    /// The well-known names of providers that are called otherwise here.
    private static func providerName(_ name: String) -> String {
        switch name {
        case "google-ai-studio": "gcp.gemini"
        case "google-vertex-ai": "gcp.vertex_ai"
        case "aws-bedrock": "aws.bedrock"
        case "azure-openai": "azure.ai.openai"
        case "mistral": "mistral_ai"
        case "grok": "x_ai"
        case "perplexity-ai": "perplexity"
        default: name
        }
    }
}

extension UInt64 {
    fileprivate func addingClamping(_ other: UInt64) -> UInt64 {
        let sum = addingReportingOverflow(other)
        return sum.overflow ? .max : sum.partialValue
    }

    fileprivate func multipliedClamping(by other: UInt64) -> UInt64 {
        let product = multipliedReportingOverflow(by: other)
        return product.overflow ? .max : product.partialValue
    }
}
