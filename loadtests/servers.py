"""A server under test: its process tree, what that costs, how it is asked; and Weir as one."""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATH = "/bench/v1/chat/completions"  # native passthrough; the peers take any path
SSE_PATH = "/sse/v1/chat/completions"  # answered with server-sent events
KEY = "wk_" + base64.urlsafe_b64encode(bytes([7]) * 32).decode().rstrip("=")  # asked of everybody
# Limits that nothing here reaches: they are looked up and counted all the same.
LIMITS = {"requests": "60000000/1m", "tokens": "100000000000/1d"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def canned_answer():
    """A chat completion of 520 bytes, usage and a natural end included."""
    answer = {
        "id": "chatcmpl-bench", "object": "chat.completion", "created": 1700000000, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 60, "total_tokens": 110},
    }
    fill = 520 - len(json.dumps(answer, separators=(",", ":")))
    answer["choices"][0]["message"]["content"] = ("The answer is of a fixed length. " * 20)[:fill]
    return json.dumps(answer, separators=(",", ":"))


def canned_events(tokens=64):
    """The same as a stream: so many deltas, the natural end, usage, [DONE]."""
    def event(choices, **more):
        return "data: " + json.dumps({
            "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1700000000, "model": "m", "choices": choices, **more,
        }, separators=(",", ":")) + "\n\n"

    deltas = "".join(event([{"index": 0, "delta": {"content": f"token {number} "}, "finish_reason": None}]) for number in range(tokens))
    usage = {"prompt_tokens": 50, "completion_tokens": tokens, "total_tokens": 50 + tokens}
    return deltas + event([{"index": 0, "delta": {}, "finish_reason": "stop"}]) + event([], usage=usage) + "data: [DONE]\n\n"


def asking_body(size, mark="0" * 16, stream=False):
    """A chat request of exactly `size` bytes in which `mark` (16 characters) stands once."""
    more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {"temperature": 0.2, "max_tokens": 100}

    def made(fill):
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"{mark} {fill}"}]
        return json.dumps({"model": "m", "messages": messages, **more}, separators=(",", ":"))
    return made(("Tell me about weirs and rivers. " * (size // 30 + 1))[: size - len(made(""))])


class Server:
    """A process tree with an address, and the CPU time it has used. `beside` are commands that belong to it, such as a log writer."""

    def __init__(self, who, arguments, port, core, folder, environment=None, beside=()):
        self.who, self.port, self.key, self.prefixes = who, port, KEY, {}
        self.ready_path, self.ready_seconds = "/", 30
        self.log = open(folder / f"{who.replace(' ', '-').replace('/', '-')}.log", "wb")
        pin = ["taskset", "-c", str(core)] if core is not None else []
        self.began = time.monotonic()

        def spawn(command):
            return subprocess.Popen(
                pin + [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment, cwd=folder)

        self.child = spawn(arguments)
        self.spawn_beside = lambda: [spawn(command) for command in beside]
        self.beside = []

    def path(self, size=250, stream=False):
        """Where a body of this size is sent."""
        return self.prefixes.get(size, "") + (SSE_PATH if stream else PATH)

    def tree(self):
        """The processes and all below them."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", "rb") as file:
                        parents[int(entry)] = int(file.read().rsplit(b")", 1)[1].split()[1])
                except OSError:
                    pass
        found = {child.pid for child in [self.child, *self.beside]}
        while True:
            more = {pid for pid, parent in parents.items() if parent in found} - found
            if not more:
                return found
            found |= more

    def cpu_seconds(self):
        """User and system time of the tree, ended children included."""
        ticks = 0
        for pid in self.tree():
            try:
                with open(f"/proc/{pid}/stat", "rb") as file:
                    fields = file.read().rsplit(b")", 1)[1].split()
                ticks += sum(int(field) for field in fields[11:15])
            except OSError:
                pass
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mib(self, field="RssAnon"):
        """Of the tree: RssAnon is what only it has, VmRSS counts mapped files too."""
        total = 0
        for pid in self.tree():
            try:
                with open(f"/proc/{pid}/status") as file:
                    total += sum(int(line.split()[1]) for line in file if line.startswith(field + ":"))
            except OSError:
                pass
        return total / 1024

    def wait_ready(self):
        """Until it answers at all: behind some there is no upstream yet."""
        deadline = time.monotonic() + self.ready_seconds
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", self.ready_path)
                connection.getresponse()
                self.beside = self.spawn_beside()
                return self
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.who} did not start; see {self.log.name}")

    def stop(self):
        for child in [self.child, *self.beside]:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in [self.child, *self.beside]:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.log.close()


def weir_binary():
    binary = pathlib.Path(os.environ.get("WEIR_BINARY", ROOT / ".build/release/weir"))
    if not binary.exists():
        raise RuntimeError(f"{binary} is missing; run 'make build'")
    return binary


def key_hash(key):
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


class Weir(Server):
    """The release binary, as a user would run it: keys, limits, log and cache on. `more` are further sections of its configuration, 
    `data` is a data directory to go on with, `providers` are ports of further upstreams by name."""

    def __init__(self, who, folder, core, upstream, cache, more=None, data=None, providers=None):
        binary = weir_binary()
        home = self.home = folder / who.replace(" ", "-")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        self.data = data or home / "data"
        port, self.admin = free_port(), free_port()
        more = dict(more or {})
        local = {"allow_private": True, "local": True}
        config = {
            "version": 1, "listen": {"data": f"127.0.0.1:{port}", "admin": f"127.0.0.1:{self.admin}"}, "loops": 1,
            "providers_file": str(ROOT / "config/providers.yaml"),
            "providers": {
                "bench": {"url": f"http://127.0.0.1:{upstream}/v1", **local}, "sse": {"url": f"http://127.0.0.1:{upstream}/sse/v1", **local},
                **{name: {"url": f"http://127.0.0.1:{port}/v1", **local} for name, port in (providers or {}).items()},
            },
            "cache": {"enabled": cache, "bytes_max": "2GiB"},
            "tenants": {"bench": {"limits": LIMITS, "in_flight_max": 10_000}, **more.pop("tenants", {})},
            "keys": {"bench": {"tenant": "bench", "key": key_hash(KEY)}, **more.pop("keys", {})},
            **more,
        }
        file = home / "weir.yaml"
        file.write_text(json.dumps(config))
        super().__init__(who, [binary, "serve", "--config", file, "--data-directory", self.data], port, core, folder)
        self.ready_path = "/readyz"

    def admin_get(self, path):
        """What a GET on the admin port says, as JSON."""
        token = (self.data / "admin.token").read_text().strip()
        status, data = fetch(self.admin, path, {"Authorization": f"Bearer {token}"})
        if status != 200:
            raise RuntimeError(f"{self.who}: {path} on the admin port: status {status}")
        return json.loads(data)


def ask(port, path, body, headers):
    """One request: status, headers in lower case, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, data


def fetch(port, path, headers):
    """One GET: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
