"""Rows, tables and the chart of the semantic replay."""

import pathlib
import statistics

HERE = pathlib.Path(__file__).resolve().parent
STATIC = {"all": "static threshold in hindsight", "misses": "static threshold in hindsight, misses stored"}
WHO = {
    "intent": "weir guard=intent", "all": "weir guard=all", "mistaken": "weir guard=intent, provider wrong 5%", "defaults": "weir defaults",
}
MISTAKEN = WHO["mistaken"]
# (guard, bound): hits asked for, in percent
BARS = {("intent", 0.01): 45, ("intent", 0.02): 55, ("all", 0.01): 38, ("all", 0.02): 47}
COLOURS = {0.005: "#7a5195", 0.01: "#2a7f62", 0.02: "#d98c21", 0.05: "#b4493c"}


def scenario(name):
    """The scenario whose run made a row."""
    return "semantic-hit" if name.startswith(("semantic-hit", "semantic-miss")) else "semantic" if name.startswith("semantic") else name


def is_sweep(name):
    return name == "semantic"


def percent(share):
    return f"{share * 100:g}%"


def rows(bench, results, others, brief):
    """Means over the seeds, in percent of the requests; the spread is the greatest less the least."""
    name = "semantic-brief" if brief else "semantic"

    def add(who, metric, values, **more):
        values = [value * 100 for value in values]
        bench.row(name, who, metric, "%", values, middle=statistics.fmean, lowest=round(min(values), 2), highest=round(max(values), 2), **more)

    for bound in sorted({result["bound"] for result in results}):
        for variant, who in WHO.items():
            found = [result for result in results if (result["bound"], result["variant"]) == (bound, variant)]
            if not found:
                continue
            more = {"max_error": bound, "seeds": [result["seed"] for result in found]}
            if variant == "mistaken":
                more["note"] = (
                    "The provider answers 5 % of the questions with another intent, chosen at random and the same each time: a fresh answer then contradicts the"
                    " stored one although the questions mean the same (seldom the reverse), and one stored answer in twenty is wrong from the start. Error counts by"
                    " the question's own intent, whoever made the mistake; wrong_match_percent counts only answers given for a question of another intent.")
            add(who, f"hits_percent@{percent(bound)}", [result["hits"] for result in found], **more)
            add(who, f"error_percent@{percent(bound)}", [result["error"] for result in found], **more)
            if variant == "mistaken":
                add(who, f"wrong_match_percent@{percent(bound)}", [result["wrong_match"] for result in found], **more)
        for kind, who in STATIC.items():
            if others:
                found = others["static"][kind][str(bound)]
                more = {"max_error": bound, "thresholds": [run["threshold"] for run in found], "seeds": [run["seed"] for run in found]}
                add(who, f"hits_percent@{percent(bound)}", [run["hits"] for run in found], **more)
                add(who, f"error_percent@{percent(bound)}", [run["error"] for run in found], **more)
    if others and "runs" in others["gptcache"]:
        found = others["gptcache"]["runs"]
        more = {"seeds": [run["seed"] for run in found], "note": "init_similar_cache() with its defaults, on the same vectors: it has no bound"}
        add("gptcache", "hits_percent", [run["hits"] for run in found], **more)
        add("gptcache", "error_percent", [run["error"] for run in found], **more)
    for who, chosen in [("weir", results)] + [(who, [result for result in results if result["variant"] == variant]) for variant, who in WHO.items()]:
        if chosen:
            held = [float(result["error"] <= result["bound"]) for result in chosen]
            bench.row(name, who, "bound_held_percent", "%", [100 * value for value in held], middle=statistics.fmean,
                      note=f"share of {len(held)} runs (seed × bound × variant) whose error at the end is within max_error")


def markdown(found):
    """The section of RESULTS.md: of the sweep where there is one, else of the short run."""
    lines = []
    for name in ("semantic", "semantic-brief"):
        chosen = [row for row in found if row["scenario"] == name]
        if chosen:
            lines += table(name, chosen)
    return lines


def table(name, found):
    value = {(row["who"], row["metric"]): row for row in found}
    bounds = sorted({row["max_error"] for row in found if "max_error" in row})
    first = found[0]
    title = "the whole sweep" if name == "semantic" else "one seed"
    lines = [
        "", f"## Semantic cache: BANKING77, {title}", "",
        f"{first['date']}, commit `{first['commit']}`. 13,083 questions one by one through the gateway, all-MiniLM-L6-v2, each run a tenant of its own that has learnt nothing beforehand. A hit is served from"
        " another question's answer; error is wrong hits ÷ all requests, over the whole stream. Mean over the seeds, range in brackets.", "",
        "| | " + " | ".join(f"hits at error ≤ {percent(bound)}" for bound in bounds) + " |", "| --- |" + " --- |" * len(bounds),
    ]
    names = {
        STATIC["all"]: "best static threshold in hindsight (every earlier question stored with its own answer: the most one can reach)",
        STATIC["misses"]: "best static threshold in hindsight, as a cache does it (only misses are stored)",
        WHO["intent"]: "**Weir**, guard off (`intent`), every question eligible", WHO["all"]: "**Weir**, guard on (`all`), every question eligible",
        WHO["defaults"]: "Weir with its defaults: guard on; the shortest questions and those about a moment take no part", MISTAKEN: "Weir, guard off, provider wrong 5 % of the time",
    }
    for who, text in names.items():
        cells = [cell(value, who, bound) for bound in bounds]
        if any(cells):
            lines.append(f"| {text} | " + " | ".join(cells) + " |")
    if ("gptcache", "hits_percent") in value:
        hits, error = value["gptcache", "hits_percent"], value["gptcache", "error_percent"]
        lines += ["", f"GPTCache from PyPI with its defaults, same stream and vectors: {span(hits)} hits, {span(error)} of all requests answered wrongly."]
    for who in ("weir", *WHO.values()):
        row = value.get((who, "bound_held_percent"))
        if row:
            lines += ["" if who == "weir" else f"- {who.removeprefix('weir ')}: {row['value']:g} % of {row['rounds']}"]
            if who == "weir":
                lines += [f"The bound held in {row['value']:g} % of {row['rounds']} runs:", ""]
    row = next((row for row in found if row["who"] == MISTAKEN and "note" in row), None)
    lines += ["", row["note"]] if row else []
    for (guard, bound), bar in BARS.items():
        row = value.get((WHO[guard], f"hits_percent@{percent(bound)}"))
        if row:
            lines += ["", "| guard | bound | hits | bar | |", "| --- | --- | ---: | --- | --- |"] if (guard, bound) == ("intent", 0.01) else []
            lines.append(f"| {guard} | {percent(bound)} | {row['value']:.1f} % | ≥ {bar} % | {'met' if row['value'] >= bar else '**missed**'} |")
    return lines + (["", "![Hits and error over time](semantic.svg)"] if name == "semantic" else [])


def cell(value, who, bound):
    hits, error = value.get((who, f"hits_percent@{percent(bound)}")), value.get((who, f"error_percent@{percent(bound)}"))
    return f"{span(hits)} at {span(error, 2)}" if hits else ""


def span(row, digits=1):
    text = f"{row['value']:.{digits}f} %"
    return text + (f" ({row['lowest']:.{digits}f}–{row['highest']:.{digits}f})" if row["rounds"] > 1 else "")


def chart(bench, results):
    """Hits and error from the start up to each question, a line for each bound, the guard on dashed; mean over the seeds."""
    curves = {}
    for result in results:
        if result["variant"] in ("intent", "all"):
            curves.setdefault((result["bound"], result["variant"]), []).append(result["points"])
    if not curves:
        return
    last = max(points[-1][0] for runs in curves.values() for points in runs)
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="900" height="420" font-family="sans-serif" font-size="12">',
             '<rect width="900" height="420" fill="white"/>',
             '<text x="16" y="22" font-size="14" font-weight="bold">Served from the cache, and served wrongly, since the first question (BANKING77, mean over seeds)</text>']
    parts += panel(curves, 1, 60, "hits, % of all requests so far", 80, 10, last)
    parts += panel(curves, 2, 500, "error, % of all requests so far", max(1.2 * max(100 * bound for bound, _ in curves), 1), 1, last)
    left = 60
    for bound in sorted({bound for bound, _ in curves}):
        parts.append(f'<line x1="{left}" y1="398" x2="{left + 24}" y2="398" stroke="{COLOURS.get(bound, "#555")}" stroke-width="3"/>'
                     f'<text x="{left + 30}" y="402">max_error {percent(bound)}</text>')
        left += 124
    parts.append(f'<text x="{left}" y="402">solid: guard off · dashed: on · dotted: bound</text>')
    (HERE / "semantic.svg").write_text("\n".join(parts + ["</svg>"]) + "\n")


def panel(curves, column, left, title, top_value, step, last):
    width, top, height = 360, 60, 290
    across = lambda number: left + width * number / last  # noqa: E731
    down = lambda value: top + height * (1 - min(value, top_value) / top_value)  # noqa: E731
    parts = [f'<text x="{left}" y="46">{title}</text>']
    for tick in range(0, int(top_value) + 1, step):
        parts.append(f'<line x1="{left}" y1="{down(tick):.1f}" x2="{left + width}" y2="{down(tick):.1f}" stroke="#e3e7eb"/>'
                     f'<text x="{left - 8}" y="{down(tick) + 4:.1f}" text-anchor="end">{tick}</text>')
    for number in range(0, last + 1, 3000):
        parts.append(f'<text x="{across(number):.1f}" y="{top + height + 18}" text-anchor="middle">{number}</text>')
    parts.append(f'<text x="{left + width}" y="{top + height + 34}" text-anchor="end">questions asked</text>')
    for (bound, guard), runs in sorted(curves.items()):
        colour = COLOURS.get(bound, "#555")
        if column == 2:
            parts.append(f'<line x1="{left}" y1="{down(bound * 100):.1f}" x2="{left + width}" y2="{down(bound * 100):.1f}" stroke="{colour}" stroke-dasharray="1 4"/>')
        places = [(points[0][0], statistics.fmean(100 * point[column] / point[0] for point in points)) for points in zip(*runs)]
        line = " ".join(f"{across(number):.1f},{down(value):.1f}" for number, value in places)
        dashes = ' stroke-dasharray="6 4"' if guard == "all" else ""
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>')
    return parts
