"""Answers of the admin API, made up: the dashboard's tests put them in place of the gateway's, so that a chart can be held against known numbers.

`Answers` is seeded and tells the same for the same question. Run as a program it serves the page and these answers, for work on the page:

    python3 Tests/EndToEnd/dashboard_data.py 8790
"""

import http.server
import json
import math
import pathlib
import random
import sys
import time
import urllib.parse

PAGE = pathlib.Path(__file__).resolve().parents[2] / "Sources" / "Admin" / "Dashboard"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
SECONDS = {"m": 60, "h": 3600, "d": 86400}
TENANTS = {"storefront": 0.42, "support-bot": 0.27, "search": 0.17, "analytics": 0.09, "staging": 0.05}
TARGETS = {
    ("openai", "gpt-5.2-mini"): 0.38, ("anthropic", "claude-sonnet-5"): 0.27, ("google-ai-studio", "gemini-3-flash"): 0.15,
    ("mistral", "mistral-large-3"): 0.09, ("openai", "text-embedding-4-small"): 0.07, ("groq", "llama-4-70b"): 0.04,
}
LAYERS = {"exact": 0.31, "semantic": 0.08, "collapsed": 0.04, "stale": 0.015, "partial": 0.01, "miss": 0.50, "bypass": 0.045}
KINDS = {"upstream": 0.011, "timeout": 0.005, "limited": 0.008, "rejected": 0.003, "refused": 0.001, "overloaded": 0.0, "unauthenticated": 0.001, "client_left": 0.002}


def stamp(moment, digits=3):
    """RFC 3339 in UTC, with milliseconds unless `digits` is 0."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    return f"{text}.{int(moment * 1000) % 1000:03d}Z" if digits else text + "Z"


def measures(seed, moment, seconds, share=1.0):
    """The numbers of a stretch: the day's rhythm, some noise, a bad quarter of an hour now and then."""
    chance = random.Random(f"{seed}/{int(moment)}")
    rhythm = 0.55 + 0.45 * math.sin(moment / 86400 * 2 * math.pi - 1.2) + 0.12 * math.sin(moment / 3600 * 2 * math.pi)
    requests = max(0, int(14 * share * seconds * max(0.06, rhythm) * chance.uniform(0.85, 1.15) / 4))
    trouble = 6 if int(moment // 900) % 23 == 7 else 1
    errors = {kind: int(requests * part * trouble * chance.uniform(0.3, 1.7)) for kind, part in KINDS.items()}
    failed = sum(errors.values())
    counts = {layer: int(requests * part * chance.uniform(0.9, 1.1)) for layer, part in LAYERS.items()}
    counts["miss"] = max(0, requests - sum(count for layer, count in counts.items() if layer != "miss"))
    saved = counts["exact"] + counts["semantic"] + counts["collapsed"] + counts["stale"]
    lookups = saved + counts["miss"] + counts["partial"]
    made = counts["miss"] + counts["bypass"]
    base = chance.uniform(0.9, 1.15) * (1.8 if trouble > 1 else 1)
    return {
        "requests": requests, "attempts": made + failed // 2, "successes": requests - failed, "errors": errors,
        "hits": {layer: counts[layer] for layer in ("exact", "stale", "semantic", "collapsed", "partial")}, "misses": counts["miss"], "bypasses": counts["bypass"],
        "hit_ratio": saved / lookups if lookups else None, "tokens_in": made * 820, "tokens_out": made * 240, "tokens_cached": made * 200, "tokens_saved": saved * 1010,
        "cost": round(made * 0.00214, 9), "cost_saved": round(saved * 0.00205, 9), "request_bytes": requests * 3200, "response_bytes": requests * 1900, "retries": failed // 3, "fallbacks": failed // 6,
        "latency_ms": {"p50": 412.0 * base, "p90": 1840.0 * base, "p99": 4900.0 * base, "mean": 690.0 * base} if requests else dict.fromkeys(("p50", "p90", "p99", "mean")),
        "overhead_us": {"p50": 74.0 * base, "p90": 162.0 * base, "p99": 421.0 * base, "mean": 90.0 * base} if requests else dict.fromkeys(("p50", "p90", "p99", "mean")),
        "ttfb_ms": {"p50": 188.0 * base, "p90": 640.0 * base, "p99": 1710.0 * base, "mean": 260.0 * base} if requests else dict.fromkeys(("p50", "p90", "p99", "mean")),
        "tokens_per_second": {"p50": 71.0 / base, "p90": 118.0 / base, "p99": 160.0 / base, "mean": 75.0 / base} if made else dict.fromkeys(("p50", "p90", "p99", "mean")),
    }


def added(parts):
    """The sum of several stretches; percentiles are those of the last, as no test asks more of them."""
    total = {}
    for part in parts:
        for name, value in part.items():
            if name == "t":
                continue
            if isinstance(value, dict) and name in ("errors", "hits"):
                total[name] = {key: total.get(name, {}).get(key, 0) + number for key, number in value.items()}
            elif isinstance(value, (int, float)) and name != "hit_ratio":
                total[name] = round(total.get(name, 0) + value, 9)
            else:
                total[name] = value
    if not total:
        return measures("none", 0, 0)
    saved = sum(total["hits"][layer] for layer in ("exact", "stale", "semantic", "collapsed"))
    lookups = saved + total["misses"] + total["hits"]["partial"]
    total["hit_ratio"] = saved / lookups if lookups else None
    return total


class Answers:
    """The admin API at a moment. `requests` lists what was asked: (method, path, query, body)."""

    def __init__(self, now=None, seed=5, role="admin"):
        self.now = now or time.time()
        self.seed = seed
        self.role = role
        self.requests = []
        self.purged = []
        self.evicted = []
        self.replaced = {}
        self.rows = [self.row(number) for number in range(400)]

    def answer(self, method, target, body=None):
        """(status, JSON or text) of a request."""
        path, _, text = target.partition("?")
        query = urllib.parse.parse_qs(text)
        self.requests.append((method, path, query, body))
        if (method, path) in self.replaced:
            found = self.replaced[method, path]
            return found(query) if callable(found) else found
        parts = [urllib.parse.unquote(part) for part in path.split("/")[1:]]
        if path == "/session":
            return (200, {"role": self.role, "expires_at": stamp(self.now + 40000)}) if method == "GET" else (204, None)
        if path == "/stats":
            return 200, self.stats(query)
        if path == "/logs":
            return 200, self.logs(query)
        if path == "/logs/tail":
            return 200, ": \n\n"
        if parts[0] == "logs":
            return self.log(parts)
        if path == "/tenants":
            return 200, {"tenants": [{"id": name, "disabled": name == "staging", "managed_by": "store"} for name in TENANTS]}
        if parts[0] == "tenants":
            return 200, self.limits(parts[1])
        if path == "/routes":
            return 200, {"routes": [
                {"name": "chat", "strategy": "fallback", "targets": ["openai/gpt-5.2-mini", "anthropic/claude-sonnet-5", "mistral/mistral-large-3"], "cache_by": "target"},
                {"name": "fast", "strategy": "latency", "targets": ["groq/llama-4-70b", "google-ai-studio/gemini-3-flash"], "cache_by": "route"},
            ]}
        if path == "/cache/stats":
            return 200, {
                "entries": 18_204, "bytes": 212_400_120, "bytes_max": 1_073_741_824, "used_percent": 19, "pending_entries": 0, "pending_bytes": 0, "stored": 22_019, "evicted": 0,
                "bad_records": 0, "removed_bad": 0, "purges": len(self.purged), "refused": {}, "hits": 91_022, "stale_hits": 820, "misses": 120_441, "collapsed": 6_110, "bypasses": 9_201,
                "reasons": {"finish-reason": 812, "tool-calls": 390, "too-large": 4},
            }
        if path == "/cache/entries":
            return 200, self.entries(query)
        if path == "/cache/purge":
            self.purged.append(body)
            return 200, {"purged": 1 if body and "cache_key" in body else 37}
        if path == "/semantic":
            return 200, self.semantic()
        if parts[0] == "semantic" and method == "DELETE":
            self.evicted.append(int(parts[2]))
            return 200, {"evicted": True}
        return 404, {"error": {"message": "Nothing is served at this path of the admin port.", "type": "invalid_request_error", "param": None, "code": "unknown_path"}}

    # Stats

    def window(self, query):
        if "from" in query:
            begin, end = (parse(query[name][0]) for name in ("from", "to"))
        else:
            text = query.get("window", ["1h"])[0]
            end = self.now
            begin = end - int(text[:-1]) * SECONDS[text[-1]]
        step = query.get("step", ["auto"])[0]
        seconds = {"1m": 60, "1h": 3600, "1d": 86400}.get(step) or (60 if end - begin <= 7200 else 3600 if end - begin <= 8 * 86400 else 86400)
        return begin, end, seconds

    def stats(self, query):
        begin, end, step = self.window(query)
        assert 1 <= int(query.get("top", ["20"])[0]) <= 200, "the gateway takes no more"
        share = math.prod(self.share(name, query[name][0]) for name in ("tenant", "provider", "model", "route") if name in query)
        first = int(begin // step * step)
        series = []
        for moment in range(first, int(end), step):
            seconds = min(step, end - moment)
            series.append({"t": stamp(moment, 0), **measures(self.seed, moment, seconds, share)})
        totals = added(series)
        return {
            "window": {"from": stamp(begin, 0), "to": stamp(end, 0), "step_seconds": step, "resolution": {60: "minute", 3600: "hour"}.get(step, "day")},
            "totals": totals, "series": series, "groups": self.groups(query, begin, end), "percentile_bounds": 0.05,
            "counters": {"requests": 1_204_991}, "in_flight": 7, "connections": 41, "flights": 2, "targets": self.targets(), "ring": self.ring(), "label_overflow": 0,
        }

    def share(self, name, value):
        if name == "tenant":
            return TENANTS.get(value, 0.01)
        return sum(part for (provider, model), part in TARGETS.items() if value in (provider, model)) or 0.3

    def groups(self, query, begin, end):
        by = query.get("group_by", [""])[0]
        if not by:
            return []
        if by == "provider,model":
            keys = [({"provider": provider, "model": model}, part) for (provider, model), part in TARGETS.items()]
        elif by == "provider":
            names = sorted({provider for provider, _ in TARGETS})
            keys = [({by: name}, self.share(by, name)) for name in names]
        elif by == "model":
            keys = [({by: model}, part) for (_, model), part in TARGETS.items()]
        elif by == "route":
            keys = [({by: "chat"}, 0.7), ({by: ""}, 0.3)]
        else:
            keys = [({by: name}, part) for name, part in TENANTS.items()]
        found = [{"key": key, **measures(f"{self.seed}{key}", begin, end - begin, part)} for key, part in keys]
        return sorted(found, key=lambda group: -group["requests"])

    def targets(self):
        found = []
        for index, (provider, model) in enumerate(TARGETS):
            state = {3: "half_open", 5: "open"}.get(index, "closed")
            key = {"key": 0, "breaker": state, "openings": 0 if state == "closed" else 3, "benched_seconds": 0, "limited_seconds": 0}
            if state == "open":
                key |= {"cause": "consecutive_failures", "open_seconds": 21}
            keys = [key] if index else [key, {"key": 1, "breaker": "closed", "openings": 0, "benched_seconds": 0, "limited_seconds": 12}]
            found.append({"provider": provider, "model": model, "keys": keys, "ejected": None, "latency_ms": 300 + 90 * index, "pending": index % 3, "repeats_left": 10})
        return found

    def ring(self):
        return {
            "rows": 84_210, "rows_max": 100_000, "bytes": 48_211_004, "bytes_max": 268_435_456, "oldest": stamp(self.now - 170_000), "newest": stamp(self.now), "dropped": 0, "stopped": 0, "over_quota": 0, "uncollected": 0, "writing": True, "scope": "global",
            "strategy": "DELETE_OLDEST", "quota": None,
        }

    def limits(self, tenant):
        spent = {"storefront": 41.2, "support-bot": 118.4, "search": 9.1, "analytics": 3.3}.get(tenant, 0)
        common = {"outstanding": 0, "reset_seconds": 12, "refused": 0, "shadow_refused": 0, "underestimated": 0, "shadow": False, "selector": "all"}
        budget = {
            **common, "name": "tenant-cost", "measure": "cost", "text": "$120.00 per month", "amount": "120.00", "per": "month", "window": "calendar", "burst": "120.00", "unit": "USD",
            "remaining": f"{120 - spent:.2f}", "spent": f"{spent:.2f}", "outstanding": "2.40", "resets_at": stamp(self.now + 8 * 86400, 0), "refused": 12 if spent > 100 else 0,
        }
        rate = {
            **common, "name": "tenant-requests", "measure": "requests", "text": "600 requests per 1m", "amount": 600, "per": "1m", "window": "bucket", "burst": 600, "unit": "requests",
            "remaining": 600 - int(spent * 4), "spent": int(spent * 4),
        }
        key = {"scope": "key", "id": "k_7c1", "tenant": tenant, "label": "nightly batch", "limits": [{**rate, "text": "60 requests per 1m", "burst": 60, "remaining": 60, "shadow": True}]}
        return {"scope": "tenant", "id": tenant, "limits": [] if tenant == "staging" else [budget, rate], "keys": [key] if tenant == "search" else []}

    # Log

    def row(self, number):
        chance = random.Random(f"{self.seed}/row/{number}")
        provider, model = chance.choices(list(TARGETS), list(TARGETS.values()))[0]
        layer = chance.choices(list(LAYERS), list(LAYERS.values()))[0]
        is_saved = layer in ("exact", "semantic", "collapsed", "stale")
        kind = "none" if is_saved or chance.random() > 0.06 else chance.choice(["upstream", "timeout", "limited", "rejected", "client_left"])
        status, code = {
            "none": (200, ""), "upstream": (502, "upstream_unreachable"), "timeout": (504, "upstream_timeout"), "limited": (429, "budget_exceeded"), "rejected": (400, ""), "client_left": (499, "client_left"),
        }[kind]
        duration = chance.lognormvariate(-2.4, 0.4) if is_saved else chance.lognormvariate(6.4, 0.8)
        tokens_in, tokens_out = chance.randint(60, 2400), chance.randint(12, 900)
        moment = self.now - 1 - number * 2.3 - chance.random()
        return {
            "id": f"019a{number:04x}-7b2c-7000-8000-{chance.randrange(1 << 48):012x}", "sequence": 1_204_991 - number, "created_at": stamp(moment), "tenant": chance.choices(list(TENANTS), list(TENANTS.values()))[0],
            "key_id": f"k_{chance.randrange(1 << 24):06x}", "provider": provider, "model": model, "route": "chat", "operation": "chat_completions", "path": "/v1/chat/completions", "event_id": "",
            "status_code": status, "success": kind == "none", "error_code": code, "error_kind": kind, "cached": is_saved, "cache_layer": layer, "cache_status": "weir; hit; ttl=376" if is_saved else "weir; fwd=miss; stored",
            "cache_reason": None, "duration": round(duration, 3), "overhead_us": chance.randint(40, 300), "ttfb_ms": round(duration * 0.4, 3), "tokens_in": 0 if is_saved else tokens_in,
            "tokens_out": 0 if is_saved else tokens_out, "tokens_cached": 0, "tokens_saved": tokens_in + tokens_out if is_saved else 0, "cost": 0 if is_saved or kind != "none" else round(tokens_in * 2.5e-7 + tokens_out * 2e-6, 9),
            "cost_saved": round(tokens_in * 2.5e-7 + tokens_out * 2e-6, 9) if is_saved else 0, "request_size": tokens_in * 4 + 310, "response_size": tokens_out * 4 + 420, "step": 0, "attempts": 0 if is_saved else 1,
            "stream": chance.random() < 0.6, "estimated": False, "suspect": False, "unpriced": False, "custom_cost": False, "finish_reason": "stop", "metadata": {"team": "checkout", "build": "2026.11"},
            "similarity": 0.9731 if layer == "semantic" else None, "feedback": None, "score": None, "has_request": number % 3 == 0, "has_response": number % 3 == 0, "trace_id": None, "span_id": None,
        }

    def logs(self, query):
        def passes(row):
            for name in ("tenant", "provider", "model", "route", "cache_layer", "error_kind", "key_id"):
                if name in query and row[name] != query[name][0]:
                    return False
            if "success" in query and row["success"] != (query["success"][0] == "true"):
                return False
            if "search" in query and not any(query["search"][0] in row[name] for name in ("id", "event_id", "path", "model", "tenant", "error_code")):
                return False
            return all(self.compare(row, text) for text in query.get("filter", []))

        found = [row for row in self.rows if passes(row)]
        start = int(query.get("cursor", ["0"])[0])
        limit = int(query.get("limit", ["50"])[0])
        more = start + limit < len(found)
        return {"rows": found[start:start + limit], "next_cursor": str(start + limit) if more else None, "gap": False, "scanned": len(self.rows), "ring": self.ring()}

    @staticmethod
    def compare(row, text):
        subject, _, value = text.partition(":")
        name, _, operator = subject.rpartition(".")
        found = row["metadata"].get(name[9:]) if name.startswith("metadata.") else row[name]
        if isinstance(found, (int, float)):
            value = float(value)
        return {
            "eq": lambda: found == value, "neq": lambda: found != value, "contains": lambda: value in found, "lt": lambda: found < value, "gt": lambda: found > value,
            "lte": lambda: found <= value, "gte": lambda: found >= value,
        }[operator]()

    def log(self, parts):
        row = next((row for row in self.rows if row["id"] == parts[1]), None)
        if row is None:
            return 404, {"error": {"message": "There is no such row.", "type": "invalid_request_error", "param": None, "code": "log_not_found"}}
        if len(parts) == 3:
            return 200, json.dumps({"messages": [{"role": "user", "content": "Where is my order?"}]})
        failed = {"provider": row["provider"], "model": row["model"], "status": 503, "failure": "", "duration_ms": round(row["duration"] * 0.3, 3), "is_repeat": False}
        last = {**failed, "status": row["status_code"], "duration_ms": round(row["duration"] * 0.65, 3), "is_repeat": True}
        return 200, {**row, "attempt_details": [] if row["cached"] else [failed, last]}

    # Cache

    def semantic(self):
        common = {"explored": 0, "would_have_served": 0, "alarms": 0, "alarmed": False}
        scopes = [
            {**common, "scope": "storefront", "requests": 84_210, "served": 31_990, "audits": 1_420, "audits_judged": 1_411, "audits_wrong": 22, "labels": 40_120, "audited_error": 0.0062,
             "audited_error_interval": [0.0031, 0.0093], "thresholds": {"0.01": 0.931}, "error_bounds": {"0.01": 0.0091}},
            {**common, "scope": "support-bot", "requests": 9_120, "served": 810, "audits": 212, "audits_judged": 212, "audits_wrong": 19, "labels": 4_020, "audited_error": 0.021,
             "audited_error_interval": [0.012, 0.034], "thresholds": {}, "error_bounds": {}, "alarms": 1, "alarmed": True},
            {**common, "scope": "staging", "requests": 12, "served": 0, "audits": 0, "audits_judged": 0, "audits_wrong": 0, "labels": 3, "audited_error": None, "audited_error_interval": None,
             "thresholds": {}, "error_bounds": {}},
        ]
        asked = [("Where is my order from yesterday?", "Where is my order?", 0.9312), ("How do I return shoes?", "How can I return a pair of shoes?", 0.9871), ("Change of address", "I moved, how do I tell you?", None)]
        riskiest = [
            {"scope": "storefront", "entry": 4100 + number, "cosine": 0.91 + number / 100, "p": p, "text": text, "matched_text": matched, "request_id": f"019a{number:04x}-7b2c-7000-8000-000000000000",
             "served_at": stamp(self.now - 60 * number)}
            for number, (text, matched, p) in enumerate(asked) if 4100 + number not in self.evicted
        ]
        return {
            "state": "ready", "models": {"gate": "potion-base-8M int8 128", "sentence": "all-MiniLM-L6-v2 fp32 384"}, "entries": 48_120, "partitions": 211, "entry_bytes": 26_000_000, "memo_entries": 1024, "lookups": 71_002,
            "inserts": 50_331, "evicted": 0, "dropped": 0, "missing": 3, "refused": {}, "ineligible": {"too-short": 4_120}, "misses": {"gate": 12_991, "distant": 2_030}, "served": 32_800, "tokens_saved": 33_128_000, "cost_saved_usd": 67.24,
            "embedder": {"submitted": 60_000, "refused": 0, "embedded": 59_990, "late": 10, "embedded_late": 10, "dropped": 0, "waiting": 0, "tokens": 900_000, "busy_seconds": 480.2},
            "judge": {"waiting": 0, "judged": 44_000, "dropped": 7, "equal": 30_000, "different": 9_000, "unsure": 5_000}, "scopes": scopes, "riskiest": riskiest,
        }

    def entries(self, query):
        found = []
        for number in range(120):
            chance = random.Random(f"{self.seed}/entry/{number}")
            provider, model = chance.choices(list(TARGETS), list(TARGETS.values()))[0]
            created = self.now - chance.randint(10, 3500)
            found.append({
                "cache_key": f"{chance.randrange(1 << 256):064x}", "tenant": chance.choice(list(TENANTS)), "model": model, "provider": provider, "operation": "chat_completions", "created_at": stamp(created, 0),
                "expires_at": stamp(created + 3600, 0), "bytes": chance.randint(400, 60_000), "hits": chance.randint(0, 400),
            })
        for name in ("tenant", "model"):
            if name in query:
                found = [entry for entry in found if entry[name] == query[name][0]]
        if "search" in query:
            found = [entry for entry in found if query["search"][0] in entry["cache_key"] + entry["model"]]
        start, limit = int(query.get("cursor", ["0"])[0]), int(query.get("limit", ["50"])[0])
        return {"entries": found[start:start + limit], "next_cursor": str(start + limit) if start + limit < len(found) else None}


def parse(text):
    import datetime

    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Handler(http.server.BaseHTTPRequestHandler):
    """The page and the answers, for a person at work on the page. Any token signs in."""

    protocol_version = "HTTP/1.1"
    answers = None

    def do_GET(self):
        name = {"/": "index.html"}.get(self.path, self.path[1:])
        if (PAGE / name).is_file() and "/" not in name:
            kinds = {"html": "text/html; charset=utf-8", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
            return self.reply(200, (PAGE / name).read_bytes(), kinds[name.rpartition(".")[2]])
        if self.path.startswith("/logs/tail"):
            return self.tail()
        return self.api()

    def do_POST(self):
        self.api()

    do_DELETE = do_POST

    def api(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.answers.now = time.time()
        status, found = self.answers.answer(self.command, self.path, json.loads(body) if body else None)
        self.reply(status, (found if isinstance(found, str) else json.dumps(found)).encode() if found is not None else b"", "application/json")

    def tail(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        try:
            for number in range(100_000):
                row = self.answers.row(1_000_000 + number)
                row |= {"created_at": stamp(time.time()), "sequence": 2_000_000 + number}
                self.wfile.write(f"event: row\ndata: {json.dumps(row)}\n\n".encode())
                self.wfile.flush()
                time.sleep(1.5)
        except OSError:
            pass
        self.close_connection = True

    def reply(self, status, body, kind):
        self.send_response(status)
        for name, value in (("content-type", kind), ("content-length", str(len(body))), ("content-security-policy", POLICY), ("cache-control", "no-cache"), ("x-content-type-options", "nosniff")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Handler.answers = Answers()
    print(f"http://127.0.0.1:{sys.argv[1]}/")
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
