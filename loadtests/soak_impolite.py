"""Clients that leave, are slow, or send what no client should."""

import asyncio
import time

from soak_asker import CHAT, Asker
from soak_client import Link, chat, request

TENANTS = ["red", "green", "blue"]


class Impolite(Asker):
    """Their requests count as the gateway's rules say: a head that came whole is a request, less is none."""

    async def leave(self):
        await self.chance.choice([self.leave_in_head, self.leave_in_body, self.leave_while_waiting, self.leave_mid_stream, self.leave_at_end, self.leave_pipelined])()

    def part(self, link):
        link.reset() if self.chance.random() < 0.5 else link.close()

    async def leave_in_head(self):
        link = await Link.open(self.port)
        link.send(request(CHAT, self.keys["red"], chat("steady/chat", "none"))[: self.chance.randint(1, 60)])
        await asyncio.sleep(self.chance.uniform(0, 0.2))
        self.part(link)

    async def leave_in_body(self):
        link = await Link.open(self.port)
        data = request(CHAT, self.keys["red"], chat("steady/chat", self.mark("leave"), fill="x" * self.chance.randint(100, 300_000)))
        link.send(data[: self.chance.randint(len(data) // 2, len(data) - 1)])
        await asyncio.sleep(self.chance.uniform(0, 0.2))
        self.ledger.note_left(False)
        self.part(link)

    async def leave_while_waiting(self):
        mark = self.mark("leave")
        await self.leave_waiting(request(CHAT, self.keys["green"], chat("steady/slow", mark, stream=self.chance.random() < 0.5)), mark)

    async def leave_waiting(self, data, mark):
        """Leaves once the provider has been asked."""
        link = await Link.open(self.port)
        link.send(data)
        deadline = time.monotonic() + 5
        while mark not in self.provider.here and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        self.ledger.note_left(mark in self.provider.here)
        self.part(link)

    async def leave_mid_stream(self):
        link = await Link.open(self.port)
        link.send(request(CHAT, self.keys["blue"], chat(self.chance.choice(["steady/slow", "steady/long"]), self.mark("leave"), stream=True)))
        answer = await link.head()
        pieces = link.pieces(answer)
        for _ in range(self.chance.randint(1, 6)):
            await anext(pieces, None)
        self.ledger.note_left()
        self.part(link)

    async def leave_at_end(self):
        """The whole answer came; what ends its chunks is not waited for."""
        link = await Link.open(self.port)
        link.send(request(CHAT, self.keys["blue"], chat("steady/chat", self.mark("leave"), stream=True)))
        answer = await link.head()
        async for piece in link.pieces(answer):
            if b"[DONE]" in piece:
                break
        self.ledger.note_left()
        self.part(link)

    async def leave_pipelined(self):
        link = await Link.open(self.port)
        for _ in range(3):
            link.send(request(CHAT, self.keys["red"], chat("steady/slow", self.mark("leave"))))
            self.ledger.note_left(False)
        await asyncio.sleep(self.chance.uniform(0.05, 0.6))
        self.part(link)

    # Slow ones

    async def slow_reader(self):
        """Takes a stream of 360 KB in small sips, so that the gateway has to hold its provider back."""
        link = await Link.open(self.port, receive_buffer=4096)
        tenant, mark = self.chance.choice(TENANTS), self.mark("slow-reader")
        link.send(request(CHAT, self.keys[tenant], chat("steady/long", mark, stream=True), {"cf-aig-skip-cache": "true"}))
        answer, until = await link.head(), self.chance.choice([60, 10_000])
        count = 0
        async for piece in link.pieces(answer):
            answer.body += piece
            count += 1
            if count % 4 == 0:
                await asyncio.sleep(0.02)
            if count >= until:
                self.ledger.note_left()
                return self.part(link)
        self.ledger.note("slow-reader", answer)
        self.check("slow-reader", tenant, mark, answer)
        link.close()

    async def slow_writer(self):
        tenant, mark = self.chance.choice(TENANTS), self.mark("slow-writer")
        data = request(CHAT, self.keys[tenant], chat("steady/chat", mark, fill="slowly " * 300))
        link = await Link.open(self.port)
        until = time.monotonic() + 5
        for place in range(0, len(data), 97):
            link.send(data[place:place + 97])
            # On a machine that is busy with other things the gateway would find it too slow after 10 s.
            if time.monotonic() < until:
                await asyncio.sleep(0.1)
        answer = await self.ask("slow-writer", b"", link)
        self.check("slow-writer", tenant, mark, answer)
        link.close()

    # Bad ones

    async def bad(self):
        key, good = self.keys["red"], chat("steady/chat", "none")
        name, data, allowed = self.chance.choice([
            ("no key", request(CHAT, None, good), {401}), ("unknown key", request(CHAT, "wk_" + "x" * 43, good), {401}),
            ("no JSON", request(CHAT, key, b'{"model": "steady/chat", "messages": ['), {400}), ("unknown model", request(CHAT, key, chat("nobody/chat", "none")), {404}),
            ("unknown path", request("/v1/nothing", key, good), {404}), ("doubled prefix", request("/v1/v1/chat/completions", key, good), {404}),
            ("duplicate key", request(CHAT, key, b'{"model":"steady/chat","model":"steady/chat","messages":[]}'), {400}),
            ("deep", request(CHAT, key, b'{"model":"steady/chat","messages":' + b"[" * 500 + b"]" * 500 + b"}"), {400}),
            ("large field", request(CHAT, key, good, {"x-large": "x" * 9000}), {431}), ("wrong type", request(CHAT, key, good, {"content-encoding": "gzip"}), {415}),
            ("two lengths", request(CHAT, key, good, {"Content-Length": "3"}), {400}), ("nonsense", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n" * 4, {400}),
            ("bad chunk", request(CHAT, key, b"", {"transfer-encoding": "chunked"}, length="0").replace(b"content-length: 0\r\n", b"") + b"zz\r\n", {400}),
            ("only cached", request(CHAT, key, chat("steady/chat", self.mark("never")), {"cache-control": "only-if-cached"}), {504}),
            ("stored object", request("/v1/responses/resp_1", key, method="GET"), {501}), ("wrong method", request(CHAT, key, method="DELETE"), {405}),
        ])
        link = await Link.open(self.port)
        answer = await self.ask("bad", data, link)
        if answer is not None and answer.status == 200:
            self.ledger.breach("unexpected-status", f"bad request '{name}' was answered with 200")
        self.explain(f"bad request '{name}'", answer, allowed)
        link.close()
