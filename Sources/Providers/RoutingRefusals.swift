import GatewayModel

// What a client is told whose path is not served: always what to do instead.

extension Refusal {
    static func notFound(_ code: String, _ message: String, _ dialect: Dialect) -> RoutedRequest {
        .refused(Refusal(GatewayError(status: 404, code: code, message: message), dialect: dialect))
    }

    static func malformedPath(_ dialect: Dialect) -> RoutedRequest {
        let message =
            "The path could be read in more than one way (an empty or dot segment, ';', '\\', an encoded letter or slash). Send it plainly."
        return .refused(Refusal(GatewayError(status: 400, code: "malformed_path", message: message), dialect: dialect))
    }

    static func wrongMethod(_ allow: String, _ dialect: Dialect) -> RoutedRequest {
        let error = GatewayError(status: 405, code: "method_not_allowed", message: "This path takes \(allow) only.")
        return .refused(Refusal(error, allow: allow, dialect: dialect))
    }

    static func doubledPrefix(_ dialect: Dialect) -> RoutedRequest {
        notFound(
            "doubled_prefix",
            "The version stands twice in the path: the SDK adds it to a base URL that has it. The base URL is http://HOST:PORT/v1 for OpenAI "
                + "SDKs, http://HOST:PORT for Anthropic and Google SDKs; with a provider's name, http://HOST:PORT/openai/v1, "
                + "http://HOST:PORT/anthropic, http://HOST:PORT/google-ai-studio.", dialect)
    }

    static func stateful(_ native: String, _ dialect: Dialect) -> RoutedRequest {
        let message =
            "This call works on objects in one provider's account, and the unified surface names no provider. Use the native path \(native)."
        let error = GatewayError(status: 501, code: "native_path_required", message: message)
        return .refused(Refusal(error, dialect: dialect))
    }

    static func unknownProvider(_ dialect: Dialect) -> RoutedRequest {
        notFound(
            "unknown_provider",
            "No provider of that name is configured. Native paths are /{provider}/{path of its API}, such as /openai/v1/chat/completions; "
                + "the unified surface is /v1/chat/completions, /v1/responses, /v1/messages and the like.", dialect)
    }

    static func missingVersion(_ dialect: Dialect) -> RoutedRequest {
        notFound(
            "unknown_path",
            "The unified surface lies under /v1: the base URL is http://HOST:PORT/v1 for OpenAI SDKs, http://HOST:PORT for Anthropic and "
                + "Google SDKs.", dialect)
    }

    static func unknownPath(_ dialect: Dialect) -> RoutedRequest {
        notFound(
            "unknown_path",
            "Nothing lies at this path. The unified surface is /v1/chat/completions, /v1/responses, /v1/completions, /v1/embeddings, "
                + "/v1/messages, /v1/models and /v1beta/models/{model}:generateContent; providers are at /{provider}/{path of its API}.",
            dialect
        )
    }
}
