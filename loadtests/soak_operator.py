"""What operators do while the traffic runs: they look, purge, make and revoke keys, and change the configuration."""

import asyncio
import json
import random
import signal

from soak_asker import CHAT
from soak_client import ANSWER_SECONDS, Link, chat, request

LOOKS = [
    "/metrics", "/stats", "/stats?window=15m&group_by=tenant,cache", "/stats?window=24h&group_by=provider,model&order=errors", "/stats?window=1h&group_by=error&format=csv",
    "/logs?limit=100", "/logs?limit=500&filter=status_code.gte:500", "/logs?search=steady&limit=20&order=oldest", "/logs?cache_layer=exact&limit=50",
    "/logs/export?since=1m", "/logs/export?since=1m&payloads=true&tenant=blue", "/keys", "/tenants", "/semantic", "/routes", "/version", "/", "/readyz",
]


class Operator:
    """The admin port's clients."""

    def __init__(self, gateway, traffic, plan, ledger):
        self.gateway, self.traffic, self.plan, self.ledger = gateway, traffic, plan, ledger
        self.chance = random.Random(17)
        self.count = {"looks": 0, "purges": 0, "keys": 0, "reloads": 0, "refused reloads": 0}

    async def call(self, method, path, body=None, allowed=(200, 201), fields=None):
        """One request on a connection of its own; None and a breach on anything else than what is allowed."""
        link = await Link.open(self.gateway.admin)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                data = json.dumps(body).encode() if body is not None else b""
                link.send(request(path, self.gateway.token, data, fields, method))
                answer = await link.whole()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
            return self.ledger.breach("admin", f"{method} {path}: {error!r}")
        finally:
            link.close()
        if answer.status not in allowed or answer.is_cut:
            return self.ledger.breach("admin", f"{method} {path}: {answer.status}{', cut' if answer.is_cut else ''} {answer.body[:300]!r}")
        return answer

    async def look(self):
        path = self.chance.choice(LOOKS)
        answer = await self.call("GET", path)
        self.count["looks"] += 1
        if answer is None or answer.fields.get("content-type", "").split(";")[0] != "application/json":
            return
        told = answer.json()
        if path.startswith("/logs?") and told["rows"]:
            row = self.chance.choice(told["rows"])
            # The ring may have moved on meanwhile.
            await self.call("GET", "/logs/" + row["id"] + self.chance.choice(["", "/request", "/response"]), allowed=(200, 404))
            if told["next_cursor"]:
                await self.call("GET", path + "&cursor=" + told["next_cursor"])

    async def tail(self):
        """Follows the log for a while and leaves."""
        link = await Link.open(self.gateway.admin)
        link.send(request("/logs/tail", self.gateway.token, method="GET"))
        answer = await link.head()
        pieces, until = link.pieces(answer), self.plan.clock() + self.chance.uniform(1, 8)
        while self.plan.clock() < until:
            try:
                async with asyncio.timeout(2):
                    await anext(pieces, None)
            except TimeoutError:
                break
        link.reset()

    async def purge(self):
        """What was purged is not served any more; what was not, is."""
        key = self.gateway.keys["purged"]
        mark, tag = f"purged/{self.chance.randrange(40)}", f"tag-{self.chance.randrange(4)}"
        asked = request(CHAT, key, chat("steady/chat", mark), {"weir-cache-tags": tag})
        serials = []
        for _ in range(2):
            serials.append(self.traffic.check("purge", "purged", mark, await self.traffic.ask("purge", asked)))
        if await self.call("POST", "/cache/purge", {"tenant": "purged"} if self.chance.random() < 0.3 else {"tenant": "purged", "model": "chat"}) is None:
            return
        answer = await self.traffic.ask("purge", asked)
        serials.append(self.traffic.check("purge", "purged", mark, answer))
        self.count["purges"] += 1
        if None not in serials and (serials[2] in serials[:2] or answer.cache() != "miss"):
            self.ledger.breach("purged-answer", f"{mark} was answered {serials} around a purge, then {answer.fields.get('cache-status')}")

    async def key(self):
        """A new key holds at once and on every loop, a revoked one no longer, and a tenant that is deleted takes its answers along."""
        tenant = f"guest-{self.chance.randrange(12)}"
        if (made := await self.call("POST", "/keys", {"tenant": tenant, "limits": {"requests": "1000/1m"}})) is None:
            return
        secret, place = made.json()["key"], "/keys/" + made.json()["id"]
        mark = self.traffic.mark(tenant)
        asked = lambda: request(CHAT, secret, chat("steady/chat", mark))
        answers = [await self.fresh(asked()) for _ in range(4)]
        serials = [self.traffic.check("new key", tenant, mark, answer) for answer in answers]
        if self.chance.random() < 0.3 and (turned := await self.call("POST", place + "/rotate", {"overlap": 0})) is not None:
            self.expect("rotated key", await self.fresh(asked()), 401)
            secret = turned.json()["key"]
            self.traffic.check("rotated key", tenant, mark, await self.fresh(asked()))
        if await self.call("DELETE", place) is None:
            return
        for _ in range(3):
            self.expect("revoked key", await self.fresh(asked()), 401)
        if await self.call("DELETE", f"/tenants/{tenant}") is None:
            return
        self.expect("deleted tenant", await self.fresh(asked()), 401)
        if (again := await self.call("POST", "/keys", {"tenant": tenant})) is None:
            return
        secret = again.json()["key"]
        answer = await self.fresh(asked())
        serial = self.traffic.check("tenant made again", tenant, mark, answer)
        if serial is not None and serial in serials:
            self.ledger.breach("purged-answer", f"tenant {tenant} was deleted and made again, and got answer {serial} of its former self")
        await self.call("DELETE", f"/tenants/{tenant}")
        self.count["keys"] += 1

    async def fresh(self, data):
        """A request on a connection of its own, so that any loop may get it."""
        link = await Link.open(self.gateway.port)
        answer = await self.traffic.ask("key", data, link)
        link.close()
        return answer

    def expect(self, what, answer, status):
        if answer is not None and answer.status != status:
            self.ledger.breach("key-state", f"{what}: {answer.status} instead of {status}: {answer.body[:200]!r}")

    async def reload(self):
        """By signal; every fifth time with a configuration that must be refused."""
        if self.chance.random() < 0.2:
            self.gateway.write_configuration({"loops": "many"})
            answer = await self.call("POST", "/config/reload", {}, allowed=(422,))
            self.gateway.write_configuration()
            self.count["refused reloads"] += answer is not None
            return
        before = (await self.gateway.metrics()).get("weir_config_reloads_total", 0)
        self.gateway.write_configuration({"limits": {"keep_alive_timeout": f"{self.chance.randint(70, 80)}s"}})
        self.gateway.process.send_signal(signal.SIGHUP)
        for _ in range(100):
            await asyncio.sleep(0.05)
            if (await self.gateway.metrics()).get("weir_config_reloads_total", 0) > before:
                self.count["reloads"] += 1
                return
        self.ledger.breach("admin", "a SIGHUP was not followed by a reload within 5 s")

    KINDS = [("look", 1.5), ("tail", 0.05), ("purge", 0.4), ("key", 0.25), ("reload", 0.07)]

    async def run(self, until):
        await asyncio.gather(*[self.repeat(getattr(self, name), rate, until) for name, rate in self.KINDS])

    async def repeat(self, kind, rate, until):
        while self.plan.clock() < until:
            pace = 12 if kind == self.reload and self.plan.is_on("reloads", self.plan.clock()) else 1
            await asyncio.sleep(min(self.chance.expovariate(rate * pace), max(0, until - self.plan.clock())))
            if self.plan.clock() < until:
                try:
                    await kind()
                except (asyncio.IncompleteReadError, ConnectionError, TimeoutError, KeyError, ValueError) as error:
                    self.ledger.breach("admin", f"{kind.__name__}: {error!r}")
