"""The gateway under the soak: its configuration, its process, and what the kernel and its own metrics tell of it."""

import asyncio
import base64
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time

import servers
import semantic
from soak_client import Link, request

TENANTS = ["red", "green", "blue", "purged", "limited", "narrow", "meaning", "metered", "probe"]


def free_port():
    """Below the range of outgoing connections: nobody takes it while a provider is away."""
    while True:
        port = random.randrange(18000, 32000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def key_of(tenant):
    return "wk_" + base64.urlsafe_b64encode(hashlib.sha256(f"soak {tenant}".encode()).digest()).decode().rstrip("=")


def provider(port):
    url = f"http://127.0.0.1:{port}"
    return {
        "allow_private": True, "local": True,
        "bases": [{"dialect": "openai", "url": f"{url}/v1", "include_usage": True, "operations": {"chat_completions": "/chat/completions", "embeddings": "/embeddings"}},
                  {"dialect": "anthropic", "url": f"{url}/v1", "operations": {"messages": "/messages"}}],
        "native": [{"url": url, "versions": ["v1"]}],
    }


class Gateway:
    """One process of the gateway with two loops, in a folder of its own."""

    def __init__(self, folder, ports, loops):
        self.folder, self.keys = folder, {tenant: key_of(tenant) for tenant in TENANTS}
        self.port, self.admin = free_port(), free_port()
        self.skipped = [reason] if (reason := semantic.models_missing()) else []
        self.file = folder / "weir.yaml"
        self.configuration = self.configured(ports, loops)
        self.write_configuration()

    def configured(self, ports, loops):
        steady, shaky, away = ports
        short = {"first_byte": "1s", "idle": "1s"}
        semantic_on = {} if self.skipped else {"enabled": True, "max_error": "5%"}
        return {
            "version": 1, "loops": loops, "listen": {"data": f"127.0.0.1:{self.port}", "admin": f"127.0.0.1:{self.admin}"},
            "admin": {"hosts": ["weir"]}, "providers_file": str(servers.ROOT / "config/providers.yaml"),
            "providers": {"steady": provider(steady), "shaky": provider(shaky), "away": provider(away)},
            "routes": {
                "safe": {"targets": [{"target": "shaky/flaky", "timeouts": short}, "steady/chat"], "retry": {"delay": "20ms"}},
                "refuge": {"targets": ["away/chat", "steady/chat"]},
                "stale": {"targets": [{"target": "shaky/flaky", "timeouts": short}], "cache": {"ttl": "2s", "stale_while_revalidate": "4s", "stale_if_error": "1h"}},
                "hedged": {"targets": ["steady/slow", "steady/chat"], "hedge": {"quantile": 0.5, "delay_min": "50ms"}},
                "similar": {"targets": ["steady/similar"], "cache": {"ttl": "45s"}, "semantic": semantic_on},
            },
            "tenants": {
                **{tenant: {} for tenant in TENANTS}, "blue": {"events": {"payloads": True}}, "limited": {"limits": {"requests": "60/1m"}},
                "narrow": {"limits": {"concurrency": 2}}, "metered": {"limits": {"tokens": "6000/1m", "cost": "0.5/1h", "budgets": [{"cost": 100, "per": "day"}]}},
            },
            "prices": {"steady": {"as_of": "2026-01-01", "models": {"*": {"input": 3, "output": 15}}}},
            "keys": {tenant: {"tenant": tenant, "key": "sha256:" + hashlib.sha256(key.encode()).hexdigest()} for tenant, key in self.keys.items()},
            # Small enough that all of them are full, and make room, within the first minutes.
            "cache": {"bytes_max": "16MiB"}, "events": {"rows_max": 5000, "bytes_max": "16MiB", "payload_store_bytes_max": "4MiB"},
            "semantic": {"models_directory": str(semantic.models_folder()), "budget": "1s", "entries_max": 2000, "memo_entries": 256},
            "timeouts": {"first_byte": "12s", "first_byte_stream": "12s", "idle": "12s"},
            "breaker": {"cooldown_min": "1s", "cooldown_max": "4s", "ramp_step": "100ms"},
            "retry": {"retry_after_max": "1500ms"}, "upstream": {"connection_idle": "20s"},
            "limits": {"auth_failures_per_minute_max": 100000, "linger_timeout": "200ms"},
        }

    def write_configuration(self, changes=None):
        """At once: a reload never finds half of it. Changes are laid over the top level's sections."""
        made = dict(self.configuration)
        for name, value in (changes or {}).items():
            made[name] = {**made.get(name, {}), **value} if isinstance(value, dict) else value
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(made, indent=1))
        os.replace(new, self.file)

    async def start(self):
        self.log = open(self.folder / "gateway.log", "wb")
        self.process = subprocess.Popen(
            [str(servers.weir_binary()), "serve", "--config", str(self.file), "--data-directory", str(self.folder / "data")],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.folder)
        deadline = time.monotonic() + 30
        while True:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the gateway did not start: {(self.folder / 'gateway.log').read_text()[-1500:]}")
            try:
                link = await Link.open(self.port)
                link.send(request("/readyz", None, method="GET"))
                answer = await link.whole()
                link.close()
                if answer.status == 200:
                    break
            except (OSError, asyncio.IncompleteReadError):
                pass
            await asyncio.sleep(0.05)
        self.token = (self.folder / "data" / "admin.token").read_text().strip()

    def stop(self):
        """Its exit status, and the seconds it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        return self.process.returncode, time.monotonic() - began

    # What can be seen of it

    async def fetch(self, path):
        link = await Link.open(self.admin)
        try:
            async with asyncio.timeout(20):
                link.send(request(path, self.token, method="GET"))
                answer = await link.whole()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
            raise RuntimeError(f"process-died: {path} of the admin port: {error!r}") from error
        finally:
            link.close()
        if answer.status != 200:
            raise RuntimeError(f"admin: {path}: {answer.status} {answer.body[:300]!r}")
        return answer.body

    async def metrics(self):
        """Samples by name; those with labels are summed, and stand by name{labels} too."""
        found = {}
        for line in (await self.fetch("/metrics")).decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
                bare = name.partition("{")[0]
                if bare != name:
                    found[bare] = found.get(bare, 0) + float(value)
        return found

    def memory(self):
        """MiB of anonymous memory and of mapped files, and threads."""
        told = dict(re.findall(r"^(RssAnon|RssFile|Threads):\s+(\d+)", pathlib.Path(f"/proc/{self.process.pid}/status").read_text(), re.M))
        return int(told["RssAnon"]) / 1024, int(told["RssFile"]) / 1024, int(told["Threads"])

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self, upstream_ports):
        """Open descriptors: those that lead to a provider, and all others by what they are."""
        connected = {}
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            connected[fields[9]] = int(fields[2].split(":")[1], 16)
        upstream, others = 0, {}
        for entry in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                target = os.readlink(entry)
            except OSError:
                continue
            told = re.fullmatch(r"socket:\[(\d+)\]", target)
            if told and connected.get(told[1]) in upstream_ports:
                upstream += 1
            else:
                name = re.sub(r"\[?\d+\]?", "", target)
                others[name] = others.get(name, 0) + 1
        return upstream, others
