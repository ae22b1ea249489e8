"""A client of the soak on asyncio, and the ledger in which all clients write what they saw.

The client is small so that thousands of requests a minute cost little, and so that it can do what no library lets it do: stop in the middle.
"""

import asyncio
import collections
import json
import socket
import struct
import time

import soak_provider

ANSWER_SECONDS = 30


class Answer:
    """Status, fields in lower case, body. `is_cut`: the connection ended before the body did."""

    def __init__(self, status, fields):
        self.status, self.fields, self.body, self.is_cut = status, fields, b"", False

    def json(self):
        return json.loads(self.body)

    def code(self):
        """The `code` of an error of the gateway's own; empty if there is none."""
        try:
            return self.json()["error"]["code"] or ""
        except (ValueError, KeyError, TypeError):
            return ""

    def cache(self):
        """What Cache-Status tells, in one word; empty where it says nothing."""
        told = self.fields.get("cache-status", "")
        if told.startswith("weir; hit"):
            return "semantic" if "semantic" in told else "stale" if "stale" in told else "hit"
        if "fwd=stale" in told:
            return "stale"
        if "collapsed" in told:
            return "collapsed"
        return "bypass" if "fwd=bypass" in told else "miss" if told else ""


class Link:
    """One connection."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.ends = reader, writer, False

    @classmethod
    async def open(cls, port, receive_buffer=None):
        held = socket.socket()
        held.setblocking(False)
        if receive_buffer:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(held, ("127.0.0.1", port))
        return cls(*await asyncio.open_connection(sock=held, limit=receive_buffer or 1 << 17))

    def send(self, data):
        self.writer.write(data)

    async def head(self):
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        self.ends = fields.get("connection", "").lower() == "close"
        return Answer(int(lines[0].split()[1]), fields)

    async def pieces(self, answer):
        """The body as it comes."""
        if answer.fields.get("transfer-encoding") == "chunked":
            while size := int((await self.reader.readline()).split(b";")[0] or b"x", 16):
                yield (await self.reader.readexactly(size + 2))[:-2]
            await self.reader.readline()
        elif "content-length" not in answer.fields:
            yield await self.reader.read(-1)
        elif left := int(answer.fields["content-length"]):
            yield await self.reader.readexactly(left)

    async def whole(self, is_head=False):
        answer = await self.head()
        try:
            if not is_head:
                answer.body = b"".join([piece async for piece in self.pieces(answer)])
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            answer.is_cut = self.ends = True
        return answer

    def close(self):
        self.writer.close()

    def reset(self):
        held = self.writer.get_extra_info("socket")
        if held is not None and held.fileno() >= 0:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def request(path, key, body=b"", fields=None, method="POST", length=None):
    lines = [f"{method} {path} HTTP/1.1", "host: weir"]
    if key:
        lines.append(f"authorization: Bearer {key}")
    if body or method == "POST":
        lines += ["content-type: application/json", f"content-length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in (fields or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chat(model, mark, fill="", **fields):
    """A chat request that bears a mark."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": f"<mark:{mark}> What of it? {fill}"}], "max_tokens": 200, **fields}).encode()


def content_of(answer):
    """The text of a chat answer, and whether it ended as it should. Raises ValueError on what is no chat answer."""
    if not answer.fields.get("content-type", "").startswith("text/event-stream"):
        told = answer.json()
        return (told["content"][0]["text"] if "content" in told else told["choices"][0]["message"]["content"]), True
    parts, is_done = [], False
    for line in answer.body.decode().split("\n"):
        if line == "data: [DONE]":
            is_done = True
        elif line.startswith("data: "):
            event = json.loads(line[6:])
            if "error" in event:
                return "".join(parts), False
            is_done = is_done or event.get("type") == "message_stop"
            if event.get("type") == "content_block_delta":
                parts.append(event["delta"]["text"])
            parts += [choice["delta"].get("content") or "" for choice in event.get("choices", [])]
    return "".join(parts), is_done


class Ledger:
    """What was asked and what came of it, and every breach of an invariant."""

    def __init__(self):
        self.completed = 0  # answers that were read to their end, cut ones included
        self.left, self.maybe = 0, 0  # requests whose client left: surely counted by the gateway, and perhaps
        self.status, self.cache, self.kinds, self.outcomes = (collections.Counter() for _ in range(4))
        self.breaches, self.breach_counts = [], collections.Counter()
        self.owners = {}  # serial -> (tenant, mark)
        self.broken_streams = self.limited = self.keyless = 0
        self.semantic = {"asked": 0, "served": 0, "wrong": 0}
        self.started = time.monotonic()

    def breach(self, name, detail):
        self.breach_counts[name] += 1
        if self.breach_counts[name] <= 20:
            self.breaches.append({"name": name, "at": round(time.monotonic() - self.started, 2), "detail": str(detail)[:600]})

    def note(self, kind, answer):
        """Every answer, once."""
        self.completed += 1
        self.kinds[kind] += 1
        self.status[answer.status] += 1
        self.cache[answer.cache()] += 1
        self.limited += answer.status == 429 and answer.code() in ("rate_limit_exceeded", "concurrency_limit_exceeded", "budget_exceeded")
        self.keyless += answer.status == 401 and answer.code() == "missing_key"
        kept = answer.cache() in ("hit", "semantic", "stale", "collapsed")
        self.outcomes["from the cache" if kept and answer.status == 200 else "from a provider" if answer.status < 300
                      else "refused (4xx)" if answer.status < 500 else "failed (5xx)"] += 1

    def note_left(self, is_sure=True):
        self.left += is_sure
        self.maybe += not is_sure
        self.outcomes["client left"] += 1

    def check_text(self, tenant, mark, text, kind):
        """The text is the answer to this very question, and was given to this tenant only. Returns its serial."""
        found = soak_provider.read_text(text)
        if found is None or found[0] != mark:
            return self.breach("wrong-answer", f"{kind}: tenant {tenant} asked {mark} and got {text[:120]!r}…{text[-40:]!r}")
        owner = self.owners.setdefault(found[1], (tenant, mark))
        if owner != (tenant, mark):
            self.breach("wrong-answer", f"{kind}: tenant {tenant} got for {mark} the answer {found[1]} that was given to {owner}")
        return found[1]
