"""The provider of the soak: every answer names its question, and how an answer goes wrong is chosen by the model's name.

It listens on three ports, which the gateway knows as three providers: `steady` never fails, `shaky` fails as its models say, and `away` leaves
from time to time, listener and connections together. An answer's text is computed from the question's mark, a serial number that is given only
once, and a number of words; whoever has the text can compute it again, so a byte of somebody else's answer shows.
"""

import asyncio
import json
import random
import re
import socket
import struct

WORDS = ("weir river water gate sluice mill stream pool lock bank reed heron otter ferry bridge ford spring delta island channel".split())
MARK = re.compile(rb"<mark:([A-Za-z0-9_./-]{1,80})>")
MODEL = re.compile(rb'"model"\s*:\s*"([^"]+)"')
SUBJECTS = ["account password", "billing invoice", "delivery address", "yearly subscription", "phone number", "profile picture", "weekly newsletter",
            "credit card", "gift voucher", "time zone", "language setting", "shipping label", "warranty claim", "return parcel", "loyalty points"]
ABSURD = [{"prompt_tokens": -5, "completion_tokens": 3, "total_tokens": -2}, {"prompt_tokens": 1e300, "completion_tokens": 1, "total_tokens": 1},
          {"prompt_tokens": "many", "completion_tokens": None, "total_tokens": []}, {"prompt_tokens": 1.5, "completion_tokens": 9223372036854775807}, {}, None]


def text_of(mark, serial, words):
    """The whole text of an answer. Its parts say what is needed to compute it."""
    return f"[{mark}|{serial}|{words}] " + " ".join(WORDS[(serial * 7 + place * place) % len(WORDS)] for place in range(words)) + " [end]"


def read_text(text):
    """Mark and serial of an answer's text, or None if a byte of it is wrong."""
    told = re.match(r"\[([^|\]]+)\|(\d+)\|(\d+)\] ", text)
    if told and text == text_of(told[1], int(told[2]), int(told[3])):
        return told[1], int(told[2])
    return None


def subject_of(text):
    return next((subject for subject in SUBJECTS if subject in text), None)


def vector_of(text):
    """Four numbers that belong to a text."""
    state = random.Random(text)
    return [round(state.uniform(-1, 1), 6) for _ in range(4)]


class Provider:
    """All three ports. Runs on the event loop of who starts it."""

    def __init__(self, plan, clock, ports):
        self.plan, self.clock = plan, clock
        self.ports = dict(zip(("steady", "shaky", "away"), ports))
        self.servers, self.writers = {}, {name: set() for name in self.ports}
        self.serial, self.received, self.leaks = 0, 0, 0
        self.here = {}  # mark -> how often it is being answered now, or has been
        self.chance = random.Random(11)

    async def start(self):
        for name in self.ports:
            await self.open(name)

    async def open(self, name):
        self.servers[name] = await asyncio.start_server(lambda r, w: self.serve(name, r, w), "127.0.0.1", self.ports[name], limit=1 << 18, backlog=512)

    def leave(self, name):
        """Nobody listens any more, and every connection is reset."""
        self.servers.pop(name).close()
        for writer in list(self.writers[name]):
            reset(writer)

    def stop(self):
        for name in list(self.servers):
            self.leave(name)

    async def serve(self, name, reader, writer):
        self.writers[name].add(writer)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                told = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                body = await reader.readexactly(int(told[1])) if told else b""
                self.received += 1
                if b"wk_" in head:
                    self.leaks += 1
                if not await self.answer(name, head, body, writer):
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass
        finally:
            self.writers[name].discard(writer)
            if not writer.is_closing():
                writer.close()

    async def answer(self, name, head, body, writer):
        """Whether the connection lives on."""
        self.serial += 1
        serial = self.serial
        model = (MODEL.search(body) or [b"", b""])[1].decode()
        mark = (MARK.search(body) or [b"", b"none"])[1].decode()
        streams = re.search(rb'"stream"\s*:\s*true', body) is not None
        self.here[mark] = self.here.get(mark, 0) + 1
        line = head.split(b"\r\n", 1)[0]
        is_messages = b"/messages" in line
        if b"/embeddings" in line:
            return await self.embed(body, model, writer)
        fault = model if name == "shaky" else ""
        if fault == "flaky":
            fault = self.flaky_fault()
        if name == "steady" and self.plan.is_on("slow", self.clock()):
            await asyncio.sleep(self.chance.uniform(0.1, 0.3))
        if model == "slow":
            await asyncio.sleep(self.chance.uniform(0.25, 0.45))
        if fault and (done := await self.fail_before(fault, writer)) is not None:
            return done
        usage = self.chance.choice(ABSURD) if fault == "absurd" else {"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50}
        if model == "similar":
            text = f"Open the page of the {subject_of(body.decode(errors='replace'))} and follow it."
        else:
            text = text_of(mark, serial, {"big": 40_000, "long": 60_000, "hefty": 4_000, "slow": 24}.get(model, 16 + serial % 24))
        if streams:
            if is_messages:
                return await self.stream_messages(text, serial, model, writer)
            return await self.stream(text, serial, model, fault, usage, b'"include_usage"' in body, writer)
        data = json.dumps(message(text, serial, model) if is_messages else {
            "id": f"chatcmpl-{serial}", "object": "chat.completion", "created": 1700000000, "model": model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], "usage": usage}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data))
        if fault in ("reset", "cut"):
            writer.write(data[: len(data) // 2])
            await writer.drain()
            await asyncio.sleep(0.02)
            if fault == "reset":
                reset(writer)
            return False
        writer.write(data)
        await writer.drain()
        return True

    def flaky_fault(self):
        """In an episode always the episode's fault, otherwise one in ten."""
        now = self.clock()
        if self.plan.is_on("errors", now):
            return self.chance.choice(["fail-500", "fail-503", "fail-429"])
        if self.plan.is_on("resets", now):
            return self.chance.choice(["reset", "cut", "reset-stream", "cut-stream"])
        if self.plan.is_on("stalls", now):
            return "stall"
        return self.chance.choice(["fail-500", "reset", "cut", "stall-stream"]) if self.chance.random() < 0.1 else ""

    async def fail_before(self, fault, writer):
        """Faults that need no answer's text: None if this is not one, else whether the connection lives on."""
        if fault.startswith("fail-"):
            data = json.dumps({"error": {"message": f"as asked: {fault}", "type": "server_error", "code": "as_asked"}}).encode()
            more = b"retry-after: 1\r\n" if fault == "fail-429" else b""
            writer.write(b"HTTP/1.1 %s As Asked\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n" % (fault[5:].encode(), more, len(data)) + data)
            await writer.drain()
            return True
        if fault == "nonsense":
            writer.write(b"SMTP ready\r\n\r\n")
            await writer.drain()
            return False
        if fault == "stall":
            await asyncio.sleep(20)
            reset(writer)
            return False
        return None

    async def stream(self, text, serial, model, fault, usage, tells_usage, writer):
        def event(delta, finish=None):
            data = {"id": f"chatcmpl-{serial}", "object": "chat.completion.chunk", "created": 1700000000, "model": model,
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            return chunk(f"data: {json.dumps(data)}\n\n".encode())

        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + event({"role": "assistant", "content": ""}))
        size = 1024 if model in ("long", "big", "hefty") else max(8, len(text) // 12)
        pieces = [text[place:place + size] for place in range(0, len(text), size)]
        for number, piece in enumerate(pieces):
            if number == len(pieces) // 2 and (fault.endswith("-stream") or fault in ("reset", "cut")):
                await asyncio.sleep(0.02)
                if fault == "error-stream":
                    writer.write(chunk(b'data: {"error":{"message":"as asked","type":"server_error"}}\n\n') + b"0\r\n\r\n")
                elif fault == "stall-stream":
                    await asyncio.sleep(20)
                elif fault.startswith("reset"):
                    reset(writer)
                await writer.drain()
                return False
            writer.write(event({"content": piece}))
            await writer.drain()
            if model == "slow":
                await asyncio.sleep(0.03)
        tail = event({}, "stop")
        if tells_usage:
            told = {"id": f"chatcmpl-{serial}", "object": "chat.completion.chunk", "created": 1700000000, "model": model, "choices": [], "usage": usage}
            tail += chunk(f"data: {json.dumps(told)}\n\n".encode())
        writer.write(tail + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await writer.drain()
        return True

    async def stream_messages(self, text, serial, model, writer):
        """The same in Anthropic's grammar."""
        def event(kind, **fields):
            return chunk(f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode())

        start = {**message(text, serial, model), "content": [], "stop_reason": None}
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + event("message_start", message=start)
                     + event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
        for place in range(0, len(text), 40):
            writer.write(event("content_block_delta", index=0, delta={"type": "text_delta", "text": text[place:place + 40]}))
            await writer.drain()
        writer.write(event("content_block_stop", index=0) + event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 30})
                     + event("message_stop") + b"0\r\n\r\n")
        await writer.drain()
        return True

    async def embed(self, body, model, writer):
        asked = json.loads(body)["input"]
        asked = [asked] if isinstance(asked, str) else asked
        data = json.dumps({"object": "list", "model": model, "usage": {"prompt_tokens": 5 * len(asked), "total_tokens": 5 * len(asked)},
                           "data": [{"object": "embedding", "index": place, "embedding": vector_of(text)} for place, text in enumerate(asked)]}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
        await writer.drain()
        return True


def message(text, serial, model):
    """An answer in Anthropic's shape."""
    return {"id": f"msg_{serial}", "type": "message", "role": "assistant", "model": model, "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 20, "output_tokens": 30}}


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def reset(writer):
    """Ends a connection with RST."""
    held = writer.get_extra_info("socket")
    if held is not None and held.fileno() >= 0:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
