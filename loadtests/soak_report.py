"""How a soak is told: a summary in words, and a picture of memory, latency and answers over time, with the faults as bands."""

import math
from xml.sax.saxutils import escape

COLOURS = {"away": "#c0392b", "errors": "#d9704f", "resets": "#b8568f", "stalls": "#8e6bbf", "slow": "#d9a441", "crowds leave": "#4a8fa5", "reloads": "#6a9a3b"}
LABELS = {"away": "provider away", "errors": "5xx and 429", "resets": "reset, cut", "stalls": "stalls", "slow": "slow provider", "crowds leave": "clients leave", "reloads": "reloads"}
OUTCOMES = [("from the cache", "#2a7f62"), ("from a provider", "#9cc5b0"), ("refused (4xx)", "#d9a441"), ("failed (5xx)", "#c0392b"), ("client left", "#9aa5b1")]
WIDTH, LEFT, RIGHT = 1080, 116, 150
INK, FAINT = "#22303c", "#66737f"


def span(result):
    return f"{result['minutes']:g} minute{'s' if result['minutes'] != 1 else ''}"


def summary(result):
    memory, hits, found = result["memory"], result["hit_latency"], result["descriptors"]
    cpu = sorted(sample["gateway_cpu"] for sample in result["samples"][1:]) or [0]
    lines = [
        f"Soak of {span(result)}, {result['requests']:,} requests, {result['clients_left']:,} clients that left, {len(result['episodes'])} episodes of faults",
        f"  answers     {', '.join(f'{number:,} {name}' for name, number in result['outcomes'].items())}",
        f"  operators   {', '.join(f'{number:,} {name}' for name, number in result['operators'].items())}",
        f"  memory      {memory['idle_mib']} MiB anonymous when idle, {memory['warm_mib']} after warm-up, {memory['end_mib']} at the end, {memory['most_mib']} at most;"
        f" {memory['slope_mib_per_10_min']:+.2f} MiB in 10 minutes over the last two thirds, {memory['last_half_slope_mib_per_10_min']:+.2f} over the last half",
        f"  descriptors {found['before']} before, {found['after']} after, and {found['upstream_after']} kept connections to providers (at most {found['upstream_most']})",
        f"  gateway     {cpu[len(cpu) // 2]:.0%} of a core at the median, stopped in {result['stop_seconds']} s",
    ]
    if hits["whole"]:
        lines.append(f"  exact hits  p50 {hits['whole']['p50_us']} µs, p99 {hits['whole']['p99_us']} µs of {hits['whole']['count']:,}, the client's own time included")
    if result["semantic"]["asked"] and not result["skipped"]:
        lines.append(f"  semantic    {result['semantic']['served']} of {result['semantic']['asked']} served, {result['semantic']['wrong']} wrong")
    lines += [f"  skipped     {reason}" for reason in result["skipped"]]
    if not result["breaches"]:
        return "\n".join(lines + ["All invariants held."])
    lines.append("BREACHES: " + ", ".join(f"{name} ({number})" for name, number in result["breaches"].items()))
    shown = {}
    for breach in result["details"]:
        shown[breach["name"]] = shown.get(breach["name"], 0) + 1
        if shown[breach["name"]] <= 5:
            lines.append(f"  {breach['name']} at {breach['at']} s: {breach['detail']}")
    return "\n".join(lines)


class Panel:
    """One diagram of the picture: a frame, a scale, and lines in it."""

    def __init__(self, top, height, seconds, low, high, is_logarithmic=False):
        self.top, self.height, self.seconds, self.low, self.high, self.is_logarithmic = top, height, seconds, low, high, is_logarithmic
        self.parts = []

    def x(self, at):
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(at / self.seconds, 0), 1)

    def y(self, value):
        share = (math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)) if self.is_logarithmic else (value - self.low) / (self.high - self.low)
        return self.top + self.height * (1 - min(max(share, 0), 1))

    def ticks(self, values, form):
        for value in values:
            y = self.y(value)
            self.parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e6eaee"/>'
                              f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{FAINT}">{form(value)}</text>')

    def title(self, text, unit):
        self.parts.append(f'<text x="{LEFT}" y="{self.top - 10}" font-weight="600" fill="{INK}">{text}<tspan font-weight="400" fill="{FAINT}">  {unit}</tspan></text>')

    def line(self, points, colour, width=1.6, more=""):
        path = " ".join(f"{self.x(at):.1f},{self.y(value):.1f}" for at, value in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round" {more}/>')

    def area(self, upper, lower, colour, opacity):
        path = " ".join(f"{self.x(at):.1f},{self.y(value):.1f}" for at, value in upper + lower[::-1])
        self.parts.append(f'<polygon points="{path}" fill="{colour}" fill-opacity="{opacity}"/>')

    def label(self, at_y, text, colour, more=""):
        self.parts.append(f'<text x="{WIDTH - RIGHT + 10}" y="{at_y:.1f}" fill="{colour}" font-weight="600">{text}'
                          + (f'<tspan x="{WIDTH - RIGHT + 10}" dy="14" font-weight="400" fill="{FAINT}">{more}</tspan>' if more else "") + "</text>")


def nice_step(span, count):
    raw = span / count
    power = 10 ** math.floor(math.log10(raw))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= raw)


def memory_panel(result, top, seconds):
    samples, memory = [sample for sample in result["samples"] if sample["at"] <= seconds + 1], result["memory"]
    high = max(memory["most_mib"] * 1.15, memory["most_mib"] + 4)
    step = nice_step(high, 4)
    panel = Panel(top, 150, seconds, 0, math.ceil(high / step) * step)
    panel.title("Memory", "MiB anonymous")
    panel.ticks([step * place for place in range(int(panel.high / step) + 1)], lambda value: f"{value:g}")
    points = [(sample["at"], sample["anon_mib"]) for sample in samples]
    panel.area(points, [(points[0][0], 0), (points[-1][0], 0)], "#2a7f62", 0.14)
    panel.line(points, "#2a7f62", 2)
    slope = memory["slope_mib_per_10_min"] / 600
    panel.line([(at, memory["fit_at_0_mib"] + slope * at) for at in (memory["fit_from_s"], points[-1][0])], INK, 1.4, 'stroke-dasharray="5 4"')
    panel.label(panel.y(memory["end_mib"]) + 4, f"{memory['end_mib']:.1f} MiB", "#2a7f62", f"{memory['slope_mib_per_10_min']:+.2f} MiB / 10 min")
    return panel


def latency_panel(result, top, seconds):
    samples = [sample for sample in result["samples"] if sample["hit_p50_us"] and sample["at"] <= seconds + 1]
    panel = Panel(top, 130, seconds, 50, 50_000, True)
    panel.title("An exact hit", "as a client measures it, on a logarithmic scale")
    panel.ticks([100, 1000, 10_000], lambda value: f"{value // 1000} ms" if value >= 1000 else f"{value} µs")
    for name, colour, width in (("hit_p99_us", "#d9a441", 1.4), ("hit_p50_us", "#33658a", 2)):
        panel.line([(sample["at"], sample[name]) for sample in samples], colour, width)
    whole = result["hit_latency"]["whole"]
    if whole:
        low, high = panel.y(whole["p50_us"]) + 4, panel.y(whole["p99_us"]) + 4
        panel.label(max(low, high + 16), f"p50 {whole['p50_us']} µs", "#33658a")
        panel.label(high, f"p99 {whole['p99_us'] / 1000:.2f} ms", "#b9822b")
    return panel


def answers_panel(result, top, seconds):
    samples = [sample for sample in result["samples"] if sample["at"] <= seconds + 1]
    group = max(1, len(samples) // 180)
    marks = samples[::group]
    rates = []
    for one, two in zip(marks, marks[1:]):
        span = max(0.1, two["at"] - one["at"])
        rates.append(((one["at"] + two["at"]) / 2, [(two["outcomes"].get(name, 0) - one["outcomes"].get(name, 0)) / span for name, _ in OUTCOMES]))
    most = max((sum(values) for _, values in rates), default=1)
    step = nice_step(most * 1.1, 3)
    panel = Panel(top, 150, seconds, 0, math.ceil(most * 1.1 / step) * step)
    panel.title("Answers", "a second")
    panel.ticks([step * place for place in range(int(panel.high / step) + 1)], lambda value: f"{value:g}")
    lower = [(at, 0.0) for at, _ in rates]
    for place, (name, colour) in enumerate(OUTCOMES):
        upper = [(at, below + values[place]) for (at, below), (_, values) in zip(lower, rates)]
        if rates:
            panel.area(upper, lower, colour, 0.9)
        lower = upper
        y = top + 14 + 19 * (len(OUTCOMES) - 1 - place)
        panel.parts.append(f'<rect x="{WIDTH - RIGHT + 10}" y="{y - 9}" width="10" height="10" rx="2" fill="{colour}"/>'
                           f'<text x="{WIDTH - RIGHT + 26}" y="{y}" fill="{INK}">{escape(name)}</text>')
    return panel


def ribbon(result, top, panel):
    """One lane for each kind of fault, and one for what else kept the machine busy."""
    parts = [f'<text x="{LEFT}" y="{top - 10}" font-weight="600" fill="{INK}">Faults<tspan font-weight="400" fill="{FAINT}">  beside those that go on all the time</tspan></text>']
    for lane, (kind, colour) in enumerate(COLOURS.items()):
        y = top + lane * 15
        parts.append(f'<text x="{LEFT - 8}" y="{y + 9}" text-anchor="end" fill="{FAINT}" font-size="11">{LABELS[kind]}</text>'
                     f'<rect x="{LEFT}" y="{y}" width="{WIDTH - LEFT - RIGHT}" height="11" rx="2" fill="#f3f5f7"/>')
        for episode in result["episodes"]:
            if episode["kind"] == kind:
                begin, end = panel.x(episode["from"]), panel.x(episode["to"])
                parts.append(f'<rect x="{begin:.1f}" y="{y}" width="{max(1.5, end - begin):.1f}" height="11" rx="2" fill="{colour}"/>')
    y = top + len(COLOURS) * 15
    parts.append(f'<text x="{LEFT - 8}" y="{y + 9}" text-anchor="end" fill="{FAINT}" font-size="11">busy elsewhere</text>'
                 f'<rect x="{LEFT}" y="{y}" width="{WIDTH - LEFT - RIGHT}" height="11" rx="2" fill="#f3f5f7"/>')
    for one, two in zip(result["samples"], result["samples"][1:]):
        share = min(1.0, two.get("elsewhere_cpu", 0) / result.get("cores", 2))
        if share > 0.1 and two["at"] <= result["minutes"] * 60:
            parts.append(f'<rect x="{panel.x(one["at"]):.1f}" y="{y}" width="{panel.x(two["at"]) - panel.x(one["at"]) + 0.3:.1f}" height="11" fill="{INK}" fill-opacity="{share * 0.8:.2f}"/>')
    return parts


def chart(result):
    seconds = result["minutes"] * 60
    panels = [memory_panel(result, 104, seconds), latency_panel(result, 300, seconds), answers_panel(result, 476, seconds)]
    lanes = 672
    height = lanes + 15 * len(COLOURS) + 61
    held = "every invariant held" if not result["breaches"] else "breached: " + ", ".join(result["breaches"])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="Inter, Segoe UI, Helvetica, Arial, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="24" y="34" font-size="19" font-weight="700" fill="{INK}">{span(result)} of mixed traffic and faults: {escape(held)}</text>',
        f'<text x="24" y="56" fill="{FAINT}" font-size="13">{result["requests"]:,} requests of {len(result["by_kind"])} kinds, {result["clients_left"]:,} clients that left midway, '
        f'{result["operators"]["reloads"]} reloads, {result["operators"]["purges"]} purges, {result["operators"]["keys"]} keys made and revoked; one process, {result["loops"]} event loops</text>']
    for episode in result["episodes"]:
        begin, end = panels[0].x(episode["from"]), panels[0].x(episode["to"])
        for panel in panels:
            parts.append(f'<rect x="{begin:.1f}" y="{panel.top}" width="{max(1.5, end - begin):.1f}" height="{panel.height}" fill="{COLOURS[episode["kind"]]}" fill-opacity="0.10"/>')
    for panel in panels:
        parts += panel.parts
    parts += ribbon(result, lanes, panels[0])
    step = next(step for step in (15, 30, 60, 120, 300, 600, 1800, 3600) if seconds / step <= 12 or step == 3600)
    for place in range(int(seconds / step) + 1):
        text = f"{place * step // 60} min" if step % 60 == 0 else f"{place * step} s"
        parts.append(f'<text x="{panels[0].x(place * step):.1f}" y="{lanes + 15 * len(COLOURS) + 31}" text-anchor="middle" fill="{FAINT}">{text}</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"
