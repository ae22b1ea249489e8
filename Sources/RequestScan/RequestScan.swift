public import GatewayModel
internal import JSON

/// What the gateway reads of one JSON request body: facts, the digest of its canonical form, and byte ranges into the body.
///
/// Ranges are 0-based into the bytes that were scanned and mean nothing for any others. A *member* range runs from the key's opening quote to
/// the end of the value. Values of an unexpected type are left to the upstream: they are in the digest and otherwise ignored.
public struct RequestScan: Sendable, Equatable {
    // MARK: Identity

    /// SHA-256 of the canonical body (see CanonicalForm.swift) without top-level `model` (a string), `stream` (a bool or null),
    /// `stream_options` (an object or null) and LiteLLM's `cache` (an object).
    public internal(set) var bodyDigest = Digest256(words: (0, 0, 0, 0))
    /// Embeddings only: the same digest with `input` left out as well, to be joined with an item's.
    public internal(set) var restDigest: Digest256?
    /// The digest that `bodyDigest` would be without OpenRouter's `models` and `provider`; `nil` when the body has neither. Only for requests
    /// whose hints the gateway acts on and removes: they chose the target, which is in the key by itself, and mean nothing beyond it.
    public internal(set) var bodyDigestWithoutHints: Digest256?
    /// Embeddings only: `restDigest` without OpenRouter's hints; `nil` when the body has none.
    public internal(set) var restDigestWithoutHints: Digest256?

    // MARK: Routing

    /// The value of `model`, whatever its type; `nil` when absent.
    public internal(set) var modelRange: Range<Int>?
    /// Whether `model` is a string.
    public internal(set) var modelIsString = false
    /// The bytes of the model's name between its quotes when they can be compared as they are: a string without escapes.
    public internal(set) var plainModelRange: Range<Int>?
    /// OpenRouter's `models` member, whatever its type.
    public internal(set) var modelsMemberRange: Range<Int>?
    /// OpenRouter's `provider` member, whatever its type.
    public internal(set) var providerMemberRange: Range<Int>?
    var modelsValueStart = 0
    var providerValueStart = 0
    /// The value of `models`, whatever its type.
    public var modelsRange: Range<Int>? { modelsMemberRange.map { modelsValueStart..<$0.upperBound } }
    /// The value of `provider`, whatever its type.
    public var providerRange: Range<Int>? { providerMemberRange.map { providerValueStart..<$0.upperBound } }
    /// Whether the body has a member for `hints(in:)` to read.
    public var hasHints: Bool { modelsMemberRange != nil || providerMemberRange != nil }

    // MARK: Stream

    /// Whether `stream` is literally `true`.
    public internal(set) var isStream = false
    /// The value of `stream`.
    public internal(set) var streamRange: Range<Int>?
    /// The value of `stream_options`, whatever its type.
    public internal(set) var streamOptionsRange: Range<Int>?
    /// The value of `stream_options.include_usage`.
    public internal(set) var includeUsageRange: Range<Int>?
    /// Whether `stream_options.include_usage` is literally `true`.
    public internal(set) var includeUsage = false

    // MARK: Size and sampling

    /// The largest of `max_tokens`, `max_completion_tokens`, `max_output_tokens` and `generationConfig.maxOutputTokens`; 0...2^53.
    public internal(set) var maxTokens: Int?
    /// Code points of the strings under `messages`, `input`, `prompt`, `system`, `contents`, `instructions` and `tools` (and Gemini's
    /// counterparts), escapes decoded; keys, roles, types, ids and binary payloads (images, files, signatures) left out. A token id counts as
    /// four.
    public internal(set) var inputCharacters = 0
    /// `temperature` or `generationConfig.temperature`.
    public internal(set) var temperature: Double?
    /// The largest of `n`, `best_of` and `generationConfig.candidateCount`; at least 1.
    public internal(set) var choices = 1

    // MARK: What is asked for

    /// Whether `tools` or `functions` is a non-empty array.
    public internal(set) var hasTools = false
    /// Whether a tool runs at the provider: a `tools` entry of another type than `function` or `custom`, Gemini tools other than function
    /// declarations, `web_search_options`, `search_parameters` or `plugins`.
    public internal(set) var hasHostedTools = false
    /// Whether a message carries anything but text: images, audio, documents, files.
    public internal(set) var hasImages = false
    /// Whether the answer must be JSON: `response_format`, Responses' `text.format`, Anthropic's `output_format` and `output_config.format` of
    /// type `json_object` or `json_schema`; Gemini's `responseMimeType` of `application/json` or a response schema.
    public internal(set) var wantsJSON = false
    /// Fields that tie the request to state at the provider.
    public internal(set) var statefulFields: StatefulFields = []
    /// An explicit `store`.
    public internal(set) var store: Bool?

    // MARK: Gateway fields

    /// LiteLLM's `cache` object.
    public internal(set) var liteLLMCache: LiteLLMCache?
    /// LiteLLM's `cache` member, when it is an object.
    public internal(set) var cacheMemberRange: Range<Int>?

    // MARK: Embeddings

    /// What an embeddings `input` holds.
    public enum EmbeddingInput: Sendable, Equatable {
        /// Absent, empty, mixed, longer than the limit, or not an embeddings request: keyed as a whole.
        case whole
        /// One string or an array of strings: an item each.
        case strings
        /// An array of token ids (one item) or an array of such arrays (an item each).
        case tokens
    }

    /// What an embeddings `input` holds.
    public internal(set) var embeddingInput = EmbeddingInput.whole
    /// The value of an embeddings `input`.
    public internal(set) var embeddingInputRange: Range<Int>?
    /// The items of an embeddings `input` in order; empty when it is keyed as a whole.
    public internal(set) var embeddingItems: [Range<Int>] = []
    /// Whether `embeddingItems` are arrays of token ids.
    public var inputIsTokenArray: Bool { embeddingInput == .tokens }

    // MARK: Layout

    /// The offset just after the body's opening brace.
    var contentStart = 0
    /// Members of the body's object.
    public internal(set) var memberCount = 0

    /// Nothing found yet.
    init() {}

    /// The model's name, escapes decoded; `nil` when `model` is absent or no string. `body` must be the bytes that were scanned.
    public func model(in body: Span<UInt8>) -> String? {
        guard modelIsString, let range = modelRange else { return nil }
        return string(range, in: body)
    }

    /// LiteLLM's cache namespace, escapes decoded. `body` must be the bytes that were scanned.
    public func liteLLMNamespace(in body: Span<UInt8>) -> String? {
        guard let range = liteLLMCache?.namespaceRange else { return nil }
        return string(range, in: body)
    }

    private func string(_ range: Range<Int>, in body: Span<UInt8>) -> String? {
        guard range.upperBound <= body.count, let value = try? JSONValue(parsing: body.extracting(range)) else { return nil }
        return value.stringValue
    }
}
