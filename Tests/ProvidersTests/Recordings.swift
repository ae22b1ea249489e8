/// Answers as the providers' documentation describes them, written for these tests.
enum Recording {
    static let chatJSON = """
        {"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-x-2025","choices":[{"index":0,"message":\
        {"role":"assistant","content":"Hello wörld","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,\
        "completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},\
        "completion_tokens_details":{"reasoning_tokens":5}},"service_tier":"default","system_fingerprint":"fp_1"}
        """

    static let chatStream = """
        : OPENROUTER PROCESSING

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x-2025","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x-2025","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"reasoning_content":"Hmm"},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x-2025","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x-2025","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" wörld"},"logprobs":null,"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x-2025","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x-2025","system_fingerprint":"fp_1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":5}}}

        data: [DONE]


        """

    static let chatToolStream = """
        data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]},"finish_reason":null}]}

        data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\\"city\\":"}}]},"finish_reason":null}]}

        data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\\"Bonn\\"}"}}]},"finish_reason":null}]}

        data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"clock","arguments":"{}"}}]},"finish_reason":null}]}

        data: {"id":"c2","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

        data: [DONE]


        """

    static let completionsStream = """
        data: {"id":"cmpl-1","object":"text_completion","created":5,"model":"m","choices":[{"text":"One","index":0,"logprobs":{"tokens":["One"],"token_logprobs":[-0.1]},"finish_reason":null}]}

        data: {"id":"cmpl-1","object":"text_completion","created":5,"model":"m","choices":[{"text":" two","index":0,"logprobs":{"tokens":[" two"],"token_logprobs":[-0.20]},"finish_reason":"stop"}]}

        data: {"id":"cmpl-1","object":"text_completion","created":5,"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}

        data: [DONE]


        """

    static let responsesJSON = """
        {"id":"resp_1","object":"response","created_at":1700000000,"status":"completed","error":null,"incomplete_details":null,"model":"gpt-x",\
        "output":[{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"Because."}]},{"id":"msg_1","type":"message",\
        "status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there","annotations":[{"type":"url_citation",\
        "start_index":0,"end_index":2,"url":"https://example.org","title":"t"}],"logprobs":[]}]}],"parallel_tool_calls":true,\
        "tool_choice":"auto","tools":[],"temperature":1.0,"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":6},\
        "output_tokens":87,"output_tokens_details":{"reasoning_tokens":11},"total_tokens":123},"metadata":{}}
        """

    static let responsesStream = """
        event: response.created
        data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","model":"gpt-x","error":null,"output":[],"usage":null}}

        event: response.output_item.added
        data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}

        event: response.content_part.added
        data: {"type":"response.content_part.added","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}

        event: response.output_text.delta
        data: {"type":"response.output_text.delta","sequence_number":2,"logprobs":[],"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hi"}

        event: response.output_item.done
        data: {"type":"response.output_item.done","sequence_number":3,"output_index":0,"item":{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]}}

        event: response.completed
        data: {"type":"response.completed","sequence_number":4,"response":{"id":"resp_1","object":"response","status":"completed","model":"gpt-x","error":null,"output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}}


        """

    static let messagesJSON = """
        {"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"thinking","thinking":"Let me see","signature":\
        "c2ln"},{"type":"text","text":"Sunny","citations":null},{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Bonn",\
        "days":2.50}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":100,\
        "cache_read_input_tokens":1000,"output_tokens":25,"service_tier":"standard"}}
        """

    static let messagesStream = """
        event: message_start
        data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"output_tokens":1,"service_tier":"standard"}}}

        event: content_block_start
        data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

        event: ping
        data: {"type": "ping"}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me"}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":" see"}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}

        event: content_block_stop
        data: {"type":"content_block_stop","index":0}

        event: content_block_start
        data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Sunny"}}

        event: content_block_stop
        data: {"type":"content_block_stop","index":1}

        event: content_block_start
        data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"weather","input":{}}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\\"city\\": \\"Bo"}}

        event: content_block_delta
        data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"nn\\", \\"days\\": 2.50}"}}

        event: content_block_stop
        data: {"type":"content_block_stop","index":2}

        event: message_delta
        data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":25}}

        event: message_stop
        data: {"type":"message_stop"}


        """

    static let geminiJSON = """
        {"candidates":[{"content":{"parts":[{"text":"Thinking","thought":true},{"text":"Hello you"},{"functionCall":{"name":"f","args":{"a":1}},\
        "thoughtSignature":"c2ln"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":7,\
        "candidatesTokenCount":5,"thoughtsTokenCount":3,"cachedContentTokenCount":2,"totalTokenCount":15},"modelVersion":"gemini-x",\
        "responseId":"r1"}
        """

    static let geminiStream = """
        data: {"candidates":[{"content":{"parts":[{"text":"Thin","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":7,"totalTokenCount":7},"modelVersion":"gemini-x","responseId":"r1"}\r
        \r
        data: {"candidates":[{"content":{"parts":[{"text":"king","thought":true}],"role":"model"},"index":0}],"modelVersion":"gemini-x","responseId":"r1"}\r
        \r
        data: {"candidates":[{"content":{"parts":[{"text":"Hello "}],"role":"model"},"index":0}],"modelVersion":"gemini-x","responseId":"r1"}\r
        \r
        data: {"candidates":[{"content":{"parts":[{"text":"you"},{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"c2ln"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":5,"thoughtsTokenCount":3,"cachedContentTokenCount":2,"totalTokenCount":15},"modelVersion":"gemini-x","responseId":"r1"}\r
        \r

        """
}
