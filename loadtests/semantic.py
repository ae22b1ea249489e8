"""BANKING77 replayed through a running gateway with the semantic cache on.

A run of the replay is one seed, one bound and the guard on or off. All runs share one gateway process: each is a tenant of its own, hence has
its own partition and learns on its own; the bound and the guard belong to the route. The questions go over one kept-alive connection, one after the
other, and a provider on loopback answers each with its intent. A hit is what `Cache-Status` calls semantic; it is wrong when the intent in
the answer is not the question's own. Error is wrong hits ÷ all requests, learning included: nothing is warmed up. What the gateway pools over its
tenants, the prior towards which each tenant's fit is pulled, is pooled over the runs as well.
"""

import base64
import hashlib
import json
import pathlib
import random
import socket
import subprocess
import threading
import time

import semantic_report
import servers
import stream
import wire

BOUNDS = [0.005, 0.01, 0.02, 0.05]
SEEDS = [1, 2, 3, 4, 5]
# How a route is set. Guard off and on by the presets of the configuration, every question eligible: all are first questions, so that short ones lean
# on nothing, and their answers do not age. `defaults`: nothing but the bound. `mistaken`: guard off, and the provider errs.
ALL_ELIGIBLE = {"content_words_min": 0, "time_dependent_ttl_max": "30d"}
VARIANTS = {
    "intent": {"guard": "intent", **ALL_ELIGIBLE}, "all": {"guard": "all", **ALL_ELIGIBLE}, "defaults": {}, "mistaken": {"guard": "intent", **ALL_ELIGIBLE},
}
MISTAKEN = 0.05  # the share of the questions that the mistaken provider answers with another intent
POINT_EVERY = 250
PAUSE_EVERY = 50


class Provider:
    """Answers a question with its intent. The model `plain` is always right; `mistaken-SEED` takes another intent for a share of the questions,
    and the same one each time it is asked. The answer's id names the question that it was given for."""

    def __init__(self, texts, labels):
        self.labels = labels
        self.index = {}
        for number, text in enumerate(texts):
            self.index.setdefault(text, number)
        self.intents = sorted(set(labels))
        self.calls = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        rest = b""
        with connection:
            while True:
                while (place := rest.find(b"\r\n\r\n")) < 0:
                    if not (data := connection.recv(65536)):
                        return
                    rest += data
                head = rest[:place].lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
                while len(rest) < place + 4 + length:
                    if not (data := connection.recv(65536)):
                        return
                    rest += data
                body, rest = rest[place + 4:place + 4 + length], rest[place + 4 + length:]
                answer = self.answer(json.loads(body)).encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer) + answer)

    def answer(self, asked):
        self.calls += 1
        number = self.index[asked["messages"][-1]["content"]]
        model = asked["model"]
        label = self.labels[number] if model == "plain" else self.mistake(number, int(model.rpartition("-")[2]))
        return json.dumps({
            "id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1700000000, "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": label}, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
        })

    def mistake(self, number, seed):
        chance = random.Random(seed * 1_000_003 + number)
        if chance.random() >= MISTAKEN:
            return self.labels[number]
        return chance.choice([intent for intent in self.intents if intent != self.labels[number]])

    def close(self):
        self.listener.close()


def percent(share):
    return f"{share * 100:g} %"


def route_name(seed, bound, variant):
    return f"bound-{bound * 100:g}-{variant}" + (f"-{seed}" if variant == "mistaken" else "")


def key_of(tenant):
    """A key for a tenant of the configuration, which holds only its hash."""
    return "wk_" + base64.urlsafe_b64encode(hashlib.sha256(f"bench {tenant}".encode()).digest()).decode().rstrip("=")


class Replay:
    """The runs against one gateway, some at a time."""

    def __init__(self, bench, plan, minutes):
        self.bench, self.plan, self.deadline = bench, plan, time.monotonic() + minutes * 60
        self.texts, self.labels = stream.read(stream.find())
        self.provider = Provider(self.texts, self.labels)
        self.results, self.lock, self.failed = {}, threading.Lock(), None
        routes, tenants, keys = {}, {}, {}
        for seed, bound, variant in plan:
            name = route_name(seed, bound, variant)
            model = f"mistaken-{seed}" if variant == "mistaken" else "plain"
            routes[name] = {"targets": [f"bench/{model}"], "semantic": {"enabled": True, "max_error": percent(bound).replace(" ", ""), **VARIANTS[variant]}}
            tenant = f"{name}-seed-{seed}"
            tenants[tenant] = {}
            keys[tenant] = {"key": "sha256:" + hashlib.sha256(key_of(tenant).encode()).hexdigest(), "tenant": tenant}
        self.gateway = servers.Weir("weir semantic", bench.folder, None, self.provider.port, cache=True, more={
            "cache": {"enabled": True, "ttl": "1d", "bytes_max": "4GiB"}, "routes": routes, "tenants": tenants, "keys": keys,
            "limits": {"requests_per_connection_max": 1_000_000}, "semantic": settings(len(plan) * len(self.texts)),
        }).wait_ready()
        wait_semantic(self.gateway)

    def run(self):
        """The results in the order of the plan; fewer than planned if time ran out."""
        try:
            waiting = list(self.plan)
            workers = [threading.Thread(target=self.work, args=[waiting]) for _ in range(self.bench.options.parallel)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            if self.failed:
                raise self.failed
            self.status = self.gateway.admin_get("/semantic")
            (self.bench.folder / "semantic-status.json").write_text(json.dumps(self.status, indent=1))
        finally:
            self.gateway.stop()
            self.provider.close()
        return [self.results[run] for run in self.plan if run in self.results]

    def work(self, waiting):
        while not self.failed:
            with self.lock:
                if not waiting or time.monotonic() > self.deadline:
                    return
                run = waiting.pop(0)
            try:
                self.results[run] = self.one(*run)
                with self.lock:
                    (self.bench.folder / "semantic-runs.json").write_text(json.dumps(list(self.results.values())))
            except (RuntimeError, OSError) as error:
                self.failed = error

    def let_judge(self):
        """Waits until every answer so far is judged. Thousands of questions a second from one tenant are not what is measured: with fewer, the
        judge, who works beside the requests, is hardly ever an answer behind."""
        while self.gateway.admin_get("/semantic")["judge"]["waiting"]:
            time.sleep(0.002)

    def one(self, seed, bound, variant):
        route = route_name(seed, bound, variant)
        tenant = f"{route}-seed-{seed}"
        key, client = key_of(tenant), wire.Wire(self.gateway.port)
        hits = wrong = misled = exact = 0
        points, began = [], time.monotonic()
        order = stream.order(len(self.texts), seed)
        for number, question in enumerate(order, 1):
            body = json.dumps({"model": route, "messages": [{"role": "user", "content": self.texts[question]}]}).encode()
            status, fields, data = client.ask("/v1/chat/completions", body, key)
            if status != 200:
                raise RuntimeError(f"weir: status {status} in the replay: {data[:300]!r}")
            said = fields.get("cache-status", "")
            if 'detail="semantic' in said and said.startswith("weir; hit"):
                answer = json.loads(data)
                hits += 1
                wrong += answer["choices"][0]["message"]["content"] != self.labels[question]
                # Whose question the stored answer was given for: tells a wrong match from a right one to an answer that was wrong already.
                misled += self.labels[int(answer["id"].rpartition("-")[2])] != self.labels[question]
            elif said.startswith("weir; hit"):
                exact += 1
            if number % PAUSE_EVERY == 0:
                self.let_judge()
            if number % POINT_EVERY == 0 or number == len(order):
                points.append([number, hits, wrong])
        client.close()
        seconds = time.monotonic() - began
        scope = next((scope for scope in self.gateway.admin_get("/semantic")["scopes"] if scope["scope"] == tenant), {})
        result = {
            "seed": seed, "bound": bound, "variant": variant, "requests": len(order), "hits": hits / len(order), "error": wrong / len(order),
            "wrong_match": misled / len(order), "exact": exact, "seconds": round(seconds, 1), "points": points, "scope": scope,
        }
        self.bench.say(
            f"  {percent(bound):>5} {variant:8} seed {seed}: {result['hits']:.1%} hits, {result['error']:.2%} wrong"
            f" ({scope.get('audits', 0)} audits, {seconds / len(order) * 1000:.2f} ms a request)")
        return result


def settings(entries):
    """Room for every run's entries and vectors, and no hurry: what is measured is which answers are served, on a machine that may be busy."""
    return {
        "models_directory": str(models_folder()), "memo_entries": 40_000, "key_inserts_per_minute": 1_000_000, "key_share": "100%",
        "entries_max": max(200_000, entries), "entries_per_partition_max": 150_000, "budget": "10s", "pending_max": 16384,
    }


def models_folder():
    return servers.ROOT / ".build" / "bench" / "models"


def wait_semantic(gateway, seconds=60):
    """Until the semantic cache serves."""
    deadline = time.monotonic() + seconds
    try:
        while (status := gateway.admin_get("/semantic"))["state"] != "ready":
            if status["state"] == "off" or time.monotonic() > deadline:
                raise RuntimeError(f"weir: the semantic cache is {status['state']}: {status.get('problem', '')}")
            time.sleep(0.1)
    except (RuntimeError, OSError):
        gateway.stop()
        raise


def why_not():
    """Why the replay can't run, or None."""
    if stream.find() is None:
        return "semantic: no data (WEIR_BANKING77 names none, and there is none in ../shared/data)"
    return models_missing()


def models_missing():
    if len(list(models_folder().glob("*.weir"))) < 2:
        return "semantic: no embedding models (loadtests/setup installs them from PyPI)"
    return None


def vectors(bench):
    """The data's vectors, as the gateway's own model makes them; kept beside the other files of the bench."""
    data = stream.find()
    sentence = next(models_folder().glob("all-MiniLM*.weir"))
    name = hashlib.sha256(data.read_bytes() + sentence.read_bytes()).hexdigest()[:16]
    path = bench.folder / f"vectors-{name}.jsonl"
    if not path.exists():
        bench.say("  embedding the questions, for the static thresholds and GPTCache")
        lines = "".join(json.dumps(text) + "\n" for text in stream.read(data)[0])
        made = path.with_suffix(".new")
        with open(made, "w", encoding="utf-8") as file:
            subprocess.run([str(servers.weir_binary()), "model", "embed", "--lines", "--max-tokens", "128", "--directory", str(models_folder())],
                           input=lines, text=True, stdout=file, check=True)
        made.rename(path)
    return path


class Baselines:
    """semantic_baselines.py in the background, while the gateway replays. The same data, vectors and script give the same results: those are kept."""

    def __init__(self, bench, seeds, bounds):
        self.bench, self.child, self.kept = bench, None, None
        python = servers.ROOT / ".build" / "bench-venv" / "bin" / "python"
        if not python.exists() or subprocess.run([str(python), "-c", "import numpy"], capture_output=True).returncode:
            bench.skipped.append("static thresholds and GPTCache: no numpy in .build/bench-venv (loadtests/setup installs it)")
            return
        script, places = pathlib.Path(__file__).with_name("semantic_baselines.py"), vectors(bench)
        asked = ["--seeds", ",".join(map(str, seeds)), "--bounds", ",".join(map(str, bounds))]
        name = hashlib.sha256(script.read_bytes() + f"{places.name} {asked}".encode()).hexdigest()[:16]
        self.kept = bench.folder / f"baselines-{name}.json"
        if not self.kept.exists():
            more = ["--data", str(stream.find()), "--vectors", str(places), "--minutes", str(bench.options.minutes * 0.8)]
            self.child = subprocess.Popen([str(python), str(script), *asked, *more], stdout=subprocess.PIPE, text=True)

    def results(self):
        """Waits for them; None if there are none."""
        if not self.kept:
            return None
        if self.child:
            text = self.child.communicate()[0]
            if self.child.returncode:
                raise RuntimeError("semantic_baselines.py failed")
            if "skipped" not in json.loads(text)["gptcache"]:
                self.kept.write_text(text)
        else:
            text = self.kept.read_text()
        found = json.loads(text)
        if "skipped" in found["gptcache"]:
            self.bench.skipped.append(found["gptcache"]["skipped"])
        return found

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()


def replay(bench, brief):
    """The whole sweep, or one seed at 1 % and 2 %."""
    if reason := why_not():
        bench.skipped.append(reason)
        return
    seeds, bounds = (SEEDS[:1], [0.01, 0.02]) if brief else (bench.options.seeds or SEEDS, bench.options.bounds or BOUNDS)
    streams = {seed: [(seed, bound, variant) for bound in bounds for variant in ("intent", "all")] for seed in seeds}
    further = {seed: [] for seed in seeds} if brief else {
        seed: [(seed, bound, "mistaken") for bound in bounds] + [(seed, bound, "defaults") for bound in bounds if bound in (0.01, 0.02)] for seed in seeds}
    # If time runs out, every row is there with fewer seeds.
    plan = streams[seeds[0]] + further[seeds[0]]
    for seed in seeds[1:]:
        plan += streams[seed]
    for seed in seeds[1:]:
        plan += further[seed]
    others = Baselines(bench, seeds, bounds)
    try:
        runs = Replay(bench, plan, bench.options.minutes)
        results = runs.run()
        if left := len(plan) - len(results):
            bench.skipped.append(f"semantic: {left} of {len(plan)} runs, for want of time")
        semantic_report.rows(bench, results, others.results(), brief)
    finally:
        others.stop()
    if not brief:
        semantic_report.chart(bench, results)
