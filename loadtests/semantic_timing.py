"""What a semantic hit and a miss at the gate cost in time, with many entries in the partition."""

import json
import pydoc_data.topics
import random
import re
import statistics
import subprocess
import time

import semantic
import servers
import wire

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
        self.gateway = servers.Weir("weir semantic-hit", bench.folder, bench.cores[0], self.upstream.port, cache=True, more={
            "cache": {"enabled": True, "ttl": "1d", "bytes_max": "4GiB"}, "limits": {"requests_per_connection_max": 1_000_000},
            "routes": {"similar": hit, "plain": "bench/m"}, "semantic": semantic.settings(2 * entries) | {"memo_entries": 1024},
        }).wait_ready()
        semantic.wait_semantic(self.gateway)

    def body(self, text, route="similar"):
        return json.dumps({"model": route, "messages": [{"role": "user", "content": text}]}).encode()

    def ask(self, client, text, more="", route="similar"):
        status, fields, _ = client.ask("/v1/chat/completions", self.body(text, route), self.gateway.key, more)
        if status != 200:
            raise RuntimeError(f"weir: status {status} in semantic-hit")
        return fields.get("cache-status", "")

    def fill(self):
        """Distinct texts of few tokens, none served from another: the request asks for a cosine that only equal texts have."""
        began, size = time.monotonic(), 0
        clients = [wire.Wire(self.gateway.port) for _ in range(32)]
        text = 0
        while (size := self.gateway.admin_get("/semantic")["entries"]) < self.entries and time.monotonic() - began < self.bench.options.fill_minutes * 60:
            for _ in range(64):
                for client in clients:
                    text += 1
                    body = self.body(f"{sentence(self.chance, 7, WORDS)} {text}")
                    client.socket.sendall(
                        (f"POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\nauthorization: Bearer {self.gateway.key}\r\nweir-semantic: 1\r\n"
                         f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n").encode() + body)
                for client in clients:
                    if client.read()[0] != 200:
                        raise RuntimeError("weir: an error while the partition was filled")
        for client in clients:
            client.close()
        self.bench.say(f"  {size} entries after {time.monotonic() - began:.0f} s")
        if size < self.entries:
            self.bench.skipped.append(f"semantic-hit: {size} entries in the partition, not {self.entries}: filling took too long")
        self.entries = size

    def run(self):
        try:
            self.fill()
            for tokens in LENGTHS:
                self.hits(tokens)
            self.misses()
        finally:
            self.gateway.stop()

    def embedding(self):
        """The sentence model alone, on the gateway's core: milliseconds by tokens."""
        command = [str(servers.weir_binary()), "model", "bench", "--json", "--directory", str(semantic.models_folder())]
        if self.bench.cores[0] is not None:
            command = ["taskset", "-c", str(self.bench.cores[0]), *command]
        rows = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["rows"]
        return {row["tokens"]: row["milliseconds"] * 1000 for row in rows if row["model"].startswith("all-MiniLM")}

    def timed(self, ask):
        began = time.perf_counter()
        said = ask()
        return (time.perf_counter() - began) * 1e6, said

    def hits(self, tokens):
        before = self.embedding()
        client, direct = wire.Wire(self.gateway.port), wire.Wire(self.upstream.port)
        base = sentence(self.chance, tokens, WORDS)
        self.ask(client, base, "weir-semantic: 1\r\n")
        time.sleep(0.5)  # Until it is in the index.
        found, exact, beside = [], [], []
        for _ in range(400):
            microseconds, said = self.timed(lambda: self.ask(client, shuffled(self.chance, base)))
            if 'detail="semantic' not in said:
                continue
            found.append(microseconds)
            exact.append(self.timed(lambda: self.ask(client, base))[0])
            beside.append(self.timed(lambda: direct.ask("/v1/chat/completions", self.body(base), self.gateway.key))[0])
        client.close()
        direct.close()
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

    def misses(self):
        """Beside the same miss with the semantic cache off. Paced: the embedding for the insert is over before the next request comes."""
        before = self.gateway.admin_get("/semantic")["misses"].get("gate", 0)
        client, found, plain, words = wire.Wire(self.gateway.port), [], [], far_words()
        for _ in range(400):
            found.append(self.timed(lambda: self.ask(client, " ".join(self.chance.sample(words, 10))))[0])
            time.sleep(0.03)
            plain.append(self.timed(lambda: self.ask(client, " ".join(self.chance.sample(words, 10)), route="plain"))[0])
            time.sleep(0.01)
        client.close()
        share = (self.gateway.admin_get("/semantic")["misses"].get("gate", 0) - before) / len(found)
        note = {"entries": self.entries, "note": f"over a miss without the semantic cache; {share:.0%} stopped at the gate; {self.entries} entries in the partition"}
        self.report("semantic-miss", found, plain, **note)

    def report(self, scenario, found, beside, **more):
        cut = lambda values, share: sorted(values)[min(len(values) - 1, int(len(values) * share))]  # noqa: E731
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            self.bench.row(scenario, "weir", f"{name}_us", "µs", [cut(found, share)], 0, 1, **more)
            self.bench.row(scenario, "weir", f"added_{name}_us", "µs", [cut(found, share) - cut(beside, share)], 0, 1, **more)


def timing(bench, entries):
    if reason := semantic.models_missing():
        bench.skipped.append(reason.replace("semantic:", "semantic-hit:"))
        return
    Timing(bench, entries).run()
