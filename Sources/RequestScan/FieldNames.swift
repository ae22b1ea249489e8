#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A field that the gateway reads somewhere in a body. One field may have several spellings; what it means depends on where it stands.
enum Field: UInt8 {
    case unknown
    // Top level
    case model, stream, streamOptions, cache, models, provider, store, maxTokens, choices, temperature, generationConfig
    case messages, input, prompt, system, instructions, tools, functions, requests
    case hostedSearch, previousResponse, conversation, background, container, mcpServers, cachedContent
    case responseFormat, text, outputConfig
    // Inside text, output_config, generationConfig
    case format, responseType, responseSchema
    // Inside stream_options, cache, prompt
    case includeUsage, ttl, maxAge, noCache, noStore, namespace, id
    // Inside messages and their parts
    case type, role, content, media, source, fileID, fileURI, opaqueBytes, data
    // Inside tools
    case name, function, functionDeclarations, vectorStoreIDs
}

/// The spellings of the fields, looked up by a key's bytes: an open-addressed table of fixed content, so adversarial keys only miss.
final class FieldNames {
    private struct Entry: BitwiseCopyable {
        var prefix: UInt64
        var text: StaticString
        var field: Field
    }

    private static let slotBits = 8
    private static let spellings: [(StaticString, Field)] = [
        ("model", .model), ("stream", .stream), ("stream_options", .streamOptions), ("cache", .cache), ("models", .models),
        ("provider", .provider), ("store", .store), ("max_tokens", .maxTokens), ("max_completion_tokens", .maxTokens),
        ("max_output_tokens", .maxTokens), ("maxOutputTokens", .maxTokens), ("n", .choices), ("best_of", .choices),
        ("candidateCount", .choices), ("candidate_count", .choices), ("temperature", .temperature),
        ("generationConfig", .generationConfig), ("generation_config", .generationConfig), ("messages", .messages),
        ("contents", .messages), ("input", .input), ("prompt", .prompt), ("system", .system), ("systemInstruction", .system),
        ("system_instruction", .system), ("instructions", .instructions), ("tools", .tools), ("functions", .functions),
        ("requests", .requests), ("generateContentRequest", .requests), ("web_search_options", .hostedSearch),
        ("search_parameters", .hostedSearch), ("plugins", .hostedSearch), ("previous_response_id", .previousResponse),
        ("conversation", .conversation), ("background", .background), ("container", .container), ("mcp_servers", .mcpServers),
        ("cachedContent", .cachedContent), ("cached_content", .cachedContent), ("include_usage", .includeUsage), ("ttl", .ttl),
        ("s-maxage", .maxAge), ("s-max-age", .maxAge), ("no-cache", .noCache), ("no-store", .noStore), ("namespace", .namespace),
        ("id", .id), ("type", .type), ("role", .role), ("content", .content), ("parts", .content), ("output", .content),
        ("image_url", .media),
        ("image", .media), ("images", .media), ("input_audio", .media), ("audio", .media), ("video_url", .media), ("file", .media),
        ("file_url", .media), ("inlineData", .media), ("inline_data", .media), ("fileData", .media), ("file_data", .media),
        ("source", .source), ("file_id", .fileID), ("file_ids", .fileID), ("fileUri", .fileURI), ("file_uri", .fileURI),
        ("signature", .opaqueBytes), ("thoughtSignature", .opaqueBytes), ("thought_signature", .opaqueBytes),
        ("encrypted_content", .opaqueBytes), ("data", .data), ("name", .name), ("function", .function),
        ("functionDeclarations", .functionDeclarations), ("function_declarations", .functionDeclarations),
        ("vector_store_ids", .vectorStoreIDs), ("response_format", .responseFormat), ("output_format", .responseFormat), ("text", .text),
        ("output_config", .outputConfig), ("format", .format), ("responseMimeType", .responseType), ("response_mime_type", .responseType),
        ("responseSchema", .responseSchema), ("response_schema", .responseSchema), ("responseJsonSchema", .responseSchema),
        ("response_json_schema", .responseSchema), ("_responseJsonSchema", .responseSchema),
    ]

    private let slots: UnsafeMutablePointer<Entry>

    init() {
        let count = 1 << Self.slotBits
        slots = .allocate(capacity: count)
        slots.initialize(repeating: Entry(prefix: 0, text: "", field: .unknown), count: count)
        for (text, field) in Self.spellings {
            let prefix = keyPrefix(text.utf8Start, count: text.utf8CodeUnitCount)
            var slot = Self.slot(prefix, text.utf8CodeUnitCount)
            while slots[slot].field != .unknown { slot = (slot + 1) % count }
            slots[slot] = Entry(prefix: prefix, text: text, field: field)
        }
    }

    deinit { slots.deallocate() }

    /// The field of a key, given its prefix; `.unknown` for every key that the gateway does not read.
    @inline(__always)
    func field(of key: UnsafePointer<UInt8>, count: Int, prefix: UInt64) -> Field {
        var slot = Self.slot(prefix, count)
        while true {
            let entry = slots[slot]
            if entry.field == .unknown { return .unknown }
            if entry.prefix == prefix, entry.text.utf8CodeUnitCount == count,
                count <= 8 || memcmp(key, entry.text.utf8Start, count) == 0
            {
                return entry.field
            }
            slot = (slot &+ 1) & (1 << Self.slotBits - 1)
        }
    }

    @inline(__always)
    private static func slot(_ prefix: UInt64, _ count: Int) -> Int {
        let mixed = (prefix ^ UInt64(truncatingIfNeeded: count)) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> UInt64(64 - slotBits))
    }
}

/// The first eight bytes of a key, big-endian, zeros after its end. Reads `count` bytes, no more than eight.
func keyPrefix(_ key: UnsafePointer<UInt8>, count: Int) -> UInt64 {
    var prefix: UInt64 = 0
    for index in 0..<min(count, 8) { prefix |= UInt64(key[index]) << UInt64(56 - 8 * index) }
    return prefix
}
