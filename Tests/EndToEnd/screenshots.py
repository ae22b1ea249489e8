"""Pictures of the dashboard over an hour of traffic: tenants with budgets, four providers of which one has an outage, prompts that repeat.

The gateway's civil time runs 24 times as fast (libfaketime), its timers and latencies do not. Run by scripts/screenshots.
"""

import asyncio
import json
import math
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time

import httpx
from playwright.sync_api import sync_playwright

import harness
from browser import Dashboard, launch
from harness import ROOT, Gateway, free_port

SPEED = 24
SECONDS = 150  # an hour and what stands before it
TENANTS = {"storefront": 10, "support-bot": 7, "search": 4, "analytics": 2, "staging": 1}
MODELS = {"openai/gpt-4.1-mini": 10, "chat": 9, "anthropic/claude-haiku-4-5": 6, "mistral/mistral-large-2411": 3, "groq/llama-3.3-70b-versatile": 2}


class Provider:
    """Answers like OpenAI and like Anthropic, with plausible delays and token counts; `is_down` makes one model fail."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.down = set()

    async def serve(self):
        server = await asyncio.start_server(self.connected, "127.0.0.1", self.port)
        async with server:
            await server.serve_forever()

    async def connected(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
                request = json.loads(await reader.readexactly(length)) if length else {}
                model = request.get("model", "")
                chance = random.Random(json.dumps(request) + str(time.time_ns() // 10**9))
                await asyncio.sleep(min(chance.lognormvariate(-1.1, 0.5) * (0.25 if "llama" in model else 1), 4))
                status, answer = self.answer(head, model, chance)
                body = json.dumps(answer).encode()
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    def answer(self, head, model, chance):
        if model in self.down and chance.random() < 0.9:
            return 503, {"error": {"message": "overloaded", "type": "overloaded_error"}}
        if chance.random() < 0.004:
            return 400, {"error": {"message": "This content is not supported.", "type": "invalid_request_error"}}
        tokens_in, tokens_out, text = chance.randint(200, 2600), chance.randint(40, 700), "Certainly. " * 30
        if "/messages" in head.split("\r\n")[0]:
            return 200, {
                "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": None,
                "usage": {"input_tokens": tokens_in, "output_tokens": tokens_out},
            }
        return 200, {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": model, "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out},
        }


class Traffic:
    """Requests of all tenants, with the hour's ups and downs, until it is ended."""

    def __init__(self, gateway, provider, keys):
        self.gateway, self.provider, self.keys = gateway, provider, keys
        self.begun = time.monotonic()
        self.is_over = False
        self.chance = random.Random(11)

    def run(self):
        asyncio.run(self.send_all())

    async def send_all(self):
        serving = asyncio.create_task(self.provider.serve())
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
        async with httpx.AsyncClient(base_url=self.gateway.url, timeout=60, trust_env=False, limits=limits) as client:
            running = set()
            while not self.is_over:
                part = (time.monotonic() - self.begun) / SECONDS
                self.provider.down = {"llama-3.3-70b-versatile"} if 0.55 < part < 0.66 or part > 0.93 else set()
                rate = 45 * (0.75 + 0.3 * math.sin(part * 7) + 0.15 * math.sin(part * 31))
                await asyncio.sleep(self.chance.expovariate(max(4, rate)))
                task = asyncio.create_task(self.send(client))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.gather(*running, return_exceptions=True)
        serving.cancel()

    async def send(self, client):
        chance = self.chance
        tenant = chance.choices(list(TENANTS), list(TENANTS.values()))[0]
        # The few questions that everybody asks, and the many that nobody asks twice.
        prompt = f"Question {int(chance.paretovariate(0.55))} of {tenant}"
        body = {"model": chance.choices(list(MODELS), list(MODELS.values()))[0], "messages": [{"role": "user", "content": prompt + " about the order, the delivery and the bill. " * 4}], "max_tokens": 400}
        key = self.keys[tenant] if chance.random() > 0.002 else "wk_" + "x" * 43
        headers = {"Authorization": f"Bearer {key}", "cf-aig-metadata": json.dumps({"team": "checkout"})}
        if chance.random() < 0.03:
            headers["cf-aig-skip-cache"] = "true"
        for _ in range(2 if chance.random() < 0.06 else 1):  # some ask the same at the same time
            asyncio.ensure_future(client.post("/v1/chat/completions", json=body, headers=headers))


def start(folder, provider):
    if not shutil.which("faketime"):
        sys.exit("faketime is missing: scripts/install-packages screenshots installs it")
    # The hour ends now, so that the browser's clock fits.
    wrapper = folder / "weir"
    folder.mkdir(exist_ok=True)
    wrapper.write_text(f"#!/bin/sh\nexec faketime -m --exclude-monotonic -f '-{SECONDS * (SPEED - 1)}s x{SPEED}' {harness.BINARY} \"$@\"\n")
    wrapper.chmod(0o755)
    harness.BINARY = wrapper
    limited = {"url": provider.url, "allow_private": True}
    names = ("openai", "anthropic", "mistral", "groq")
    config = {
        "providers": {**{name: dict(limited) for name in names}, "other": None}, "provider_credentials": {**{name: "env:DEMO_PROVIDER_KEY" for name in names}, "other": None},
        "routes": {"plain": None, "tools": None, "uncached": None, "brief": None, "chat": {"targets": ["groq/llama-3.3-70b-versatile", "openai/gpt-4.1-mini"]}},
        "breaker": {"consecutive_failures": 5, "samples_min": 20}, "log": {"level": "warning"},
    }
    gateway = Gateway(provider, folder, config)
    return gateway.start()


def issue_keys(gateway):
    limits = {
        "storefront": {"requests": "6000/1m", "budgets": [{"cost": 400, "per": "month"}]}, "support-bot": {"budgets": [{"cost": 0.9, "per": "day"}], "tokens": "4000000/1h"},
        "search": {"requests": "600/1m", "budgets": [{"cost": 120, "per": "month"}]}, "analytics": {"requests": "200/1m", "concurrency": 20}, "staging": {},
    }
    keys = {}
    for tenant in TENANTS:
        made = gateway.admin("POST", "/tenants", json={"id": tenant, "limits": limits[tenant]})
        assert made.status_code in (200, 201), made.text
        keys[tenant] = gateway.admin("POST", "/keys", json={"tenant": tenant, "label": "production"}).json()["key"]
    return keys


def take(gateway, folder):
    shots = {"dark": ("dark", 1440, 1216, 1, "#/overview"), "light": ("light", 1440, 1216, 1, "#/overview"), "phone": ("dark", 375, 812, 2, "#/overview")}
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for name, (scheme, width, height, scale, fragment) in shots.items():
            dashboard = Dashboard(browser, gateway, None, color_scheme=scheme, viewport={"width": width, "height": height}, device_scale_factor=scale)
            dashboard.open(fragment)
            dashboard.page.wait_for_timeout(300)
            file = folder / f"dashboard-{name}.png"
            dashboard.page.screenshot(path=str(file))
            dashboard.check()
            dashboard.close()
            print(f"{file}: {file.stat().st_size // 1024} KiB")
            assert file.stat().st_size < 300_000, f"{file} is too large for the repository"
        browser.close()


def main():
    folder = pathlib.Path(sys.argv[1])
    folder = folder if folder.is_absolute() else ROOT / folder
    folder.mkdir(parents=True, exist_ok=True)
    provider = Provider()
    with tempfile.TemporaryDirectory() as data:
        gateway = start(pathlib.Path(data), provider)
        try:
            traffic = Traffic(gateway, provider, issue_keys(gateway))
            thread = threading.Thread(target=traffic.run)
            thread.start()
            try:
                time.sleep(float(os.environ.get("WEIR_SCREENSHOT_SECONDS", SECONDS)))
                take(gateway, folder)
            finally:
                traffic.is_over = True
                thread.join()
        finally:
            gateway.stop()


if __name__ == "__main__":
    main()
