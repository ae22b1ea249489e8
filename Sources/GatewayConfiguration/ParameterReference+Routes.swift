// The chapter on the targets of routes: strategies, nesting and conditions, which no table of fields shows. A test loads its example.

import Routing

extension ParameterReference {
    /// The example, as it stands in a configuration.
    static let routesExample = """
        routes:
          fast: groq/llama-3.3-70b-versatile                # one target
          careful: [anthropic/claude-sonnet-4-5, openai/gpt-4o]
          smart:
            strategy: fallback                              # the default: in this order
            targets:
              - {target: openai/gpt-4o, timeouts: {connect: 1s, first_byte: 20s, idle: 60s}, ttl: 10m, context: 128000}
              - {target: careful, when: {metadata.plan: pro}}
              - strategy: weighted                          # targets in targets, with a strategy of their own
                targets: [{target: mistral/mistral-large-latest, weight: 3}, groq/llama-3.3-70b-versatile]
            retry: {attempts: 2, delay: 200ms, backoff: exponential, steps: 5}
            hedge: {quantile: 0.95, delay_min: 50ms, delay_max: 10s}
            on_context_length: [google-ai-studio/gemini-2.5-pro]
          canary:
            strategy: percentage
            key: metadata.user                              # the same user always gets the same target
            targets: [{target: openai/gpt-4.1, percent: 2.5}, openai/gpt-4o]
          by-plan:
            strategy: conditional                           # the first that holds, and no other
            targets:
              - {target: careful, when: {metadata.plan: [pro, team], size: {not: huge}}}
              - {target: google-ai-studio/gemini-2.5-pro, when: {any: [{size: huge}, {images: true}]}}
              - fast                                        # otherwise
        """

    static let targetsOfARoute =
        [
            "## Targets of a route",
            "",
            "```yaml",
        ] + routesExample.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) + [
            "```",
            "",
            "- **fallback** asks in the order written. **weighted** draws by `weight`. **lowest_latency** draws two and takes the one that",
            "  answers sooner. **cheapest** asks by the price of the request; unpriced targets come last. **percentage** gives each value of",
            "  `key` always the same target; requests without the field are drawn. **conditional** takes the first target whose `when` holds,",
            "  and no other; the last may have none and is taken otherwise. With every strategy but conditional the other targets follow",
            "  when the first fails.",
            "- **Nesting.** A target may be another route, or an entry with `targets` and a `strategy` of its own. Loops are refused, and so",
            "  are more than \(RouteTreeReader.depthMax) levels and more than \(RoutePlan.targetsMax) targets together.",
            "- **when** is a mapping from fields to a value, a list of values, `{not: value or list}` or `{exists: true}`. Several fields must",
            "  all hold; `any: [{…}, {…}]` holds if one does, `not: {…}` if it does not. `{not: x}` also holds where the field is missing. Fields:",
            "  `metadata.NAME`, `tenant`, `key`, `model`, `operation`, `stream`, `tools`, `images`, `json` (true or false) and `size` (`small` up",
            "  to 4,096 tokens of prompt by estimate, `medium` to 32,768, `large` to 131,072, `huge`).",
            "- **`on_context_length`** and **`on_content_filter`** have entries of the same form.",
            "",
            "`weir routes list` shows the routes, `weir routes test ROUTE` what would be asked for a request, in which order, and why not the rest.",
        ]
}
