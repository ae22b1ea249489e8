"""Starts the real binary, the demo provider behind it, and talks to both.

Nothing here knows how the gateway is built: a test sees its ports, its commands, its files and its log. Every process is ended by its own
pid; every port is free at the moment it is chosen.
"""

import base64
import contextlib
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import time

import httpx

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("WEIR_BINARY", ROOT / ".build" / "debug" / "weir"))
PROVIDER_KEY = "sk-provider-canary-6f1c0e"  # the operator's key for the demo provider; must never be seen by a client or in a file
OTHER_PROVIDER_KEY = "sk-other-canary-9b2d7a"


# Below the range that the kernel gives to outgoing connections: a port found free there stays free until it is listened on. Each worker of
# a run has a part of the range, and begins anywhere in it, so that runs side by side seldom meet.
PORTS_FIRST, PORTS_PER_WORKER = 16000, 1000
_worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % 16
_next_port = secrets.randbelow(PORTS_PER_WORKER)


def free_port():
    """A port of 127.0.0.1 that nobody listens on."""
    global _next_port
    for _ in range(PORTS_PER_WORKER):
        _next_port = (_next_port + 1) % PORTS_PER_WORKER
        port = PORTS_FIRST + _worker * PORTS_PER_WORKER + _next_port
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def wait_until(condition, seconds=10.0, what="the condition"):
    """Polls until `condition()` is true and returns its value; fails the test when it stays false."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.01)


def unique(prefix="t"):
    return f"{prefix}-{secrets.token_hex(6)}"


def clean_environment(**extra):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    sanitizers = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    return {**kept, **sanitizers, **extra}


class Process:
    """A child of the test, its output in a file."""

    def __init__(self, arguments, log, environment=None):
        self.log = pathlib.Path(log)
        self.output = open(self.log, "ab")
        self.child = subprocess.Popen(
            [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
            env=environment or clean_environment(), cwd=self.log.parent,
        )

    @property
    def pid(self):
        return self.child.pid

    def is_running(self):
        return self.child.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, seconds=15):
        return self.child.wait(seconds)

    def stop(self):
        """Asks to end, then insists. Returns the exit status."""
        if self.is_running():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.output.close()
        return self.child.returncode


class Demo:
    """The demo provider and its counters."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = Process([BINARY, "demo-provider", "--listen", f"127.0.0.1:{self.port}"], folder / "demo.log")
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        wait_until(self._answers, 20, f"the demo provider's first answer ({self.process.log})")

    def _answers(self):
        if not self.process.is_running():
            raise AssertionError(f"the demo provider ended: {self.process.text()[-2000:]}")
        with contextlib.suppress(httpx.HTTPError):
            return self.client.get("/demo/calls").status_code == 200
        return False

    def calls(self, text=""):
        """How many requests came that hold a text."""
        return self.client.get("/demo/calls", params={"contains": text}).json()["calls"]

    def states(self, text):
        return self.client.get("/demo/calls", params={"contains": text}).json()["states"]

    def requests(self, text=""):
        """The requests that hold a text: method, target, headers as a list of pairs, body as bytes."""
        found = self.client.get("/demo/requests", params={"contains": text}).json()
        for request in found:
            request["body"] = base64.b64decode(request.pop("body_base64"))
        return found

    def release(self, name):
        return self.client.post(f"/demo/release/{name}").json()["released"]

    def wait_for_waiting(self, name, count=1):
        wait_until(lambda: self.client.get(f"/demo/waiting/{name}").json()["waiting"] >= count, what=f"{count} answers held as {name}")

    def stop(self):
        self.client.close()
        self.process.stop()


class CommandResult:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr


class Gateway:
    """`weir serve` with a configuration and a data folder of its own."""

    def __init__(self, demo, folder, config=None):
        self.demo = demo
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.config_file = self.folder / "weir.yaml"
        self.config = merged(self._default_config(), config or {})
        self.process = None
        self.starts = 0
        self.environment = clean_environment(DEMO_PROVIDER_KEY=PROVIDER_KEY, OTHER_PROVIDER_KEY=OTHER_PROVIDER_KEY)
        self._client = None

    def _default_config(self):
        return {
            "version": 1,
            "listen": {"data": f"127.0.0.1:{free_port()}", "admin": f"127.0.0.1:{free_port()}"},
            "loops": 2,
            "providers_file": str(ROOT / "config" / "providers.yaml"),
            "prices_file": str(ROOT / "config" / "prices.yaml"),
            "provider_credentials": {"demo": "env:DEMO_PROVIDER_KEY", "other": "env:OTHER_PROVIDER_KEY"},
            "providers": {
                "demo": {"url": self.demo.url},
                # A second provider at the same server: tells whose key went where.
                "other": {
                    "allow_private": True, "auth": "bearer",
                    "bases": [{
                        "dialect": "openai", "url": f"{self.demo.url}/v1", "include_usage": True,
                        "operations": {"chat_completions": "/chat/completions", "embeddings": "/embeddings", "models": "/models"},
                    }],
                    "native": [{"url": self.demo.url, "versions": ["v1"]}],
                },
            },
            "routes": {
                "plain": "demo/demo-chat",
                "tools": {"targets": ["demo/demo-chat"], "cache": {"store_tool_calls": True}},
                "uncached": {"targets": ["demo/demo-chat"], "cache": {"enabled": False}},
                "brief": {"targets": ["demo/demo-chat"], "cache": {"ttl": "1s"}},
            },
            "overload": {"in_flight_per_tenant_max": 2000},
            # One gateway serves many tests that let the same model fail. What a breaker does is the matter of test_fallback.
            "breaker": {"consecutive_failures": 1000, "samples_min": 100000},
            "log": {"format": "json", "level": "debug"},
        }

    @property
    def data_address(self):
        return self._address("data")

    @property
    def admin_address(self):
        return self._address("admin")

    def _address(self, which):
        host, _, port = self.config["listen"][which].rpartition(":")
        return host, int(port)

    @property
    def url(self):
        return "http://{}:{}".format(*self.data_address)

    @property
    def admin_url(self):
        return "http://{}:{}".format(*self.admin_address)

    # Life

    def write_config(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        # JSON is YAML too.
        self.config_file.write_text(json.dumps(self.config, indent=1))

    def start(self, wait=True):
        self.write_config()
        self.starts += 1
        self.process = Process(
            [BINARY, "serve", "--config", self.config_file, "--data-directory", self.data],
            self.folder / f"gateway-{self.starts}.log", self.environment,
        )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        wait_until(self._is_ready, 30, f"readiness ({self.process.log})")

    def _is_ready(self):
        if not self.process.is_running():
            raise AssertionError(f"the gateway ended with {self.process.child.returncode}: {self.process.text()[-3000:]}")
        with contextlib.suppress(httpx.HTTPError):
            return self.client.get("/readyz").status_code == 200
        return False

    def stop(self):
        status = self.process.stop() if self.process else None
        self.drop_client()
        return status

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait()
        self.drop_client()

    def drop_client(self):
        if self._client:
            self._client.close()
            self._client = None

    def reload(self):
        """Writes the configuration and waits until the gateway says that it took it."""
        self.write_config()
        return self.admin("POST", "/config/reload")

    # Commands

    def command(self, *arguments, stdin=None, environment=None):
        done = subprocess.run(
            [str(BINARY), *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60,
            env=environment or self.environment, cwd=self.folder,
        )
        return CommandResult(done)

    def weir(self, *arguments):
        """A command with this gateway's configuration and data folder; fails the test when it fails."""
        result = self.weir_unchecked(*arguments)
        assert result.status == 0, f"weir {' '.join(map(str, arguments))}: {result.status}\n{result.err}"
        return result.out

    def weir_unchecked(self, *arguments):
        return self.command(*arguments, "--config", self.config_file, "--data-directory", self.data)

    def create_key(self, tenant=None, **options):
        """A key of a tenant (a new one if none is named)."""
        arguments = ["keys", "create", "--tenant", tenant or unique("tenant")]
        for name, value in options.items():
            arguments += ["--" + name.replace("_", "-"), str(value)]
        key = self.weir(*arguments).strip()
        assert re.fullmatch(r"wk_[A-Za-z0-9_-]{43}", key), "keys create must print the key and nothing else"
        return key

    def issue(self, tenant=None, limits=None, tenant_limits=None, tenant_fields=None, **fields):
        """A key with limits, as the admin API's answer: `key` is the secret, `id` and `tenant` name it."""
        tenant = tenant or unique("tenant")
        if tenant_limits or tenant_fields:
            made = self.admin("POST", "/tenants", json={"id": tenant, "limits": tenant_limits or {}, **(tenant_fields or {})})
            assert made.status_code in (200, 201), made.text
        made = self.admin("POST", "/keys", json={"tenant": tenant, "limits": limits or {}, **fields})
        assert made.status_code in (200, 201), made.text
        return made.json()

    def keys(self):
        return json.loads(self.weir("keys", "list", "--json"))["keys"]

    # Requests

    @property
    def client(self):
        if self._client is None:
            self._client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        return self._client

    @property
    def admin_token(self):
        return (self.data / "admin.token").read_text().strip()

    def admin(self, method, path, **arguments):
        headers = {"Authorization": f"Bearer {self.admin_token}", **arguments.pop("headers", {})}
        return httpx.request(method, self.admin_url + path, headers=headers, trust_env=False, timeout=30, **arguments)

    def post(self, path, key, body, headers=None, client=None):
        """A POST with a virtual key; `body` is sent as it is when it is bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        all_headers = {"Content-Type": "application/json", **(headers or {})}
        if key:
            all_headers.setdefault("Authorization", f"Bearer {key}")
        return (client or self.client).post(path, content=content, headers=all_headers)

    def chat(self, key, text, model="demo/demo-chat", headers=None, path="/v1/chat/completions", **fields):
        return self.post(path, key, {"model": model, "messages": [{"role": "user", "content": text}], **fields}, headers)

    def chat_stream(self, key, text, model="demo/demo-chat", headers=None, path="/v1/chat/completions", **fields):
        """The whole stream, read as far as it goes."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": True, **fields}
        all_headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", **(headers or {})}
        with self.client.stream("POST", path, content=json.dumps(body).encode(), headers=all_headers) as response:
            return Stream(response)


class Stream:
    """A streamed answer: its events parsed (`[DONE]` stays text), and whether it was cut before its orderly end."""

    def __init__(self, response):
        self.status_code, self.headers, self.content, self.was_cut = response.status_code, response.headers, b"", False
        try:
            for piece in response.iter_bytes():
                self.content += piece
        except httpx.TransportError:
            self.was_cut = True
        self.text = self.content.decode(errors="replace")
        self.events = parse_events(self.text) if self.status_code == 200 else []


def parse_events(text):
    events = []
    for block in re.split(r"\r?\n\r?\n", text):
        data = [line[5:].lstrip(" ") for line in block.splitlines() if line.startswith("data:")]
        if data:
            joined = "\n".join(data)
            events.append(json.loads(joined) if joined.startswith(("{", "[{")) else joined)
    return events


def stream_text(events):
    """The content of OpenAI chat events, joined."""
    return "".join(
        choice["delta"].get("content") or "" for event in events if isinstance(event, dict) for choice in event.get("choices", [])
    )


def merged(base, extra):
    result = dict(base)
    for name, value in extra.items():
        if isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result


def cache_status(response):
    """The `Cache-Status` field of the gateway as a dictionary: `weir; hit; ttl=3` is {"hit": True, "ttl": "3"}."""
    value = response.headers.get("cache-status")
    assert value, f"no Cache-Status in an answer with status {response.status_code}"
    name, *parameters = [part.strip() for part in value.split(";")]
    assert name == "weir", value
    found = {}
    for parameter in parameters:
        key, separator, text = parameter.partition("=")
        found[key] = text.strip('"') if separator else True
    return found


def is_hit(response):
    status = cache_status(response)
    hit = status.get("hit") is True
    assert response.headers["cf-aig-cache-status"] == ("HIT" if hit else "MISS")
    if hit:
        assert int(response.headers["age"]) >= 0
        assert "fwd" not in status
    else:
        assert "age" not in response.headers
    return hit


def assert_stored(response):
    assert response.status_code == 200, response.text
    assert response.headers["cache-status"] == "weir; fwd=miss; stored"
    assert not is_hit(response)


def assert_hit(response):
    assert response.status_code == 200, response.text
    assert is_hit(response), response.headers["cache-status"]


def reason(response):
    """Why an answer is not cached, as `Cache-Status` says it."""
    status = cache_status(response)
    assert "hit" not in status and "stored" not in status, status
    return status.get("detail")


# Raw sockets


class Raw:
    """A connection on which a test writes and reads bytes as it likes."""

    def __init__(self, address, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.is_closed = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.is_closed = True

    def read(self, until=None, seconds=10.0):
        """Reads until `until` is there, or to the end; returns all that came."""
        deadline = time.monotonic() + seconds
        while until is None or until not in self.received:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                break
            except ConnectionResetError:
                self.is_closed = True
                break
            if not data:
                self.is_closed = True
                break
            self.received += data
        return self.received

    def read_response(self, seconds=10.0):
        """One response of known length or chunked, taken off the front; (status, headers, body)."""
        self.read(b"\r\n\r\n", seconds)
        head, _, rest = self.received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1."), f"no response but {self.received[:200]!r} (closed: {self.is_closed})"
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if "content-length" in headers:
            length = int(headers["content-length"])
            while len(rest) < length:
                before = len(self.received)
                self.read(None if self.is_closed else b"\x00never\x00", 0.2)
                rest = self.received.partition(b"\r\n\r\n")[2]
                if self.is_closed and len(self.received) == before:
                    break
            self.received = rest[length:]
            return status, headers, rest[:length]
        if headers.get("transfer-encoding") == "chunked":
            self.read(b"\r\n0\r\n\r\n", seconds)
            rest = self.received.partition(b"\r\n\r\n")[2]
            self.received = b""
            return status, headers, dechunk(rest)
        self.received = rest
        return status, headers, b""

    def closes_within(self, seconds):
        begun = time.monotonic()
        self.read(None, seconds)
        return self.is_closed and time.monotonic() - begun <= seconds + 0.25

    def reset(self):
        """Ends with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()


def dechunk(data):
    body = b""
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            return body
        body, data = body + data[:size], data[size + 2:]


def request_bytes(method="POST", path="/v1/chat/completions", key=None, body=b"", headers=(), host="weir", length=True):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    if body or (length and method == "POST"):
        lines += ["Content-Type: application/json"] + ([f"Content-Length: {len(body)}"] if length else [])
    lines += list(headers)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chat_body(text, model="demo/demo-chat", **fields):
    return json.dumps({"model": model, "messages": [{"role": "user", "content": text}], **fields}).encode()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
