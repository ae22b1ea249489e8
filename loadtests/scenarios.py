"""The scenarios in which wrk asks one thing over and over: floor, hit and its sizes, pass, miss, refused."""

import hashlib
import json

import peers
import servers

SLOW_SECONDS = 2  # of a run against a peer that takes milliseconds of CPU a request, once
# What the answer's cache status begins with, by scenario and server.
STATUS = {
    ("hit", "weir"): "weir; hit", ("hit", "nginx proxy_cache"): "HIT", ("hit", "varnish"): "HIT", ("miss", "weir"): "weir; fwd=miss; stored",
    ("pass", "weir uncached"): "weir; fwd=bypass",
}


def name_of(server):
    return "weir" if server.who.startswith("weir") else server.who


def counters(server):
    """Requests, and those of them that got no row in the log."""
    found = server.admin_get("/stats")["counters"]
    return found["requests"], found["event_rows_dropped"]


class Comparison:
    """One scenario: the servers take turns, each answer before and after a run is looked at."""

    def __init__(self, bench, scenario, names, size=250, unique=False, stream=False, status=200):
        self.bench, self.scenario, self.size, self.unique, self.stream, self.status = bench, scenario, size, unique, stream, status
        self.servers = [server for server in map(bench.server, names) if server]

    def ask(self, server, unique=False):
        mark = f"{self.bench.next_marks():016d}" if self.unique or unique else "0" * 16
        body = servers.asking_body(self.size, mark, self.stream)
        return servers.ask(server.port, server.path(self.size, self.stream), body, {"Authorization": f"Bearer {server.key}"})

    def check(self, server):
        """The answer is the upstream's, and it came the way the scenario says."""
        status, fields, data = self.ask(server)
        if status != self.status:
            raise RuntimeError(f"{server.who}: status {status} in {self.scenario}, not {self.status}: {data[:200]!r}")
        if status == 429:
            if not fields.get("retry-after", "").isdigit():
                raise RuntimeError(f"{server.who}: 429 without Retry-After")
            return
        wanted = self.bench.events if self.stream else self.bench.answer
        scenario = self.scenario.split("-")[0]
        if isinstance(server, peers.LiteLLM):  # writes the answer anew
            if ("x-litellm-cache-key" in fields) != (scenario == "hit"):
                raise RuntimeError(f"{server.who}: {self.scenario} was {'no' if scenario == 'hit' else 'a'} hit")
            right = json.loads(data)["choices"][0]["message"]["content"] == json.loads(wanted)["choices"][0]["message"]["content"]
        else:
            right = hashlib.sha256(data).digest() == hashlib.sha256(wanted.encode()).digest()
        if not right:
            raise RuntimeError(f"{server.who}: wrong answer in {self.scenario}: {data[:200]!r}")
        said = fields.get("cache-status", "") if server.who.startswith("weir") else fields.get("x-cache-status", "")
        wanted = STATUS.get((scenario, server.who), "")
        if not said.startswith(wanted):
            raise RuntimeError(f"{server.who}: {self.scenario} was no {wanted!r} but {said!r}")

    def load(self, server, connections, seconds, every=""):
        return self.bench.load(
            server, connections, seconds, self.size, "sequence" if self.unique else "same", self.bench.next_marks() if self.unique else 0, 0,
            stream=self.stream, status=200 if server is self.bench.upstream else self.status, every=every)

    def prepare(self, server):
        # The first request of all fills the cache, or uses the limit up: then it is another one, since a hit would not count as a request.
        self.ask(server, unique=self.status == 429)
        self.check(server)
        self.load(server, 8, 1, "429:retry-after" if self.status == 429 else "")

    def run(self, plan):
        """`plan` has connections and seconds: CPU at 8 connections, latency at 1, throughput at 64."""
        for server in self.servers:
            self.prepare(server)
        before = {server.who: counters(server) for server in self.servers if isinstance(server, servers.Weir)}
        for connections, seconds in plan:
            found, direct = {server.who: [] for server in self.servers}, []
            for number in range(self.bench.options.rounds):
                if connections == 1 and self.scenario != "floor":
                    direct.append(self.load(self.bench.upstream, 1, seconds))
                for server in self.servers:
                    found[server.who].append(self.load(server, connections, seconds))
                    self.tell(server, connections, number, found[server.who][-1])
            for server in self.servers:
                self.check(server)
                self.report(server, connections, found[server.who], direct)
        for server in self.servers:
            if server.who in before:
                requests, dropped = (after - then for after, then in zip(counters(server), before[server.who]))
                self.bench.row(self.scenario, "weir", "event_rows_dropped_percent", "%", [100 * dropped / requests], self.size)

    def tell(self, server, connections, number, result):
        self.bench.say(
            f"  {self.scenario:10} c={connections:<3} round {number + 1}  {server.who:20} {result['cpu_us']:8.1f} CPU-µs {result['rps']:9.0f}/s"
            f" p50 {result['p50']} p99 {result['p99']} µs")

    def slow(self, server, plan):
        """A peer that is so slow that one short run tells all."""
        if not server:
            return
        try:
            self.prepare(server)
            for connections, _ in plan:
                direct = [self.load(self.bench.upstream, 1, 1)] if connections == 1 else []
                found = [self.load(server, connections, SLOW_SECONDS)]
                self.tell(server, connections, 0, found[0])
                self.report(server, connections, found, direct, note=f"one run of {SLOW_SECONDS} s")
            self.check(server)
        finally:
            server.stop()

    def report(self, server, connections, results, direct, **more):
        bench, who = self.bench, name_of(server)
        if connections == 8:
            bench.row(self.scenario, who, "cpu_us", "µs", [result["cpu_us"] for result in results], self.size, connections, **more)
        elif connections == 1:
            for name in ("p50", "p99"):
                values = [result[name] - (direct[index][name] if direct else 0) for index, result in enumerate(results)]
                bench.row(self.scenario, who, f"added_{name}_us" if direct else f"{name}_us", "µs", values, self.size, connections, **more)
        else:
            bench.row(self.scenario, who, "rps", "1/s", [result["rps"] for result in results], self.size, connections, **more)


def whole_plan(bench):
    return [(8, bench.options.seconds), (1, 2), (64, 1)]


def litellm(bench, cache):
    return bench.started(lambda: peers.LiteLLM(bench.folder, bench.cores[0], bench.upstream.port, cache))


def floor(bench):
    Comparison(bench, "floor", ["nginx return 200"]).run(whole_plan(bench))


def hit(bench):
    comparison = Comparison(bench, "hit", ["weir", "nginx proxy_cache", "varnish"])
    comparison.run(whole_plan(bench))
    comparison.slow(litellm(bench, True), whole_plan(bench)[:2])


def hit_16k(bench):
    Comparison(bench, "hit-16k", ["weir", "nginx proxy_cache", "varnish"], 16 * 1024).run([(8, max(1, bench.options.seconds - 1))])


def hit_128k(bench):
    # nginx can't key a cache on a body this long; it passes it on instead, without reading it.
    Comparison(bench, "hit-128k", ["weir", "nginx proxy_pass", "varnish"], 128 * 1024).run([(8, max(1, bench.options.seconds - 1))])
    bench.skipped.append("nginx proxy_cache at 128 KiB (hit-128k): its keys end at 64 KiB")


def hit_stream(bench):
    Comparison(bench, "hit-stream", ["weir", "nginx proxy_cache", "varnish"], stream=True).run([(8, bench.options.seconds), (1, 1)])


def pass_on(bench):
    comparison = Comparison(bench, "pass", ["weir uncached", "nginx proxy_pass", "haproxy", "envoy"])
    comparison.run(whole_plan(bench))
    comparison.slow(litellm(bench, False), whole_plan(bench)[:2])


def miss(bench):
    comparison = Comparison(bench, "miss", ["weir", "nginx proxy_pass", "haproxy", "envoy"], unique=True)
    comparison.run(whole_plan(bench)[:2])
    comparison.slow(litellm(bench, True), whole_plan(bench)[:1])


def refusing(bench):
    """A gateway whose only tenant may ask once an hour."""
    tenant = {"bench": {"limits": {**servers.LIMITS, "requests": "1/1h"}}}
    return bench.weir("weir refusing", more={"tenants": tenant})


def refused(bench):
    names = ["weir refusing", "nginx limit_req", "haproxy stick-table", "envoy ratelimit"]
    Comparison(bench, "refused", names, status=429).run([(8, bench.options.seconds), (1, 1)])


SCENARIOS = {
    "floor": floor, "hit": hit, "hit-16k": hit_16k, "hit-128k": hit_128k, "hit-stream": hit_stream, "pass": pass_on, "miss": miss, "refused": refused,
}
