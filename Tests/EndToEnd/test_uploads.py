"""Bodies that stream through unscanned, against an upstream whose every move the test makes: limits, back-pressure, early answers."""

import contextlib
import json
import socket
import threading
import time

import pytest

from harness import Raw, chat_body, request_bytes, wait_until

KEY = "wk_" + "U" * 43


class Upstream:
    """Runs `serve(connection, head)` for every connection it gets, on a thread of its own."""

    def __init__(self, serve):
        self.serve, self.heads = serve, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            received = b""
            while b"\r\n\r\n" not in received:
                data = connection.recv(4096)
                if not data:
                    return
                received += data
            head, _, rest = received.partition(b"\r\n\r\n")
            self.heads.append(head)
            self.serve(connection, rest)

    def close(self):
        self.listener.close()


def read_chunked(connection, rest):
    while not rest.endswith(b"0\r\n\r\n"):
        data = connection.recv(1 << 20)
        if not data:
            break
        rest = (rest + data)[-64:] if len(rest) > 1 << 20 else rest + data
    return rest


def read_length(connection, rest, count):
    count -= len(rest)
    while count > 0:
        data = connection.recv(1 << 20)
        if not data:
            return
        count -= len(data)


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def serve(start_gateway):
    """Starts an upstream and a gateway in front of it as provider `raw`, all paths granted."""
    upstreams = []

    def start(answer, limits=None, **config):
        upstream = Upstream(answer)
        upstreams.append(upstream)
        url = f"http://127.0.0.1:{upstream.port}"
        gateway = start_gateway({
            "providers": {"raw": {
                "allow_private": True, "auth": "bearer",
                "bases": [{"dialect": "openai", "url": f"{url}/v1", "include_usage": True,
                           "operations": {"chat_completions": "/chat/completions"}}],
                "native": [{"url": url, "versions": ["v1"]}],
            }},
            "tenants": {"up": {"paths": ["/v1/files*"]}}, "keys": {"up": {"tenant": "up", "key": "env:UP_KEY"}},
            "provider_credentials": {"raw": "env:RAW_KEY"}, "limits": limits or {}, **config,
        }, wait=False)
        gateway.stop()
        gateway.environment.update(UP_KEY=KEY, RAW_KEY="sk-raw-canary-1234")
        gateway.start()
        return upstream, gateway

    yield start
    for upstream in upstreams:
        upstream.close()


def upload(body=b"", length=None, chunked=False):
    headers = ["Content-Type: application/octet-stream"]
    headers.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body) if length is None else length}")
    lines = ["POST /raw/v1/files HTTP/1.1", "Host: weir", f"Authorization: Bearer {KEY}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunk(size):
    return b"%x\r\n" % size + b"x" * size + b"\r\n"


def test_an_upload_declared_too_long_is_refused_before_it_is_read(serve):
    upstream, gateway = serve(lambda connection, rest: connection.sendall(OK), {"upload_bytes_max": "4KiB"})
    with Raw(gateway.data_address) as raw:
        raw.send(upload(length=4097))
        status, _, body = raw.read_response()
        assert status == 413 and json.loads(body)["error"]["code"] == "body_too_large"
        assert raw.closes_within(3)
    assert upstream.heads == []


def test_an_upload_without_a_length_is_cut_at_the_limit(serve):
    def answer(connection, rest):
        read_chunked(connection, rest)
        connection.sendall(OK)

    upstream, gateway = serve(answer, {"upload_bytes_max": "4KiB"})
    with Raw(gateway.data_address) as raw:
        raw.send(upload(chunked=True) + chunk(4096) + b"0\r\n\r\n")
        assert raw.read_response()[0] == 200
    with Raw(gateway.data_address) as raw:
        raw.send(upload(chunked=True) + chunk(4096) + chunk(1))
        assert raw.read_response()[0] == 413
        assert raw.closes_within(3)


def test_an_early_answer_reaches_a_client_that_still_sends(serve):
    """The upstream refuses without reading; what the client sends meanwhile fills every buffer."""
    answer = b"HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"error\":\"full\"}"[:-1]

    def early(connection, rest):
        time.sleep(0.5)
        connection.sendall(answer)
        time.sleep(3)

    _, gateway = serve(early)
    with Raw(gateway.data_address) as raw:
        raw.send(upload(length=64 << 20))
        stop = threading.Event()

        def push():
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    raw.socket.sendall(b"x" * 65536)

        pusher = threading.Thread(target=push)
        pusher.start()
        status, _, _ = raw.read_response(5)
        stop.set()
        assert status == 409
        assert raw.closes_within(5)
        pusher.join(5)


def test_a_client_is_not_blamed_for_an_upstream_that_takes_its_time(serve):
    def slow(connection, rest):
        time.sleep(5)
        read_length(connection, rest, 16 << 20)
        connection.sendall(OK)

    _, gateway = serve(slow, {"body_rate_grace": "500ms", "body_rate_min": 1 << 20, "body_timeout": "10m"})
    with Raw(gateway.data_address) as raw:
        raw.socket.settimeout(30)
        raw.send(upload(b"x" * (16 << 20)))
        assert raw.read_response(20)[0] == 200


def test_204_says_nothing_about_a_length(serve):
    _, gateway = serve(lambda connection, rest: connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"))
    with Raw(gateway.data_address) as raw:
        raw.send(upload(b"x"))
        raw.read(b"\r\n\r\n")
        head = raw.received.lower()
        assert head.startswith(b"http/1.1 204") and b"content-length" not in head and b"transfer-encoding" not in head
        raw.received = b""
        raw.send(request_bytes("GET", "/healthz"))
        assert raw.read_response()[0] == 200


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def event(text):
    data = b'data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % text
    return b"%x\r\n" % len(data) + data + b"\r\n"


def test_an_error_event_stands_alone_after_an_event_that_broke_off(serve, text):
    half = b'data: {"id":"1","choi'

    def broken(connection, rest):
        connection.sendall(STREAM + event(b"one") + b"%x\r\n" % len(half) + half + b"\r\n")

    _, gateway = serve(broken)
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=KEY, body=chat_body(text, "raw/m", stream=True, stream_options={"include_usage": True})))
        assert raw.closes_within(5)
    blocks = raw.received.replace(b"\r\n", b"\n").split(b"\n\n")
    errors = [block for block in blocks if b'"error"' in block]
    assert len(errors) == 1 and b'"choi' not in errors[0], raw.received


def test_a_follower_s_own_deadline_holds(serve, text):
    release = threading.Event()

    def wait(connection, rest):
        release.wait(10)
        connection.sendall(OK)

    upstream, gateway = serve(wait)
    with Raw(gateway.data_address) as leader, Raw(gateway.data_address) as follower:
        leader.send(request_bytes(key=KEY, body=chat_body(text, "raw/m")))
        wait_until(lambda: upstream.heads, what="the leader's call")
        begun = time.monotonic()
        follower.send(request_bytes(key=KEY, body=chat_body(text, "raw/m"), headers=["cf-aig-request-timeout: 300"]))
        assert follower.read_response()[0] == 504
        assert 0.25 < time.monotonic() - begun < 2
        release.set()
        assert leader.read_response()[0] == 200
    assert len(upstream.heads) == 1


def test_a_leader_that_does_not_read_holds_up_no_follower(serve, text):
    def fast(connection, rest):
        connection.sendall(STREAM)
        for _ in range(1500):
            connection.sendall(event(b"y" * 2000))
        connection.sendall(b"0\r\n\r\n")

    upstream, gateway = serve(fast, {"stream_buffer_bytes_max": "4KiB"}, cache={"entry_bytes_max": "4MiB"})
    leader = Raw(gateway.data_address, receive_buffer=4096)
    with leader:
        leader.send(request_bytes(path="/raw/v1/chat/completions", key=KEY, body=chat_body(text, "m", stream=True)))
        wait_until(lambda: upstream.heads, what="the leader's call")
        time.sleep(0.5)
        with Raw(gateway.data_address) as follower:
            follower.send(request_bytes(path="/raw/v1/chat/completions", key=KEY, body=chat_body(text, "m", stream=True)))
            status, headers, body = follower.read_response(8)
            assert status == 200 and body.count(b"data: ") == 1500
    assert len(upstream.heads) == 1
