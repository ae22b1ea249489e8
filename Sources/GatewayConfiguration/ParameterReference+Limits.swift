// The chapter on the grammar of limits, which has a shape that no table of fields shows. A test loads its example.

import GatewayModel
import Tenants

extension ParameterReference {
    /// The example, as it stands under `limits:` of a key or tenant.
    static let limitsExample = """
        limits:
          requests: 100/1m                      # a bucket: 100 at once, then as they flow back, 100 a minute
          hits: 5000/1m                         # answers from the cache; metering.hits_factor times requests where left out
          tokens: {rate: 20000, per: 1m, burst: 40000}
          input_tokens: [1000/1s, 20000/1m]     # several limits of one measure
          output_tokens: {rate: 8000, per: 1m, shadow: true}
          cost: 5/30d                           # USD, up to 9 decimals
          concurrency: 8                        # or {max: 8, shadow: true}
          budgets:
            - {cost: 50, per: month}
            - {tokens: 1000000, per: 24h, alert_at: [50, 80, 100], shadow: true}
            - {requests: 10000, per: day}
          models:
            "openai/gpt-4o*": {requests: 20/1m, budgets: [{cost: 10, per: day}]}
          metadata:
            user: {requests: 5/1m, tokens: 2000/1m}
          policies: ["1000;w=3600;u=request;s=user", "500;w=86400;u=cents"]
        """

    static let limitsOfUse =
        [
            "## Limits of use",
            "",
            "`tenants.*.limits`, `keys.*.limits` and `routes.*.limits` have one grammar. So has `limits` of the admin API, as JSON, and",
            "`--limits` of `weir keys` and `weir tenants`; there a member that is given replaces the old one, and `null` removes it.",
            "",
            "```yaml",
        ] + limitsExample.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) + [
            "```",
            "",
            "- **Buckets** (`requests`, `hits`, `tokens`, `input_tokens`, `output_tokens`, `cost`): `rate/per`, or a mapping of `rate`, `per`,",
            "  `burst` and `shadow`. What was used flows back evenly, `rate` in each `per`, up to `burst`, which is `rate` where left out.",
            "  A period is a number and `s`, `m`, `h`, `d` or `w`, at most \(LimitAmount.periodText(seconds: Limit.periodSecondsMax)). A `burst` must flow back within that time too.",
            "- **Concurrency** is how many requests run at once.",
            "- **Budgets** are of one measure each: `cost`, `tokens`, `input_tokens`, `output_tokens` or `requests`. `per: hour`, `day` or",
            "  `month` is the calendar's in UTC; a period such as `24h` rolls: at most so much in any 24 hours. `alert_at` are the percentages",
            "  at which an alert is given, 80 and 100 where left out, `[]` for none.",
            "- **`shadow: true`** counts and logs what it would have refused, and refuses nothing.",
            "- **`models`** holds limits for the models that a pattern matches, one bucket for all of them. A pattern without a slash holds at",
            "  every provider.",
            "- **`metadata`** holds limits for each value of a metadata name; requests without the name share one value. Clients choose",
            "  values, so each measure there needs a limit for all values together beside `metadata`. Not for routes.",
            "- **`policies`** are Helicone's: `quota;w=seconds;u=request|token|cents;s=user|NAME`, a bucket of `requests` (where `u` is left",
            "  out), `tokens` or `cost`, with `s` one for each value of that metadata name, for which the rule of `metadata` holds.",
            "",
            "Amounts are from 1 (of money, from 0.000000001 USD) to \(Limit.amountMax) and \(LimitAmount.usdText(nanoUSD: Limit.amountMax)) USD. 0 is refused: `disabled: true` is what",
            "switches a key or tenant off. A key, tenant or route has at most \(Limit.countMax) limits. Every limit that a request meets must admit it.",
        ]
}
