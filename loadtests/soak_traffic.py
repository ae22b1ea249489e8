"""The traffic of the soak: some twenty kinds of clients, each with a rate of its own.

A kind is a coroutine that does one thing once: asks, looks at the answer, and tells the ledger. What may come back is part of the kind: whatever
else comes is a breach. Only what goes through a provider that is meant to fail may end in 5xx.
"""

import asyncio
import json
import time

import soak_provider
from soak_asker import CHAT
from soak_client import Link, chat, content_of, request
from soak_impolite import TENANTS, Impolite

WAYS = ["How can I change my {}?", "How do I change my {}?", "What is the way to change my {}?", "How would I go about changing my {}?",
        "Please tell me how I can change my {}", "Can you explain how to change my {}?", "I would like to change my {}, how?",
        "Tell me how to change my {} please", "How could I change my {}?", "Where do I change my {}?"]
# model of `shaky` -> statuses that the fault explains; 503 because the breaker opens
FAULTS = {
    "fail-500": {500, 503}, "fail-503": {503}, "fail-429": {429, 503}, "reset": {502, 503}, "cut": {502, 503}, "nonsense": {502, 503},
    "stall": {504, 503}, "absurd": {200},
}
STREAM_FAULTS = ["reset-stream", "cut-stream", "stall-stream", "error-stream", "absurd"]


class Traffic(Impolite):
    """All clients. `rate` scales every kind's own."""

    # Kinds

    async def pool(self, kind, fields=None, **more):
        """One of two hundred questions, some asked much more often than others, by three tenants."""
        tenant, mark = self.chance.choice(TENANTS), f"pool/{int(self.chance.paretovariate(0.7)) % 200}"
        return self.check(kind, tenant, mark, await self.ask(kind, request(CHAT, self.keys[tenant], chat("steady/chat", mark, **more), fields)))

    async def hit(self):
        await self.pool("hit")

    async def replayed_stream(self):
        await self.pool("replayed-stream", stream=True)

    async def refresh(self):
        """An answer that was there before would be no fresh one."""
        known = self.provider.serial
        serial = await self.pool("refresh", {"cache-control": "no-cache"})
        if serial is not None and serial <= known:
            self.ledger.breach("wrong-answer", f"refresh: got answer {serial}, which was given before it was asked for")

    async def keyed(self):
        """The client's own cache key, with bodies that differ."""
        tenant, mark = self.chance.choice(TENANTS), f"keyed/{self.chance.randrange(60)}"
        data = chat("steady/chat", mark, fill="again " * self.chance.randrange(20))
        self.check("keyed", tenant, mark, await self.ask("keyed", request(CHAT, self.keys[tenant], data, {"cf-aig-cache-key": mark})))

    async def messages(self):
        """Anthropic's dialect, plain and streamed, new and from the cache."""
        tenant, mark = self.chance.choice(TENANTS), f"messages/{int(self.chance.paretovariate(0.5)) % 5000}"
        data = chat("steady/chat", mark, **self.chance.choice([{}, {"stream": True}]))
        self.check("messages", tenant, mark, await self.ask("messages", request("/v1/messages", self.keys[tenant], data, {"anthropic-version": "2023-06-01"})))

    async def unique(self, kind, model="steady/chat", fields=None, **more):
        tenant, mark = self.chance.choice(TENANTS), self.mark(kind)
        return self.check(kind, tenant, mark, await self.ask(kind, request(CHAT, self.keys[tenant], chat(model, mark, **more), fields)))

    async def miss(self):
        await self.unique("miss")

    async def uncached(self):
        await self.unique("uncached", fields=self.chance.choice([{"cf-aig-skip-cache": "true"}, {"cache-control": "no-store"}, {"cf-aig-cache-ttl": "0"}]))

    async def new_stream(self):
        await self.unique("new-stream", self.chance.choice(["steady/chat", "steady/slow", "steady/hefty"]), stream=True, stream_options={"include_usage": True})

    async def big(self):
        """Bodies of 128 KiB to 1 MiB, and answers too large to be kept."""
        if self.chance.random() < 0.2:
            return await self.unique("big", "steady/big")
        await self.unique("big", fill="and the flood. " * (self.chance.randint(128, 1000) * 1024 // 15))

    async def limited(self):
        mark = self.mark("limited")
        self.limited_since = self.limited_since or time.monotonic()
        answer = await self.ask("limited", request(CHAT, self.keys["limited"], chat("steady/chat", mark)))
        if self.check("limited", "limited", mark, answer, {429}):
            self.admitted += 1
            most = 60 + (time.monotonic() - self.limited_since) + 2
            if self.admitted > most:
                self.ledger.breach("limit-exceeded", f"{self.admitted} requests were admitted where {most:.0f} may be")
        elif answer is not None and answer.status == 429 and not answer.fields.get("retry-after", "").isdigit():
            self.ledger.breach("unexpected-status", "a 429 without Retry-After")

    async def concurrent(self):
        """Two at once and no more."""
        marks = [self.mark("concurrent") for _ in range(4)]
        answers = await asyncio.gather(*[self.ask("concurrent", request(CHAT, self.keys["narrow"], chat("steady/slow", mark))) for mark in marks])
        served = [self.check("concurrent", "narrow", mark, answer, {429}) for mark, answer in zip(marks, answers)]
        if not any(served) and not any(answer is None for answer in answers):
            self.ledger.breach("slot-lost", "none of four requests of a tenant with two places was served")

    async def metered(self):
        """Tokens and money are limited."""
        mark = self.mark("metered")
        self.check("metered", "metered", mark, await self.ask("metered", request(CHAT, self.keys["metered"], chat("steady/chat", mark))), {429})

    async def stale(self):
        """Kept for two seconds; past that a stale answer is right while a fresh one is fetched, and when none can be had."""
        tenant, mark, now = self.chance.choice(TENANTS), f"stale/{self.chance.randrange(8)}", time.monotonic()
        answer = await self.ask("stale", request(CHAT, self.keys[tenant], chat("stale", mark)))
        serial = self.check("stale", tenant, mark, answer, {429, 500, 502, 503, 504})
        if serial is not None:
            self.stored[tenant, mark] = now
        elif answer is not None and answer.status >= 429 and now - self.stored.get((tenant, mark), -1e9) < 20:
            self.ledger.breach("unexplained-5xx", f"stale: {answer.status} though an answer was kept {now - self.stored[tenant, mark]:.1f} s before: {answer.body[:200]!r}")

    async def hedged(self):
        await self.unique("hedged", "hedged")

    async def feedback(self):
        """A verdict on an answer, and what else a tenant may ask."""
        tenant, mark = self.chance.choice(TENANTS), self.mark("feedback")
        answer = await self.ask("feedback", request(CHAT, self.keys[tenant], chat("steady/chat", mark)))
        if self.check("feedback", tenant, mark, answer) is None:
            return
        await asyncio.sleep(1)
        path = "/weir/feedback/" + answer.fields["cf-aig-log-id"]
        self.explain("feedback", await self.ask("feedback", request(path, self.keys[tenant], json.dumps({"feedback": self.chance.choice([-1, 1])}).encode())), set())
        self.explain("usage", await self.ask("feedback", request(self.chance.choice(["/weir/usage", "/v1/models"]), self.keys[tenant], method="GET")), set())

    async def pipelined(self):
        """Several requests before the first answer; the answers come in their order."""
        tenant, link = self.chance.choice(TENANTS), await Link.open(self.port)
        asked = [(model, self.mark("pipelined")) for model in self.chance.choices(["steady/chat", "steady/slow", "steady/hefty"], k=self.chance.randint(2, 6))]
        streams = [self.chance.choice([{}, {"stream": True}]) for _ in asked]
        link.send(b"".join(request(CHAT, self.keys[tenant], chat(model, mark, **more)) for (model, mark), more in zip(asked, streams)))
        for _, mark in asked:
            answer = await self.ask("pipelined", b"", link)
            self.check("pipelined", tenant, mark, answer)
            if answer is None:
                break
        link.close()

    async def old(self):
        """HTTP/1.0, and bodies that come in chunks."""
        tenant, mark, link = self.chance.choice(TENANTS), self.mark("old"), await Link.open(self.port)
        data = request(CHAT, self.keys[tenant], chat("steady/chat", mark, **self.chance.choice([{}, {"stream": True}])))
        if self.chance.random() < 0.5:
            data = data.replace(b" HTTP/1.1", b" HTTP/1.0", 1)
        else:
            head, _, body = data.partition(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if not line.startswith(b"content-length")] + [b"transfer-encoding: chunked"]
            pieces = [body[place:place + 50] for place in range(0, len(body), 50)]
            data = b"\r\n".join(lines) + b"\r\n\r\n" + b"".join(soak_provider.chunk(piece) for piece in pieces) + b"0\r\n\r\n"
        self.check("old", tenant, mark, await self.ask("old", data, link))
        link.close()

    async def similar(self):
        subject = self.chance.choice(soak_provider.SUBJECTS)
        text = self.chance.choice(WAYS).format(subject) + self.chance.choice(["", " Thank you.", " It is urgent.", " I am new here.", " Thanks!"])
        data = json.dumps({"model": "similar", "messages": [{"role": "user", "content": text}]}).encode()
        answer = await self.ask("similar", request(CHAT, self.keys["meaning"], data))
        if not self.explain("similar", answer, set()):
            return
        self.ledger.semantic["asked"] += 1
        right = subject in content_of(answer)[0]
        if answer.cache() == "semantic":
            self.ledger.semantic["served"] += 1
            self.ledger.semantic["wrong"] += not right
        elif not right:
            self.ledger.breach("wrong-answer", f"similar: {text!r} got {content_of(answer)[0]!r} as {answer.fields.get('cache-status')}")

    async def universal(self):
        """A step that fails and one that does not."""
        tenant, mark = self.chance.choice(TENANTS), self.mark("universal")
        first = self.chance.choice(["fail-500", "fail-503", "reset", "cut"])
        step = lambda provider, model: {"provider": provider, "endpoint": "chat/completions", "headers": {}, "query": json.loads(chat(model, mark))}
        answer = await self.ask("universal", request("/v1/acc/gw", self.keys[tenant], json.dumps([step("shaky", first), step("steady", "chat")]).encode()))
        # A native step is passed on as it comes, so that one which breaks off in its body can't be followed by another.
        self.check("universal", tenant, mark, answer, may_break=first in ("reset", "cut"))

    async def embeddings(self):
        tenant, texts = self.chance.choice(TENANTS), [f"text {self.chance.randrange(400)}" for _ in range(self.chance.randint(1, 6))]
        answer = await self.ask("embeddings", request("/v1/embeddings", self.keys[tenant], json.dumps({"model": "steady/embed", "input": texts}).encode()))
        if self.explain("embeddings", answer, set()):
            told = [(item["index"], item["embedding"]) for item in answer.json()["data"]]
            if told != [(place, soak_provider.vector_of(text)) for place, text in enumerate(texts)]:
                self.ledger.breach("wrong-answer", f"embeddings: {texts} got {told}"[:500])

    async def safe(self):
        """The first target fails, the second never does."""
        await self.unique_safe("safe", {})

    async def safe_stream(self):
        await self.unique_safe("safe-stream", {"stream": True})

    async def unique_safe(self, kind, more):
        tenant, mark = self.chance.choice(TENANTS), self.mark(kind)
        answer = await self.ask(kind, request(CHAT, self.keys[tenant], chat("safe", mark, **more)))
        self.check(kind, tenant, mark, answer, may_break=bool(more))

    async def refuge(self):
        """The first target is not there at times."""
        tenant, mark = self.chance.choice(TENANTS), self.mark("refuge")
        self.check("refuge", tenant, mark, await self.ask("refuge", request(CHAT, self.keys[tenant], chat("refuge", mark))))

    async def away(self):
        tenant, mark, began = self.chance.choice(TENANTS), self.mark("away"), self.plan.clock()
        answer = await self.ask("away", request(CHAT, self.keys[tenant], chat("away/chat", mark)))
        self.check("away", tenant, mark, answer, {502, 503} if self.plan.was_on("away", began, self.plan.clock(), grace=15) else ())

    async def fault(self):
        model = self.chance.choice(list(FAULTS))
        tenant, mark = self.chance.choice(TENANTS), self.mark(model)
        answer = await self.ask("fault", request(CHAT, self.keys[tenant], chat("shaky/" + model, mark)))
        self.check("fault " + model, tenant, mark, answer, FAULTS[model])

    async def fault_stream(self):
        model = self.chance.choice(STREAM_FAULTS)
        tenant, mark = self.chance.choice(TENANTS), self.mark(model)
        answer = await self.ask("fault-stream", request(CHAT, self.keys[tenant], chat("shaky/" + model, mark, stream=True)))
        self.check("fault " + model, tenant, mark, answer, {502, 503, 504}, may_break=True)

    async def together(self):
        """The same question from several at once; now and then the first of them leaves."""
        tenant, mark, leaves = self.chance.choice(TENANTS), self.mark("together"), self.chance.random() < 0.5
        data = request(CHAT, self.keys[tenant], chat("steady/slow", mark))
        first = asyncio.create_task(self.leave_waiting(data, mark) if leaves else self.ask("together", data))
        await asyncio.sleep(0.02)
        answers = await asyncio.gather(*[self.ask("together", data) for _ in range(3)])
        led = await first
        serials = {self.check("together", tenant, mark, answer) for answer in answers + ([] if leaves else [led])} - {None}
        if len(serials) > 1:
            self.ledger.outcomes["answered twice"] += 1

    # Running

    KINDS = [  # name, requests a second at rate 1, how many at once at most
        ("hit", 50, 12), ("replayed_stream", 10, 6), ("refresh", 2, 4), ("keyed", 4, 4), ("miss", 20, 12), ("uncached", 8, 8), ("new_stream", 8, 12), ("messages", 5, 6),
        ("big", 0.7, 3), ("limited", 6, 6), ("concurrent", 0.7, 1), ("metered", 3, 4), ("similar", 5, 6), ("universal", 3, 6), ("embeddings", 4, 4), ("safe", 8, 24),
        ("safe_stream", 4, 16), ("refuge", 5, 12), ("away", 2, 8), ("stale", 4, 8), ("hedged", 2, 4), ("fault", 5, 32), ("fault_stream", 3, 24), ("together", 1.5, 4),
        ("leave", 6, 16), ("feedback", 1, 4), ("pipelined", 1, 4), ("old", 2, 4), ("slow_reader", 0.2, 3), ("slow_writer", 0.1, 3), ("bad", 5, 6),
    ]

    async def run(self, until):
        await asyncio.gather(*[self.repeat(getattr(self, name), rate * self.rate, most, until) for name, rate, most in self.KINDS])

    async def repeat(self, kind, rate, most, until):
        """Starts one after the other at random distances; what finds `most` under way is left out, so that nothing piles up."""
        mine = set()
        while self.plan.clock() < until:
            pace = 6 if kind == self.leave and self.plan.is_on("crowds leave", self.plan.clock()) else 1
            await asyncio.sleep(self.chance.expovariate(rate * pace))
            if len(mine) < most * pace:
                task = asyncio.create_task(self.guarded(kind))
                for group in (mine, self.running):
                    group.add(task)
                    task.add_done_callback(group.discard)

    async def guarded(self, kind):
        try:
            await kind()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError) as error:
            self.ledger.note_left(False)
            self.ledger.breach("connection-lost", f"{kind.__name__}: {error!r}")

    async def finish(self, seconds):
        """Lets what is under way end."""
        if self.running:
            _, late = await asyncio.wait(self.running, timeout=seconds)
            for task in late:
                self.ledger.breach("no-answer", f"still under way {seconds} s after the end: {task.get_coro()}")
                task.cancel()
        for _, link in self.idle:
            link.close()
