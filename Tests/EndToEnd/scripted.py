"""Providers whose every answer a test writes beforehand, model by model.

The demo provider answers as a model's name says; here the same model first fails and then does not, which is what a retry is about.
"""

import contextlib
import json
import socket
import threading

OK = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}


class Answer:
    """Bytes, then silence, a cut or a reset, or nothing of the kind. `wait`: what must be set before the first byte goes out."""

    def __init__(self, data=b"", end="keep", wait=None):
        self.data, self.end, self.wait = data, end, wait


def status(code, body=None, wait=None, **headers):
    """A whole answer. Underscores in names of headers stand for hyphens."""
    body = json.dumps(body if body is not None else {"error": {"message": f"scripted {code}", "type": "scripted"}}).encode()
    fields = {**OK, **{name.replace("_", "-"): value for name, value in headers.items()}, "content-length": len(body)}
    return Answer(head(code, fields) + body, wait=wait)


def chat(text="fine", wait=None):
    """A good chat completion."""
    return status(200, {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }, wait)


def event(value):
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def delta(text=None, finish=None):
    content = {"role": "assistant", "content": ""} if text is None and finish is None else {} if text is None else {"content": text}
    return event({"id": "s", "object": "chat.completion.chunk", "created": 1, "model": "m",
                  "choices": [{"index": 0, "delta": content, "finish_reason": finish}]})


ROLE, DONE = delta(), delta(finish="stop") + event(b"[DONE]")


def stream(*pieces, end="keep"):
    """A chunked stream of events. With another end than "keep" the last chunk is missing."""
    chunks = b"".join(b"%x\r\n" % len(piece) + piece + b"\r\n" for piece in pieces)
    return Answer(head(200, {**EVENTS, "transfer-encoding": "chunked"}) + chunks + (b"0\r\n\r\n" if end == "keep" else b""), end)


def good_stream(text="fine"):
    return stream(ROLE, delta(text), DONE)


def head(code, fields):
    return f"HTTP/1.1 {code} Scripted\r\n".encode() + b"".join(f"{name}: {value}\r\n".encode() for name, value in fields.items()) + b"\r\n"


SILENCE = Answer(end="hang")
RESET = Answer(end="reset")
CUT_BODY = Answer(chat().data[:-20], "close")


class Call:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.path = lines[0].split()[1]
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.body = json.loads(body) if body else None

    @property
    def key(self):
        return self.headers.get("authorization", "").removeprefix("Bearer ")


class Provider:
    """Answers each model with the next answer of its script; the last one stays. A model without a script is answered well."""

    def __init__(self, address="127.0.0.1", port=0):
        self.scripts, self.calls, self.left, self.open = {}, [], [], set()
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.listener = socket.create_server((address, port), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://{address}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def script(self, model, *answers):
        """From now on. An answer may be a function of the call."""
        with self.lock:
            self.scripts[model] = list(answers)

    def count(self, model):
        return len(self.of(model))

    def of(self, model):
        with self.lock:
            return [call for call in self.calls if call.body and call.body.get("model") == model]

    def was_left(self, model):
        """How many calls that were never answered to their end the gateway has given up."""
        return sum(call.body.get("model") == model for call in list(self.left) if call.body)

    def close(self):
        self.ended.set()
        self.listener.close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        self.open.add(connection)
        with connection, contextlib.suppress(OSError):
            received = b""
            while True:
                while b"\r\n\r\n" not in received:
                    data = connection.recv(65536)
                    if not data:
                        return
                    received += data
                first, _, received = received.partition(b"\r\n\r\n")
                call = Call(first, b"")
                length = int(call.headers.get("content-length", 0))
                while len(received) < length:
                    data = connection.recv(65536)
                    if not data:
                        return
                    received += data
                call = Call(first, received[:length])
                received = received[length:]
                if not self._answer(connection, call):
                    return
        self.open.discard(connection)

    def _answer(self, connection, call):
        """Whether the connection goes on."""
        with self.lock:
            self.calls.append(call)
            script = self.scripts.get((call.body or {}).get("model"))
            answer = script.pop(0) if script and len(script) > 1 else script[0] if script else None
        if answer is None:
            answer = good_stream() if (call.body or {}).get("stream") else chat()
        if callable(answer):
            answer = answer(call)
        if answer.wait:
            answer.wait.wait(30)
        if answer.data:
            connection.sendall(answer.data)
        if answer.end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        if answer.end == "hang":
            # Until the gateway hangs up.
            with contextlib.suppress(ConnectionResetError):
                connection.recv(1)
            self.left.append(call)
        return answer.end == "keep"


class BlackHole:
    """A port whose queue of connections is full: further SYNs are dropped, as by a firewall."""

    def __init__(self, address="127.0.0.1", port=0):
        self.listener = socket.socket()
        self.listener.bind((address, port))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((address, self.port))
            self.fillers.append(filler)

    def close(self):
        for each in [*self.fillers, self.listener]:
            each.close()
