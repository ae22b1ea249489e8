// The one table of histograms: name, unit, bounds and prose stand here once; `/metrics` and the documentation read it.
//
// A histogram's samples are told apart by a label whose values are few and fixed: the cache layer, the operation, the kind of token. Names
// that come from clients (tenants, models) are not among them.
//
// Those that begin with gen_ai follow OpenTelemetry's semantic conventions for generative AI (metrics, schema 1.37), names and bounds as its
// exporter for Prometheus would write them: dots become underscores, the unit is appended, `{token}` is not.

import EventLog

/// One thing that is measured per request.
public enum Histogram: Int, CaseIterable, Sendable {
    case duration, overhead, firstByte
    case operationDuration, timeToFirstToken, timePerOutputToken, tokenUsage

    /// What a value counts.
    public enum Unit: Sendable {
        /// Measured in microseconds, told in seconds.
        case seconds
        /// Tokens.
        case tokens
    }

    /// What tells the samples of one histogram apart.
    public enum Label: Sendable {
        /// `layer`: where the answer came from.
        case layer
        /// `gen_ai_operation_name`: what was asked for.
        case operation
        /// `gen_ai_operation_name` and `gen_ai_token_type`.
        case operationAndTokenType
    }

    /// The Prometheus name, unit suffix included.
    public var name: String {
        switch self {
        case .duration: "weir_request_duration_seconds"
        case .overhead: "weir_gateway_overhead_seconds"
        case .firstByte: "weir_time_to_first_byte_seconds"
        case .operationDuration: "gen_ai_client_operation_duration_seconds"
        case .timeToFirstToken: "gen_ai_server_time_to_first_token_seconds"
        case .timePerOutputToken: "gen_ai_server_time_per_output_token_seconds"
        case .tokenUsage: "gen_ai_client_token_usage"
        }
    }

    /// One sentence for `# HELP` and the documentation.
    public var help: String {
        switch self {
        case .duration: "From a request's head to the end of its answer, refused requests included."
        case .overhead: "What the gateway itself added before the first byte of an answer."
        case .firstByte: "From a request's head to the first byte of its answer's body; answers without one are not counted."
        case .operationDuration: "Requests that a provider was asked for, from their head to the end (OpenTelemetry GenAI)."
        case .timeToFirstToken: "Streamed answers of providers: from the request's head to the first byte (OpenTelemetry GenAI)."
        case .timePerOutputToken: "Streamed answers of providers: time per output token after the first (OpenTelemetry GenAI)."
        case .tokenUsage: "Tokens that providers reported, per request (OpenTelemetry GenAI)."
        }
    }

    /// The unit of its values.
    public var unit: Unit { self == .tokenUsage ? .tokens : .seconds }

    /// What tells its samples apart.
    public var label: Label {
        switch self {
        case .duration, .overhead, .firstByte: .layer
        case .operationDuration, .timeToFirstToken, .timePerOutputToken: .operation
        case .tokenUsage: .operationAndTokenType
        }
    }

    /// The upper bounds of its buckets, ascending, the last of all (infinity) not among them: microseconds, or tokens.
    public var bounds: [UInt64] {
        switch self {
        case .duration, .firstByte:
            [
                250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
                30_000_000, 60_000_000, 120_000_000, 300_000_000,
            ]
        case .overhead: [10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 1_000_000]
        case .operationDuration: (0..<14).map { 10_000 << UInt64($0) }
        case .timeToFirstToken:
            [
                1000, 5000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 250_000, 500_000, 750_000, 1_000_000, 2_500_000, 5_000_000,
                7_500_000, 10_000_000,
            ]
        case .timePerOutputToken:
            [
                10_000, 25_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000, 400_000, 500_000, 750_000, 1_000_000, 2_500_000,
            ]
        case .tokenUsage: (0..<14).map { 1 << UInt64(2 * $0) }
        }
    }

    /// How many sets of buckets it has: one for each combination of its labels' values.
    public var variants: Int {
        switch label {
        case .layer: GatewayEvent.CacheLayer.allCases.count
        case .operation: GenerativeOperation.allCases.count
        case .operationAndTokenType: GenerativeOperation.allCases.count * 2
        }
    }

    /// The labels of a variant, 0 ..< `variants`, in the text of Prometheus, without braces. Plain names: nothing has to be escaped.
    public func labels(of variant: Int) -> String {
        switch label {
        case .layer: "layer=\"\(GatewayEvent.CacheLayer.allCases[variant].name)\""
        case .operation: "gen_ai_operation_name=\"\(GenerativeOperation.allCases[variant].rawValue)\""
        case .operationAndTokenType:
            "gen_ai_operation_name=\"\(GenerativeOperation.allCases[variant / 2].rawValue)\","
                + "gen_ai_token_type=\"\(variant % 2 == 0 ? "input" : "output")\""
        }
    }
}

/// The values of `gen_ai.operation.name`.
public enum GenerativeOperation: String, CaseIterable, Sendable {
    case chat
    case textCompletion = "text_completion"
    case embeddings
    case generateContent = "generate_content"

    /// That of one of our operations, by its name; `nil` for those that generate nothing. One look at a few bytes.
    init?(named name: String) {
        switch name {
        case "chat_completions", "messages", "responses": self = .chat
        case "completions": self = .textCompletion
        case "embeddings", "embed_content", "batch_embed_contents": self = .embeddings
        case "generate_content": self = .generateContent
        default: return nil
        }
    }
}
