"""How every client of the soak asks, and what it looks at in an answer."""

import asyncio
import random
import time

from soak_client import ANSWER_SECONDS, Link, content_of

CHAT = "/v1/chat/completions"
IDLE_SECONDS = 60  # the gateway keeps a connection for 70 s at least


class Asker:
    """Connections that are kept between requests, and the checks of an answer."""

    def __init__(self, gateway, provider, plan, ledger, rate):
        self.gateway, self.provider, self.plan, self.ledger, self.rate = gateway, provider, plan, ledger, rate
        self.port, self.keys = gateway.port, gateway.keys
        self.chance = random.Random(5)
        self.number, self.idle, self.running = 0, [], set()
        self.admitted, self.limited_since, self.stored = 0, None, {}

    def mark(self, kind):
        self.number += 1
        return f"{kind}/{self.number}"

    async def ask(self, kind, data, link=None, is_head=False):
        """One request on a kept connection. None (and a breach) if no answer comes."""
        for _ in range(3):
            kept = None if link else self.take_idle()
            held = link or kept or await Link.open(self.port)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    held.send(data)
                    answer = await held.whole(is_head)
            except TimeoutError:
                held.reset()
                self.ledger.note_left(False)
                return self.ledger.breach("no-answer", f"{kind}: none within {ANSWER_SECONDS} s to {data[:300]!r}")
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                held.close()
                if not kept:
                    self.ledger.note_left(False)
                    return self.ledger.breach("connection-lost", f"{kind}: {error!r} on a new connection for {data[:200]!r}")
                continue  # an idle connection may have been closed meanwhile
            self.ledger.note(kind, answer)
            if held.ends:
                held.close()
            elif link is None:
                self.idle.append((time.monotonic(), held))
            return answer
        return self.ledger.breach("connection-lost", f"{kind}: three connections were closed before an answer")

    def take_idle(self):
        """A kept connection, as long as the gateway keeps it too."""
        while self.idle:
            since, link = self.idle.pop()
            if time.monotonic() - since < IDLE_SECONDS:
                return link
            link.close()
        return None

    def explain(self, kind, answer, allowed):
        """Whether the answer is a 200. Any status but that and `allowed` is a breach, if the plan does not explain it."""
        if answer is None:
            return False
        if answer.status == 200:
            if answer.is_cut and 502 not in allowed:
                self.ledger.breach("cut-answer", f"{kind}: a whole answer was due and the connection ended after {len(answer.body)} bytes")
            return not answer.is_cut
        if answer.status == 504 and answer.code() == "upstream_timeout" and self.plan.clock() < self.plan.late_until:
            self.ledger.outcomes["late, on a busy machine"] += 1
        elif answer.status not in allowed:
            name = "unexplained-5xx" if answer.status >= 500 else "unexpected-status"
            self.ledger.breach(name, f"{kind}: {answer.status} {answer.body[:300]!r} cf-aig-step={answer.fields.get('cf-aig-step')}")
        elif answer.status == 503 and answer.code() == "overloaded":
            self.ledger.breach("unexplained-5xx", f"{kind}: overloaded at this rate")
        return False

    def check(self, kind, tenant, mark, answer, allowed=(), may_break=False):
        """The whole of what a chat answer must be. Returns its serial, or None."""
        if not self.explain(kind, answer, set(allowed) | ({502} if may_break else set())):
            if answer is not None and answer.status == 200:
                self.ledger.broken_streams += 1
            return None
        try:
            text, is_whole = content_of(answer)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            return self.ledger.breach("wrong-answer", f"{kind}: {error!r} in {answer.body[:300]!r}")
        if not is_whole:
            self.ledger.broken_streams += 1
            if not may_break:
                self.ledger.breach("cut-answer", f"{kind}: a stream without its end: {answer.body[-200:]!r}")
            return None
        return self.ledger.check_text(tenant, mark, text, kind)
