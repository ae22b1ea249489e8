"""What is added to streams of tokens: 64 deltas 20 ms apart, 256 and 512 of them at once, beside 64 that go to the provider directly.

token_streams.c is client and provider in one; loadtests/setup compiles it. Every peer gets a server of its own that has this provider as its
upstream. Nothing may be lost or come out of turn; what came together with an earlier delta of its stream is counted.
"""

import json
import subprocess

import peers
import servers

CONTROLS = 64
SECONDS = 3
# By default an event loop opens at most 256 connections to a host.
MANY = {"upstream": {"connections_per_host_max": 2048, "connections_max": 4096}}
FEW = 16  # streams for a peer that can't keep up with more


class Streams:
    def __init__(self, bench):
        self.bench, self.program, self.port, self.servers = bench, bench.folder / "token_streams", servers.free_port(), []

    def run(self):
        if not self.program.exists():
            self.bench.skipped.append("stream: .build/bench/token_streams is not compiled (loadtests/setup does it)")
            return
        place = (self.bench.folder, self.bench.cores[0], self.port)
        makers = [
            lambda: self.bench.weir("weir stream", upstream=self.port, more=MANY), lambda: peers.nginx_pass(*place, "nginx stream", "proxy_buffering off;"),
            lambda: peers.haproxy(*place, "haproxy stream", more="option http-no-delay"), lambda: peers.envoy(*place, "envoy stream")]
        try:
            self.servers = [server for server in map(self.bench.started, makers) if server]
            for count in (256, 512):
                self.compare(count)
            self.few()
        finally:
            for server in self.servers:
                server.stop()

    def compare(self, count):
        found = {server.who: [] for server in self.servers}
        for number in range(self.bench.options.rounds):
            for server in self.servers:
                found[server.who].append(self.load(server, count, f"round {number + 1}"))
        for who, results in found.items():
            self.report(f"stream-{count}", who.split()[0].replace("nginx", "nginx proxy_pass"), count, results)
        every = [result for results in found.values() for result in results]
        self.report(f"stream-{count}", "direct", count, every, "direct")

    def few(self):
        server = self.bench.started(lambda: peers.LiteLLM(self.bench.folder, self.bench.cores[0], self.port, False, "litellm stream"))
        if not server:
            return
        try:
            self.report(f"stream-{FEW}", "litellm", FEW, [self.load(server, FEW, "once")], note=f"{FEW} streams: it can't keep up with more")
        finally:
            server.stop()

    def load(self, server, count, what, path=None):
        command = [str(self.program), str(self.port), str(server.port), path or server.path(), server.key, str(count), str(CONTROLS), str(SECONDS)]
        if self.bench.cores[1] is not None:
            command = ["taskset", "-c", str(self.bench.cores[1]), *command]
        before = server.cpu_seconds()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{server.who}: {done.stderr.strip()[-500:]}")
        result = json.loads(done.stdout)
        seen = result["target"]
        if result["errors"] or result["held"] != count + CONTROLS or not seen["streams"]:
            raise RuntimeError(f"{server.who}: {count} streams were not held: {result} {done.stderr.strip()[-500:]}")
        result["cpu_us"] = (server.cpu_seconds() - before) * 1e6 / result["all_tokens"]
        self.bench.say(
            f"  stream {count} {what} {server.who:16} first +{self.added(result, 'ttft', 1):.0f} µs p99, each +{self.added(result, 'delay', 0):.0f} µs p50"
            f" +{self.added(result, 'delay', 1):.0f} µs p99, pause +{self.added(result, 'gap', 1):.0f} µs p99, {result['cpu_us']:.1f} CPU-µs a delta,"
            f" {seen['buffered']} buffered")
        return result

    @staticmethod
    def added(result, name, place):
        return result["target"][name][place] - result["direct"][name][place]

    def report(self, scenario, who, count, results, of="target", **more):
        def row(metric, unit, values):
            self.bench.row(scenario, who, metric, unit, values, 250, count, **more)

        def pick(name, place, divisor=1):
            return [(result[of][name][place] - (result["direct"][name][place] if of == "target" else 0)) / divisor for result in results]

        added = "added_" if of == "target" else ""
        for name, place in (("p50", 0), ("p99", 1)):
            row(f"ttft_{added}{name}_ms", "ms", pick("ttft", place, 1000))
            row(f"token_{added}{name}_us", "µs", pick("delay", place))
        row(f"pause_{added}p99_us", "µs", pick("gap", 1))
        if of == "target":
            row("cpu_us", "µs", [result["cpu_us"] for result in results])
            row("streams_held", "", [count for _ in results])
            row("buffered_percent", "%", [100 * result["target"]["buffered"] / result["target"]["tokens"] for result in results])


def run(bench):
    Streams(bench).run()
