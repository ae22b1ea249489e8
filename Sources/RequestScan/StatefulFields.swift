/// Fields of a request that refer to something kept at the provider's account, or make it keep something: such a request means more than its
/// bytes say, is not cached, and under the operator's credentials needs a grant.
public struct StatefulFields: OptionSet, Sendable, Hashable {
    /// One bit per field.
    public let rawValue: UInt16

    /// A set from its bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// `previous_response_id` (Responses).
    public static let previousResponse = StatefulFields(rawValue: 1 << 0)
    /// `conversation` (Responses).
    public static let conversation = StatefulFields(rawValue: 1 << 1)
    /// `background: true` (Responses).
    public static let background = StatefulFields(rawValue: 1 << 2)
    /// A file kept at the provider: `file_id`, `file_ids`, or a source or part naming one.
    public static let file = StatefulFields(rawValue: 1 << 3)
    /// `vector_store_ids` of a tool (Responses).
    public static let vectorStore = StatefulFields(rawValue: 1 << 4)
    /// `container`, at top level (Anthropic) or of a tool (Responses).
    public static let container = StatefulFields(rawValue: 1 << 5)
    /// `prompt` naming a stored prompt by id (Responses).
    public static let storedPrompt = StatefulFields(rawValue: 1 << 6)
    /// `mcp_servers` (Anthropic).
    public static let mcpServers = StatefulFields(rawValue: 1 << 7)
    /// An input item of type `item_reference` (Responses).
    public static let itemReference = StatefulFields(rawValue: 1 << 8)
    /// `cachedContent` (Gemini).
    public static let cachedContent = StatefulFields(rawValue: 1 << 9)
    /// `fileData.fileUri` (Gemini).
    public static let fileURI = StatefulFields(rawValue: 1 << 10)

    /// The fields' names as the provider spells them, for a refusal's message.
    public var names: [String] {
        let all: [(StatefulFields, String)] = [
            (.previousResponse, "previous_response_id"), (.conversation, "conversation"), (.background, "background"), (.file, "file_id"),
            (.vectorStore, "vector_store_ids"), (.container, "container"), (.storedPrompt, "prompt.id"), (.mcpServers, "mcp_servers"),
            (.itemReference, "item_reference"), (.cachedContent, "cachedContent"), (.fileURI, "fileData.fileUri"),
        ]
        return all.filter { contains($0.0) }.map(\.1)
    }
}
