/// Where in a body a value stands, as far as that changes what its fields mean.
enum Place: UInt8 {
    /// Nothing in here is read: tools' schemas, arguments, unknown fields.
    case opaque
    case root
    /// The list of messages: `messages`, Responses `input`, Gemini `contents`; a single message or text in its place.
    case messages
    case message
    /// A message's `content`, `parts` or `output`: a text, a part, or a list of parts.
    case content
    case part
    /// The content of a part (Anthropic's tool results), and its parts. Normalised no deeper, so the work stays linear.
    case nestedContent
    case nestedPart
    /// The value of an image, audio or file field of a part.
    case media
    /// Anthropic's `source` of an image or document.
    case source
    case tools
    case tool
    case toolContainer
    case generationConfig
    /// What form the answer's text shall have: `response_format`, `text.format`.
    case responseFormat
    /// What holds a `format`: Responses' `text`, Anthropic's `output_config`.
    case textOptions
    case streamOptions
    case liteLLMCache
    /// Responses' `prompt`.
    case storedPrompt
    /// Text or token ids: `prompt` of completions.
    case tokens
    case embeddingInput
    case embeddingItem

    /// Whether the members of an object here are sorted in the canonical form.
    var sortsKeys: Bool {
        switch self {
        case .root, .message, .part, .nestedPart: true
        default: false
        }
    }

    /// Whether a number here is a token id that the model reads.
    var holdsTokens: Bool { self == .tokens || self == .embeddingInput || self == .embeddingItem }
}

/// A value's place, and whether its strings are text that the model reads.
struct Scope {
    var place: Place
    var isText: Bool

    /// The scope of an object that stands where this scope's value does.
    var ofObject: Scope {
        switch place {
        case .messages: Scope(place: .message, isText: isText)
        case .content: Scope(place: .part, isText: isText)
        case .nestedContent: Scope(place: .nestedPart, isText: isText)
        default: self
        }
    }

    /// The scope of the elements of an array in this scope.
    var ofElement: Scope {
        switch place {
        case .messages: Scope(place: .message, isText: isText)
        case .content: Scope(place: .part, isText: isText)
        case .nestedContent: Scope(place: .nestedPart, isText: isText)
        case .tools: Scope(place: .tool, isText: isText)
        case .embeddingInput: Scope(place: .embeddingItem, isText: isText)
        case .embeddingItem: Scope(place: .tokens, isText: isText)
        case .tokens, .media: self
        default: Scope(place: .opaque, isText: isText)
        }
    }
}
