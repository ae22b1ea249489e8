// What the fields of a body mean: the only file of the scanner that knows the dialects. Sources: the API references of OpenAI (chat
// completions, responses, completions, embeddings), Anthropic (messages), Google (Gemini API, v1beta; snake_case is accepted as ProtoJSON does),
// OpenRouter (models, provider, plugins), xAI (search_parameters) and LiteLLM (cache).
//
// A body may say anything: fields that name hosts (`api_base`, `base_url`, ...) mean nothing here; like every unknown field they are in the
// digest and are never acted on.

internal import GatewayModel

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What is remembered while an object is open.
struct ObjectNotes {
    /// `inputCharacters` when it began.
    var charactersBefore: Int
    /// A tool's `type` was seen; it has a name or a function.
    var hasType = false
    var hasName = false
    /// A source's `type` says that its data is text.
    var holdsText = false
}

/// A member that was just scanned.
struct FieldValue {
    var field: Field
    var kind: ValueKind
    /// Its record.
    var member: Int
    /// The value's first byte; it ends at the pass's position.
    var start: Int
}

extension ScanPass {
    /// The scope of a member's value.
    func inner(of scope: Scope, _ field: Field) -> Scope {
        switch scope.place {
        case .root: innerOfRoot(field)
        case .message, .part, .nestedPart: innerOfPart(scope, field)
        case .source: Scope(place: .opaque, isText: scope.isText && (field == .content || field == .data))
        case .tool: Scope(place: field == .container ? .toolContainer : .opaque, isText: scope.isText)
        case .media: Scope(place: .media, isText: false)
        case .textOptions where field == .format: Scope(place: .responseFormat, isText: false)
        default: Scope(place: .opaque, isText: scope.isText)
        }
    }

    private func innerOfRoot(_ field: Field) -> Scope {
        switch field {
        case .messages, .instructions: Scope(place: .messages, isText: true)
        case .input: Scope(place: operation == .embeddings ? .embeddingInput : .messages, isText: true)
        case .prompt: Scope(place: operation == .responses ? .storedPrompt : .tokens, isText: true)
        case .system: Scope(place: .content, isText: true)
        case .content where operation == .embedContent: Scope(place: .messages, isText: true)
        case .requests where operation == .batchEmbedContents || operation == .geminiCountTokens: Scope(place: .opaque, isText: true)
        case .tools: Scope(place: .tools, isText: true)
        case .functions: Scope(place: .opaque, isText: true)
        case .generationConfig: Scope(place: .generationConfig, isText: false)
        case .streamOptions: Scope(place: .streamOptions, isText: false)
        case .cache: Scope(place: .liteLLMCache, isText: false)
        case .responseFormat: Scope(place: .responseFormat, isText: false)
        case .text where operation == .responses: Scope(place: .textOptions, isText: false)
        case .outputConfig where operation == .messages: Scope(place: .textOptions, isText: false)
        default: Scope(place: .opaque, isText: false)
        }
    }

    private func innerOfPart(_ scope: Scope, _ field: Field) -> Scope {
        switch field {
        case .content where scope.place == .message: Scope(place: .content, isText: scope.isText)
        case .content where scope.place == .part: Scope(place: .nestedContent, isText: scope.isText)
        case .media: Scope(place: .media, isText: false)
        case .source: Scope(place: .source, isText: scope.isText)
        // Names of kinds and things, no text.
        case .opaqueBytes, .data, .role, .type, .id: Scope(place: .opaque, isText: false)
        default: Scope(place: .opaque, isText: scope.isText)
        }
    }

    /// A known member of an object that is not opaque, or any member of a tool.
    mutating func note(_ value: FieldValue, in scope: Scope, _ notes: inout ObjectNotes) {
        switch scope.place {
        case .root: noteTopLevel(value)
        case .message, .part, .nestedPart: notePart(value)
        case .media: noteReference(value)
        case .source:
            noteReference(value)
            if value.field == .type { notes.holdsText = isString(value, "text") || isString(value, "content") }
        case .tool: noteTool(value, &notes)
        case .toolContainer: noteReference(value)
        case .generationConfig: noteGeneration(value)
        case .responseFormat:
            guard value.field == .type else { return }
            if isString(value, "json_object") || isString(value, "json_schema") { found.wantsJSON = true }
        case .streamOptions:
            guard value.field == .includeUsage else { return }
            found.includeUsageRange = value.start..<position
            found.includeUsage = value.kind == .true
        case .liteLLMCache: noteCache(value)
        case .storedPrompt: if value.field == .id, value.kind != .null { found.statefulFields.insert(.storedPrompt) }
        default: break
        }
    }

    /// An object that is not opaque ends.
    mutating func note(endOf scope: Scope, _ notes: ObjectNotes) {
        switch scope.place {
        case .source where !notes.holdsText: found.inputCharacters = notes.charactersBefore
        case .tool where operation.speaksGemini == false && !notes.hasType && !notes.hasName: found.hasHostedTools = true
        default: break
        }
    }

    // MARK: Top level

    private mutating func noteTopLevel(_ value: FieldValue) {
        let range = value.start..<position
        let isSet = value.kind != .null
        switch value.field {
        case .model: noteModel(value)
        case .stream:
            found.streamRange = range
            found.isStream = value.kind == .true
            if value.kind == .true || value.kind == .false || !isSet { exclude(value, .body) }
        case .streamOptions:
            found.streamOptionsRange = range
            if value.kind == .object || !isSet { exclude(value, .body) }
        case .cache: noteCacheMember(value)
        case .models:
            found.modelsMemberRange = memberRange(value)
            found.modelsValueStart = value.start
            exclude(value, .hints)
        case .provider:
            found.providerMemberRange = memberRange(value)
            found.providerValueStart = value.start
            exclude(value, .hints)
        case .store: found.store = value.kind == .true ? true : value.kind == .false ? false : nil
        case .maxTokens, .choices, .temperature: noteSampling(value)
        case .input: noteInput(value)
        case .tools, .functions: if value.kind == .array { found.hasTools = true }
        case .hostedSearch: if isSet, value.kind != .emptyArray, value.kind != .false { found.hasHostedTools = true }
        case .previousResponse: if isSet { found.statefulFields.insert(.previousResponse) }
        case .conversation: if isSet { found.statefulFields.insert(.conversation) }
        case .background: if value.kind == .true { found.statefulFields.insert(.background) }
        case .container: if isSet { found.statefulFields.insert(.container) }
        case .mcpServers: if isSet, value.kind != .emptyArray { found.statefulFields.insert(.mcpServers) }
        case .cachedContent: if isSet { found.statefulFields.insert(.cachedContent) }
        default: break
        }
    }

    private mutating func noteModel(_ value: FieldValue) {
        found.modelRange = value.start..<position
        guard value.kind == .string else { return }
        found.modelIsString = true
        let content = value.start &+ 1..<position &- 1
        if endOfPlainRun(base, from: content.lowerBound, to: position) == content.upperBound { found.plainModelRange = content }
        exclude(value, .body)
    }

    private mutating func noteCacheMember(_ value: FieldValue) {
        guard value.kind == .object else { return }
        found.cacheMemberRange = memberRange(value)
        if found.liteLLMCache == nil { found.liteLLMCache = LiteLLMCache() }
        exclude(value, .body)
    }

    private mutating func noteSampling(_ value: FieldValue) {
        guard value.kind == .number else { return }
        let number = parsedNumber(base, from: value.start, to: position)
        switch value.field {
        case .maxTokens: if number >= 0 { found.maxTokens = max(found.maxTokens ?? 0, clampedInteger(number)) }
        case .choices: found.choices = max(found.choices, clampedInteger(number))
        case .temperature: found.temperature = number
        default: break
        }
    }

    private mutating func noteGeneration(_ value: FieldValue) {
        switch value.field {
        case .responseType: if isString(value, "application/json") { found.wantsJSON = true }
        case .responseSchema: if value.kind != .null { found.wantsJSON = true }
        default: noteSampling(value)
        }
    }

    private mutating func noteCache(_ value: FieldValue) {
        var cache = found.liteLLMCache ?? LiteLLMCache()
        switch (value.field, value.kind) {
        case (.ttl, .number): cache.ttlSeconds = clampedInteger(max(0, parsedNumber(base, from: value.start, to: position)))
        case (.maxAge, .number): cache.maxAgeSeconds = clampedInteger(max(0, parsedNumber(base, from: value.start, to: position)))
        case (.noCache, _): cache.noCache = value.kind == .true
        case (.noStore, _): cache.noStore = value.kind == .true
        case (.namespace, .string): cache.namespaceRange = value.start..<position
        default: break
        }
        found.liteLLMCache = cache
    }

    // MARK: Messages and tools

    private mutating func notePart(_ value: FieldValue) {
        switch value.field {
        case .media: if value.kind != .null, value.kind != .emptyArray { found.hasImages = true }
        case .source where value.kind == .object: found.hasImages = true
        case .type where value.kind == .string: noteType(value)
        case .text: break
        default: noteReference(value)
        }
    }

    private mutating func noteType(_ value: FieldValue) {
        if isString(value, "item_reference") { found.statefulFields.insert(.itemReference) }
        if isString(value, "container_upload") { found.statefulFields.insert(.file) }
    }

    /// Fields that point to something kept at the provider, wherever a part, a file or a tool may have them.
    private mutating func noteReference(_ value: FieldValue) {
        guard value.kind != .null, value.kind != .emptyArray else { return }
        switch value.field {
        case .fileID:
            found.statefulFields.insert(.file)
            found.hasImages = true
        case .fileURI: found.statefulFields.insert(.fileURI)
        case .vectorStoreIDs: found.statefulFields.insert(.vectorStore)
        default: break
        }
    }

    private mutating func noteTool(_ value: FieldValue, _ notes: inout ObjectNotes) {
        if operation.speaksGemini {
            if value.field != .functionDeclarations, value.kind != .null { found.hasHostedTools = true }
            return
        }
        switch value.field {
        case .type where value.kind != .null:
            notes.hasType = true
            if !isString(value, "function"), !isString(value, "custom") { found.hasHostedTools = true }
        case .name, .function, .functionDeclarations: notes.hasName = true
        case .container: if value.kind == .string { found.statefulFields.insert(.container) }
        default: noteReference(value)
        }
    }

    // MARK: Embeddings

    /// An element of an embeddings `input`, or of an array in it.
    mutating func noteItem(_ kind: ValueKind, from start: Int, in place: Place) {
        items.note(kind, range: start..<position, isNested: place == .embeddingItem, limit: limits.embeddingItems)
    }

    private mutating func noteInput(_ value: FieldValue) {
        guard operation == .embeddings else { return }
        let range = value.start..<position
        found.embeddingInputRange = range
        exclude(value, .rest)
        found.embeddingInput = items.result(of: value.kind)
        switch found.embeddingInput {
        case .whole: break
        case .strings where value.kind == .string: found.embeddingItems = [range]
        case .tokens where items.areNumbers: found.embeddingItems = [range]
        case .strings, .tokens: found.embeddingItems = items.ranges
        }
    }

    // MARK: Tools of this file

    private func exclude(_ value: FieldValue, _ exclusion: MemberRecord.Exclusion) { members.base[value.member].exclusion = exclusion }

    private func memberRange(_ value: FieldValue) -> Range<Int> { members[value.member].offset..<position }

    /// Whether a value that was just scanned is this short string, escapes decoded.
    private func isString(_ value: FieldValue, _ text: StaticString) -> Bool {
        guard value.kind == .string else { return false }
        let record = members[value.member]
        let start = record.keyStart &+ record.keyLength &+ 1
        guard record.end.runs == record.start.runs, record.end.bytes &- start == text.utf8CodeUnitCount else { return false }
        return memcmp(canonical.bytes.base + start, text.utf8Start, text.utf8CodeUnitCount) == 0
    }
}

extension Operation {
    /// Whether a body of this operation is in Gemini's dialect.
    var speaksGemini: Bool {
        switch self {
        case .generateContent, .embedContent, .batchEmbedContents, .geminiCountTokens: true
        default: false
        }
    }
}
