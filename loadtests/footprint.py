"""Memory at rest, under load and after it; and the time from starting a process to its first answer."""

import http.client
import os
import statistics
import threading
import time

import peers
import scale
import servers
import token_streams

STREAMS = 512
REST = 10  # seconds after the load
STARTS = 5


class Peak(threading.Thread):
    """The greatest memory of a server while this runs."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.most, self.ended = server, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.5):
            self.most = max(self.most, self.server.memory_mib())

    def stop(self):
        self.ended.set()
        self.join()
        return max(self.most, self.server.memory_mib())


def memory(bench):
    streams, requests = token_streams.Streams(bench), bench.options.million
    gateway = bench.weir("weir memory", providers={"paced": streams.port}, more=token_streams.MANY).wait_ready()
    try:
        time.sleep(2)
        bench.row("memory", "weir", "rss_anon_idle_mib", "MiB", [gateway.memory_mib()])
        peak = Peak(gateway)
        if streams.program.exists():
            streams.load(gateway, STREAMS, "memory", "/paced/v1/chat/completions")
        bench.load_until(gateway, requests * 8 // 10)
        bench.load_until(gateway, requests * 2 // 10, order="sequence", first=bench.next_marks())
        bench.row("memory", "weir", "rss_anon_mib", "MiB", [peak.stop()])
        time.sleep(REST)
        bench.row("memory", "weir", "rss_anon_recovered_mib", "MiB", [gateway.memory_mib()])
        bench.row("memory", "weir", "rss_total_mib", "MiB", [gateway.memory_mib("VmRSS")])
    finally:
        gateway.stop()
    if requests < 1_000_000:
        bench.skipped.append(f"memory: {requests} requests, not 1 million")
    place = alone(bench)
    for make in (peers.nginx_cache, peers.varnish, peers.haproxy, peers.envoy, peers.LiteLLM):
        peer_memory(bench, bench.started(lambda: make(*place)))


def peer_memory(bench, server):
    if not server:
        return
    try:
        time.sleep(1)
        bench.row("memory", server.who, "rss_anon_idle_mib", "MiB", [server.memory_mib()])
        peak = Peak(server)
        bench.load(server, 8, 3, order="sequence", first=bench.next_marks())
        bench.row("memory", server.who, "rss_anon_mib", "MiB", [peak.stop()])
        bench.row("memory", server.who, "rss_total_mib", "MiB", [server.memory_mib("VmRSS")])
    finally:
        server.stop()


def alone(bench):
    """Where a peer is started that may also be running for other scenarios: folder, core, upstream."""
    folder = bench.folder / "alone"
    folder.mkdir(exist_ok=True)
    return folder, bench.cores[0], bench.upstream.port


def first_answer(server, mark="0" * 16, status=""):
    """Milliseconds from the start of the process to its first 200, asked for every millisecond; Weir's cache status begins with `status`."""
    deadline, body = time.monotonic() + 120, servers.asking_body(250, mark)
    while time.monotonic() < deadline and server.child.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        try:
            connection.request("POST", server.path(), body, {"Content-Type": "application/json", "Authorization": f"Bearer {server.key}"})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                if not answer.getheader("cache-status", "").startswith(status):
                    raise RuntimeError(f"{server.who}: the first answer was {answer.getheader('cache-status')!r}")
                return (time.monotonic() - server.began) * 1000
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.001)
    raise RuntimeError(f"{server.who} gave no answer; see {server.log.name}")


def forget_pages(folder):
    """Takes the files below out of the page cache, as they are after a boot."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def start(bench):
    place = alone(bench)

    makers = {
        "weir": lambda: bench.weir("weir start"), "nginx proxy_cache": lambda: peers.nginx_cache(*place), "varnish": lambda: peers.varnish(*place),
        "haproxy": lambda: peers.haproxy(*place), "envoy": lambda: peers.envoy(*place), "litellm": lambda: peers.LiteLLM(*place),
    }
    for who, make in makers.items():
        measure(bench, "start-empty", who, make, times=1 if who == "litellm" else STARTS)
    filled = scale.million(bench)
    size = sum(path.stat().st_blocks * 512 for path in filled.data.rglob("*") if path.is_file()) / 2**30
    if size < 1:
        bench.skipped.append(f"start-1gib: the cache had {size:.2f} GiB")

    def full():
        forget_pages(filled.data)
        return filled.spawn("weir start-1gib")

    measure(bench, "start-1gib", "weir", full, f"{scale.FIRST + 5:016d}", "weir; hit", gib=round(size, 2), entries=filled.entries)


def measure(bench, scenario, who, make, mark="0" * 16, status="", times=STARTS, **more):
    found = []
    for _ in range(times):
        try:
            server = make()
        except peers.Missing as missing:
            bench.skip(str(missing))
            return
        try:
            found.append(first_answer(server, mark, status))
        finally:
            server.stop()
    bench.say(f"  {scenario} {who:18} {statistics.median(found):8.1f} ms to the first answer")
    bench.row(scenario, who, "first_answer_ms", "ms", found, **more)
