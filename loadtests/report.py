"""RESULTS.md and the charts, from the rows of results.json."""

import json
import os
import platform

import semantic_report

# In the order in which they run and are reported: what each is, in a sentence.
SCENARIOS = {
    "floor": "A server that does nothing but return the canned answer.",
    "hit": "The same request again and again, served from the exact cache.",
    "hit-16k": "The same with a prompt of 16 KiB.",
    "hit-128k": "The same with a prompt of 128 KiB. nginx passes it on without reading it: its cache keys end at 64 KiB.",
    "hit-stream": "A stored stream of 64 deltas, 12 KB, replayed.",
    "pass": "Passed on to the canned upstream, the cache off.",
    "miss": "Unique requests, passed on; Weir stores the answers.",
    "refused": "429 with Retry-After: the limit of requests is used up.",
    "stream": "Streams of 64 deltas 20 ms apart, so many held at once. Added to the first delta since the request, to each further one since its"
              " sending, and to the pause between two, over streams that go to the provider directly at the same time.",
    "scale": "Hits spread by chance over all entries, and over all tenants' keys (with 10,000 entries, whether of 1 tenant or of 10,000).",
    "memory": "Anonymous memory of the process tree, the key-value store's mapped file not counted: idle; at most while 512 streams ran and 1 million"
              " requests (800,000 hits, 200,000 misses) were served; and 10 s after. Peers: idle, and at most during 3 s of unique requests.",
    "start": "From starting the process to having the first answer through it.",
    "semantic": "", "semantic-hit": "What a hit among similar questions takes, over going direct, over an exact hit, and over the embedding alone.",
    # Those below are rows of others' runs.
    "semantic-brief": "", "semantic-miss": "A miss at the gate of the semantic cache, over a miss without it.",
}
METRICS = {
    "cpu_us": "CPU-µs", "added_p50_us": "added p50, µs", "added_p99_us": "added p99, µs", "p50_us": "p50, µs", "p99_us": "p99, µs", "rps": "requests/s",
    "ttft_added_p50_ms": "first delta p50, ms", "ttft_added_p99_ms": "first delta p99, ms", "token_added_p50_us": "each delta p50, µs",
    "token_added_p99_us": "each delta p99, µs", "pause_added_p99_us": "pause p99, µs", "streams_held": "held", "buffered_percent": "buffered, %",
    "ttft_p50_ms": "first delta p50, ms", "ttft_p99_ms": "first delta p99, ms", "token_p50_us": "each delta p50, µs", "token_p99_us": "each delta p99, µs",
    "pause_p99_us": "pause p99, µs", "rss_anon_idle_mib": "idle, MiB", "rss_anon_mib": "at most, MiB", "rss_anon_recovered_mib": "after a rest, MiB",
    "event_rows_dropped_percent": "log rows dropped, %", "rss_total_mib": "with mapped files, MiB", "first_answer_ms": "first answer, ms", "over_exact_hit_p50_us": "over an exact hit, µs",
    "embedding_us": "embedding, µs", "over_embedding_p50_us": "over the embedding, µs",
}
RUN = [name for name in SCENARIOS if name not in ("semantic-brief", "semantic-miss")]
NGINX_CACHE, NGINX_PASS = "nginx proxy_cache", "nginx proxy_pass"


class Bar:
    """`scenario`'s `metric` of Weir is at most `bound`; times that of a peer, or of another scenario of Weir; or minus it."""

    def __init__(self, scenario, metric, bound, peer=None, of=None, minus=None):
        self.scenario, self.metric, self.bound, self.peer, self.of, self.minus = scenario, metric, bound, peer, of, minus

    def line(self, value):
        ours = value(self.scenario, "weir", self.metric)
        if ours is None:
            return None
        text, limit, shown = f"≤ {self.bound:g}", self.bound, f"{ours:g}"
        if self.minus:
            other = value(self.minus, "weir", self.metric)
            if other is None:
                return None
            ours, text = ours - other, f"{text} over {self.minus}"
            shown = f"{ours:.1f}"
        elif self.peer or self.of:
            other = value(self.of or self.scenario, self.peer or "weir", self.metric)
            if other is None:
                return None
            limit = self.bound * other
            text, shown = f"{text} × {self.peer or self.of} ({limit:.1f})", shown + (f" ({ours / other:.2f} ×)" if other > 0 else "")
        return f"| {self.scenario} | {METRICS.get(self.metric, self.metric)} | {shown} | {text} | {'met' if ours <= limit else '**missed**'} |"


BARS = [
    Bar("hit", "cpu_us", 25), Bar("hit", "cpu_us", 0.6, NGINX_CACHE), Bar("hit", "added_p99_us", 1.0, NGINX_CACHE), Bar("hit-16k", "cpu_us", 1.0, NGINX_CACHE),
    Bar("hit-128k", "cpu_us", 1.0, NGINX_PASS), Bar("refused", "cpu_us", 22), Bar("pass", "cpu_us", 0.5, "envoy"), Bar("pass", "cpu_us", 2.3, NGINX_PASS),
    Bar("miss", "cpu_us", 0.5, "envoy"), Bar("miss", "cpu_us", 2.3, NGINX_PASS), Bar("miss", "cpu_us", 5, minus="pass"),
    Bar("stream-512", "ttft_added_p99_ms", 0.3), Bar("stream-512", "token_added_p99_us", 20),
    Bar("stream-512", "pause_added_p99_us", 20), Bar("stream-512", "buffered_percent", 0.1),
    *(Bar(f"semantic-hit-{tokens}", "over_embedding_p50_us", 200) for tokens in (16, 64, 128)),
    Bar("scale-1m", "cpu_us", 1.15, of="scale-1k"), Bar("scale-10000-tenants", "cpu_us", 1.05, of="scale-1-tenant"),
    Bar("memory", "rss_anon_idle_mib", 25), Bar("memory", "rss_anon_mib", 64),
    Bar("start-empty", "first_answer_ms", 100), Bar("start-1gib", "first_answer_ms", 1000),
]


def base(scenario):
    """The scenario a row's belongs to: scale-1m is one of scale's."""
    return max((name for name in SCENARIOS if scenario == name or scenario.startswith(name + "-")), key=len, default=scenario)


def keep_others(fresh, path, whole):
    """Rows of scenarios that did not run now: a run of one scenario does not wipe out the rest, and the sweep's stay until it runs again."""
    try:
        rows = json.loads(path.read_text())
    except (OSError, ValueError):
        rows = []
    ran = {base(row["scenario"]) for row in fresh}
    kept = [row for row in rows if base(row["scenario"]) not in ran and (not whole or semantic_report.is_sweep(row["scenario"]))]
    place = {name: number for number, name in enumerate(SCENARIOS)}
    return sorted(fresh + kept, key=lambda row: place.get(base(row["scenario"]), len(place)))


def finder(rows):
    """A function that finds the value of a scenario, a server and a metric."""
    values = {(row["scenario"], row["who"], row["metric"]): row["value"] for row in rows}
    return lambda scenario, who, metric: values.get((scenario, who, metric))


def number(value, digits=4):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def cell(row, ours):
    """A value with its spread, and how many times that Weir's is."""
    spread = f" ({number(row['spread'])})" if row["spread"] else ""
    if ours is None or row["who"] == "weir" or row["metric"] == "streams_held" or row["value"] <= 0 or ours <= 0:
        return number(row["value"]) + spread
    ratio = ours / row["value"]
    return f"{number(row['value'])}{spread} · {ratio:.2f}" if ratio >= 0.1 else f"{number(row['value'])}{spread} · {ratio:.1g}"


def table(rows):
    """A line for each server and variant of the scenario, a column for each metric."""
    value = finder(rows)
    kinds = list(dict.fromkeys(row["metric"] for row in rows))
    several = len({row["scenario"] for row in rows}) > 1
    lines = [
        f"| {'variant | ' if several else ''}who | " + " | ".join(METRICS.get(kind, kind) for kind in kinds) + " |",
        f"| {'--- | ' if several else ''}--- | " + " | ".join("---:" for _ in kinds) + " |"]
    notes = {}
    for variant, who in dict.fromkeys((row["scenario"], row["who"]) for row in rows):
        found = {row["metric"]: row for row in rows if (row["scenario"], row["who"]) == (variant, who)}
        cells = [cell(found[kind], value(variant, "weir", kind)) if kind in found else "" for kind in kinds]
        lines.append(f"| {variant + ' | ' if several else ''}{'**weir**' if who == 'weir' else who} | " + " | ".join(cells) + " |")
        for row in found.values():
            if "note" in row:
                notes.setdefault(row["note"], f"{who}{' in ' + variant if several else ''}: {row['note']}")
    return lines + (["", "; ".join(notes.values()) + "."] if notes else [])


def markdown(rows, date, commit, busy, stolen, skipped, failed):
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    value = finder(rows)
    lines = [
        "# Measured", "",
        f"{date}, commit `{commit}`, {os.cpu_count()} cores ({model}), {platform.system()} {platform.release()}. Written by `make bench`."
        f" Other programs used {busy:.0%} of the machine when it began, and its host gave {stolen:.0%} of the cores' time to others meanwhile.", "",
        "CPU-µs is user and system time of the server's process tree per completed request (of a stream: per delta), 8 connections, server on core 0,"
        " load generator and canned upstream on core 1. Requests have 250 bytes and answers 520 where nothing else is said; added p50 and p99 are at 1"
        " connection over going to the upstream directly, requests/s at 64. Everybody checks the key and writes a log. A cell has the median of"
        " interleaved rounds, (greatest minus least), and after the dot Weir's value divided by this one.", "",
        "![CPU-µs per request](chart.svg)", "", "## The bar", "", "| scenario | metric | Weir | bar | |", "| --- | --- | ---: | --- | --- |",
    ]
    lines += filter(None, (bar.line(value) for bar in BARS))
    for scenario, meaning in SCENARIOS.items():
        its = [row for row in rows if base(row["scenario"]) == scenario]
        if not its or not meaning:
            continue
        lines += ["", f"## {scenario}", "", meaning, ""]
        if scenario == "stream" and any(row["metric"] == "ttft_added_p99_ms" for row in its):
            lines += ["![Added to streams](streams.svg)", ""]
        if scenario == "stream":  # What the direct streams took has columns of its own.
            lines += table([row for row in its if row["who"] != "direct"]) + [""] + table([row for row in its if row["who"] == "direct"])
        else:
            lines += table(its)
    earlier = {}
    for row in rows:
        if row["date"] != date:
            names = earlier.setdefault((row["date"], row["commit"]), [])
            names += [] if base(row["scenario"]) in names else [base(row["scenario"])]
    if earlier:
        lines += ["", "From earlier runs: " + "; ".join(f"{', '.join(names)} ({when}, commit `{what}`)" for (when, what), names in earlier.items()) + "."]
    lines += semantic_report.markdown(rows)
    if failed:
        lines += ["", "**Failed**, hence without rows of this run: " + "; ".join(failed) + "."]
    if skipped:
        lines += ["", "Left out: " + "; ".join(skipped) + "."]
    return "\n".join(lines) + "\n"


# Charts

GREEN, GREY = "#2a7f62", "#9aa5b1"


def bars(title, groups):
    """Horizontal bars in groups, each a name, the values by server, and the value at which longer bars break off."""
    left, width, height = 150, 480, 18
    parts, top = [], 34
    for name, found, cut in groups:
        parts.append(f'<text x="8" y="{top + 14}" font-weight="bold">{name}</text>')
        for who, value in found:
            top += height + 3
            length = max(width * min(max(value, 0), cut) / cut, 1)
            parts.append(
                f'<text x="{left - 8}" y="{top + 14}" text-anchor="end">{who}</text><rect x="{left}" y="{top}" width="{length:.0f}" height="{height}" rx="2"'
                f' fill="{GREEN if who == "weir" else GREY}"/><text x="{left + length + 6:.0f}" y="{top + 14}">{number(value, 3)}</text>')
            if value > cut:
                parts.append(f'<path d="M{left + width - 34} {top - 1} l8 {height + 2} h8 l-8 -{height + 2} z" fill="white"/>')
        top += height + 14
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{top + 4}" font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>', f'<text x="8" y="20" font-size="15" font-weight="bold">{title}</text>',
        '<text x="712" y="20" text-anchor="end" fill="#667">µs, less is better</text>']
    return "\n".join(head + parts + ["</svg>"]) + "\n"


def cut_of(groups):
    """Where bars break off: at the longest of those that are at most twice the longest of ours."""
    ours = max((value for _, found in groups for who, value in found if who == "weir"), default=1)
    return max([value for _, found in groups for _, value in found if value <= 2 * ours] + [0.001])


def grouped(rows, metric):
    names = dict.fromkeys(row["scenario"] for row in rows if row["metric"] == metric)
    return [(name, [(row["who"], row["value"]) for row in rows if (row["scenario"], row["metric"]) == (name, metric)]) for name in names]


def chart(rows):
    groups = grouped([row for row in rows if base(row["scenario"]) != "stream"], "cpu_us")
    return bars("CPU time of one request, 8 connections", [(*group, cut_of(groups)) for group in groups])


def stream_chart(rows):
    groups, its = [], [row for row in rows if base(row["scenario"]) == "stream"]
    for metric, what, scale in (
            ("ttft_added_p99_ms", "added to the first delta, p99", 1000), ("token_added_p50_us", "added to each further delta, median", 1),
            ("token_added_p99_us", "added to each further delta, p99", 1), ("cpu_us", "CPU time of a delta", 1)):
        found = [
            (f"{name.split('-')[1]} streams: {what}", [(who, value * scale) for who, value in values])
            for name, values in grouped(its, metric) if any(who == "weir" for who, _ in values)]
        groups += [(*group, cut_of(found)) for group in found]
    return bars("Streams of tokens, one every 20 ms", groups)
