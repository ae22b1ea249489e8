"""What must hold at the end of a soak, computed from its samples, its ledger and the gateway's own metrics. Pure: nothing here asks anybody."""

import statistics

MEMORY_SLOPE_MAX = 2.0  # MiB in 10 minutes over the last half, of which noise is taken off; what is bounded but large still fills then
MEMORY_SECONDS_MIN = 1200.0  # in a shorter run only end and warm-up are compared
MEMORY_FACTOR, MEMORY_MORE = 1.1, 4.0
LATENCY_FACTOR, LATENCY_MORE_US = 3.0, 300.0
DESCRIPTORS_MORE = 2


def slope_of(points):
    """Theil–Sen: the median of the slopes of all pairs, which single spikes do not move. Returns slope and intercept."""
    slopes = [(two[1] - one[1]) / (two[0] - one[0]) for place, one in enumerate(points) for two in points[place + 1:] if two[0] > one[0]]
    slope = statistics.median(slopes) if slopes else 0.0
    return slope, statistics.median(value - slope * at for at, value in points) if points else 0.0


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def memory(samples, seconds):
    """How anonymous memory went, after the first third in which caches fill."""
    points = [(sample["at"], sample["anon_mib"]) for sample in samples if sample["at"] >= seconds / 3]
    slope, intercept = slope_of(points)
    size = max(1, len(points) // 4)
    first, last = statistics.median(value for _, value in points[:size]), statistics.median(value for _, value in points[-size:])
    noise = statistics.median(abs(value - intercept - slope * at) for at, value in points)
    late = [point for point in points if point[0] >= seconds / 2]
    late_slope = slope_of(late)[0]
    found = {
        "idle_mib": round(samples[0]["anon_mib"], 2), "warm_mib": round(first, 2), "end_mib": round(last, 2), "most_mib": round(max(s["anon_mib"] for s in samples), 2),
        "slope_mib_per_10_min": round(slope * 600, 3), "last_half_slope_mib_per_10_min": round(late_slope * 600, 3), "fit_from_s": round(points[0][0], 1), "fit_at_0_mib": round(intercept, 3), "noise_mib": round(noise, 3),
    }
    breaches = []
    if seconds >= MEMORY_SECONDS_MIN and late_slope * 600 > MEMORY_SLOPE_MAX and late_slope * seconds / 2 > 2 * noise:
        breaches.append(("memory-grows", f"{late_slope * 600:.2f} MiB in 10 minutes over the last half, allowed are {MEMORY_SLOPE_MAX}"))
    if last > MEMORY_FACTOR * first + MEMORY_MORE:
        breaches.append(("memory-grows", f"{last:.1f} MiB at the end, {first:.1f} MiB after warm-up"))
    return found, breaches


def latency(hits, seconds):
    """Of the probe's hits: `hits` are pairs of a time and microseconds."""
    def part(begin, end):
        ordered = sorted(value for at, value in hits if begin <= at < end)
        return {"p50_us": round(percentile(ordered, 0.5)), "p99_us": round(percentile(ordered, 0.99)), "count": len(ordered)} if ordered else None

    whole, first, last = part(0, 1e9), part(seconds / 6, seconds / 2), part(seconds / 2, 1e9)
    breaches = []
    if not (whole and first and last):
        breaches.append(("no-hits", "the probe got no hits"))
    elif last["p50_us"] > LATENCY_FACTOR * first["p50_us"] + LATENCY_MORE_US:
        breaches.append(("hits-slow-down", f"p50 of hits was {first['p50_us']} µs and became {last['p50_us']} µs"))
    return {"whole": whole, "first_half": first, "second_half": last}, breaches


def descriptors(base, ended, upstream_most):
    """Descriptors by kind, before the traffic and after it. Connections to providers may stay for reuse."""
    more = sum(ended[1].values()) - sum(base[1].values())
    found = {"before": sum(base[1].values()), "after": sum(ended[1].values()), "upstream_after": ended[0], "upstream_most": upstream_most}
    breaches = [("descriptors-leak", f"{more} more than before: {base[1]} became {ended[1]}")] if more > DESCRIPTORS_MORE else []
    return found, breaches


def balance(ledger, metrics):
    """The gateway's counters beside what the clients saw. A client that left may have been counted in any way, or, where it left before its head was
    whole, not at all; so each counter has a range."""
    left = ledger.left + ledger.maybe
    count = lambda name: metrics.get(name, 0)
    of = lambda test: sum(number for status, number in ledger.status.items() if test(status))
    rows = sum(count(name) for name in ("weir_log_written_total", "weir_log_dropped_total", "weir_log_stopped_total", "weir_log_over_quota_total"))
    lines = [
        ("requests", ledger.completed + ledger.left, count("weir_requests_total"), ledger.completed + left),
        ("rows of the event log, written and dropped", count("weir_requests_total"), rows, count("weir_requests_total")),
        ("exact hits", ledger.cache["hit"], count("weir_cache_hits_total"), ledger.cache["hit"] + left),
        ("semantic hits", ledger.cache["semantic"], count("weir_cache_semantic_hits_total"), ledger.cache["semantic"] + left),
        ("stale hits", ledger.cache["stale"], count("weir_cache_stale_hits_total"), ledger.cache["stale"] + left),
        ("followers", ledger.cache["collapsed"], count("weir_requests_collapsed_total"), ledger.cache["collapsed"] + left),
        ("misses", ledger.cache["miss"], count("weir_cache_misses_total"), ledger.cache["miss"] + left),
        ("bypasses", ledger.cache["bypass"], count("weir_cache_bypasses_total"), ledger.cache["bypass"] + left),
        ("4xx", of(lambda status: 400 <= status < 500), count("weir_responses_client_error_total"), of(lambda status: 400 <= status < 500) + left),
        # A stream that broke was a 200 to its client.
        ("5xx", of(lambda status: status >= 500), count("weir_responses_upstream_error_total"), of(lambda status: status >= 500) + ledger.broken_streams + left),
        ("401", ledger.status[401] - ledger.keyless, count("weir_authentication_failures_total"), ledger.status[401]),
        ("429 by a limit of the gateway", ledger.limited, count("weir_requests_limited_total"), ledger.limited),
        ("clients that left", 0, count("weir_clients_left_total"), left),
    ]
    breaches = [("counters-differ", f"{name}: the gateway counted {told:.0f}, the clients {low:.0f}{f' to {high:.0f}' if high != low else ''}")
                for name, low, told, high in lines if not low <= told <= high]
    return [{"what": name, "clients_least": low, "gateway": told, "clients_most": high} for name, low, told, high in lines], breaches
