"""HTTP that could be read in two ways, over raw sockets (group A): refused, closed, and nothing after it is looked at."""

import json
import re
import time

import pytest

from harness import Raw, chat_body, request_bytes, resident_bytes, unique

GOOD = "POST /v1/chat/completions HTTP/1.1"


def head(*lines, first=GOOD, host="Host: weir"):
    return "\r\n".join([first, *([host] if host else []), *lines]).encode("latin-1") + b"\r\n\r\n"


KEY = "Authorization: Bearer {key}"

# Every case gets `{key}` replaced and is followed by a good request for another path. Where the body is at fault the key is good: a bad one
# would be refused before the body is looked at.
REFUSED = {
    "length and chunked": (head("Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n", {400}),
    "two lengths": (head("Content-Length: 3", "Content-Length: 4") + b"{}x", {400}),
    "two equal lengths": (head("Content-Length: 3", "Content-Length: 3") + b"{}x", {400}),
    "listed lengths": (head("Content-Length: 3, 3") + b"{}x", {400}),
    **{f"length {value!r}": (head(f"Content-Length: {value}") + b"{}", {400}) for value in ("+3", "0x3", "-1", "1_0", "", "18446744073709551617", "3 3")},
    **{f"coding {value!r}": (head(f"Transfer-Encoding: {value}") + b"0\r\n\r\n", {400, 501})
       for value in ("xchunked", "chunked, identity", "identity", "gzip, chunked", "chunked, chunked", "\x0bchunked", "chunked;q=1")},
    "two codings": (head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + b"0\r\n\r\n", {400}),
    "chunked on 1.0": (head("Transfer-Encoding: chunked", first="POST /v1/chat/completions HTTP/1.0") + b"0\r\n\r\n", {400}),
    **{f"chunk size {value!r}": (head(KEY, "Transfer-Encoding: chunked") + value + b"\r\n{}\r\n0\r\n\r\n", {400})
       for value in (b"0x2", b"12345678901234567", b" 2", b"2 ", b"-2", b"", b"g", b"2_")},
    "chunk without its end": (head(KEY, "Transfer-Encoding: chunked") + b"2\r\n{}XX0\r\n\r\n", {400}),
    "bare LF in the head": (b"POST /v1/chat/completions HTTP/1.1\nHost: weir\nContent-Length: 0\n\n", {400}),
    "bare LF after a chunk": (head(KEY, "Transfer-Encoding: chunked") + b"2\n{}\r\n0\r\n\r\n", {400}),
    "LF in an extension": (head(KEY, "Transfer-Encoding: chunked") + b"2;a\nb\r\n{}\r\n0\r\n\r\n", {400}),
    "bare CR in a value": (head("X-A: a\rb"), {400}),
    "NUL in a value": (head("X-A: a\x00b"), {400}),
    "folded header": (head("X-A: a", " b"), {400}),
    "space before the colon": (head("Content-Length : 0"), {400}),
    "tab before the colon": (head("Content-Length\t: 0"), {400}),
    "empty name": (head(": x"), {400}),
    "no colon": (head("nonsense"), {400}),
    "name beyond ASCII": (head("X-\xe9: x"), {400}),
    "no Host": (head(host=None), {400}),
    "two Hosts": (head("Host: other"), {400}),
    "Host with userinfo": (head(host="Host: a@b"), {400}),
    "Host with a path": (head(host="Host: a/b"), {400}),
    "absolute form of another host": (head(first="POST http://other/v1/chat/completions HTTP/1.1"), {400}),
    "CONNECT": (head(first="CONNECT 127.0.0.1:1 HTTP/1.1"), {400, 405}),
    "TRACE": (head(first="TRACE / HTTP/1.1"), {400, 405}),
    "unknown method": (head(first="BREW / HTTP/1.1"), {400, 405, 501}),
    "lower-case method": (head(first="post / HTTP/1.1"), {400, 405}),
    "Upgrade h2c": (head("Upgrade: h2c", "Connection: upgrade, http2-settings", "HTTP2-Settings: AAAA"), {400, 426}),
    "Upgrade websocket": (head("Upgrade: websocket", "Connection: upgrade", first="GET /v1/models HTTP/1.1"), {400, 426}),
    "Connection names framing": (head("Connection: content-length", "Content-Length: 2") + b"{}", {400}),
    "Connection names auth": (head("Connection: authorization", "Authorization: Bearer {key}"), {400}),
    "junk expectation": (head("Expect: the-unexpected", "Content-Length: 2"), {417}),
    "HTTP/1.2": (head(first="POST / HTTP/1.2"), {400, 505}),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 405, 505}),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100, {400}),
    "space in the target": (head(first="POST /a b HTTP/1.1"), {400}),
    "fragment in the target": (head(first="POST /a#b HTTP/1.1"), {400}),
    "no target": (b"POST HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "101 fields": (head(*[f"X-{index}: 1" for index in range(101)]), {431}),
    "one field of 17 KiB": (head("X-A: " + "a" * 17 * 1024), {431}),
    "33 KiB of fields": (head(*[f"X-{index}: " + "a" * 4000 for index in range(9)]), {431}),
    "target of 8,193 bytes": (head(first="GET /" + "a" * 8192 + " HTTP/1.1"), {414}),
    "chunk extensions without end": (head(KEY, "Transfer-Encoding: chunked") + b"".join(b"1;" + b"e" * 4000 + b"\r\nx\r\n" for _ in range(10)), {400}),
}


@pytest.mark.parametrize("request_head, statuses", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("apart", [False, True], ids=["one packet", "two packets"])
def test_ambiguous_http_is_refused_closed_and_nothing_after_it_runs(gateway, demo, key, text, request_head, statuses, apart):
    evil = request_bytes(path="/demo/v1/chat/completions", key=key, body=chat_body(text, "demo-chat"))
    first = request_head.replace(b"{key}", key.encode())
    with Raw(gateway.data_address) as raw:
        if apart:
            raw.send(first)
            raw.read(b"\r\n\r\n", 2)
            raw.send(evil)
        else:
            raw.send(first + evil)
        answer = raw.read(seconds=3)
        assert raw.is_closed, f"still open after {answer[:100]!r}"
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    assert int(answer.split()[1]) in statuses, answer[:300]
    assert len(re.findall(rb"HTTP/1\.1 \d", answer)) == 1
    assert demo.calls(text) == 0


def test_a_refusal_closes_within_a_second(gateway):
    with Raw(gateway.data_address) as raw:
        raw.send(head("Content-Length: 1", "Content-Length: 2"))
        raw.read(b"\r\n\r\n")
        assert raw.closes_within(1.0)


def test_a_refusal_has_our_shape_and_a_request_id(gateway):
    with Raw(gateway.data_address) as raw:
        raw.send(head(host=None))
        status, headers, body = raw.read_response()
    assert status == 400 and json.loads(body)["error"]["code"] and headers["weir-request-id"] and headers["connection"] == "close"


def test_one_byte_at_a_time_is_understood(gateway, key, text):
    with Raw(gateway.data_address) as raw:
        for byte in request_bytes(key=key, body=chat_body(text)):
            raw.send(bytes([byte]))
        status, _, body = raw.read_response()
    assert status == 200 and text.encode() in body


def test_pipelined_requests_are_answered_in_order(gateway, key, text):
    count = 40
    requests = b"".join(request_bytes(key=key, body=chat_body(f"{text} {index:03}")) for index in range(count))
    with Raw(gateway.data_address) as raw:
        raw.send(requests)
        for index in range(count):
            status, _, body = raw.read_response()
            assert status == 200 and f"{text} {index:03}".encode() in body


def test_a_flood_of_pipelined_requests_is_answered_or_closed_and_costs_little_memory(gateway, key, text):
    before = resident_bytes(gateway.process.pid)
    with Raw(gateway.data_address) as raw:
        raw.socket.settimeout(5)
        try:
            raw.send(request_bytes("GET", "/v1/models", key) * 1000)
        except TimeoutError:
            pass
        raw.read(seconds=5)
        assert raw.received.count(b"HTTP/1.1 200") >= 100
    assert resident_bytes(gateway.process.pid) - before < 20 << 20


def test_a_cached_answer_waits_for_the_whole_body(gateway, demo, key, text):
    """A14: a hit must not be decided on half a body, nor the rest be read as a request."""
    body = chat_body(text)
    assert gateway.post("/v1/chat/completions", key, body).status_code == 200
    request = request_bytes(key=key, body=body)
    with Raw(gateway.data_address) as raw:
        raw.send(request[:-10])
        assert raw.read(b"HTTP", 0.3) == b""
        raw.send(request[-10:])
        assert raw.read_response()[0] == 200


@pytest.mark.parametrize("case, status", [("no key", 401), ("too large", 413)])
def test_an_early_answer_comes_before_the_body_and_the_connection_closes(gateway, key, case, status):
    size = 10_000_000 if case == "no key" else 40_000_000
    lines = [GOOD, "Host: weir", "Content-Type: application/json", f"Content-Length: {size}"]
    if case != "no key":
        lines.append(f"Authorization: Bearer {key}")
    with Raw(gateway.data_address) as raw:
        raw.send("\r\n".join(lines).encode() + b"\r\n\r\n" + b"{")
        begun = time.monotonic()
        assert raw.read_response()[0] == status
        assert time.monotonic() - begun < 0.5
        assert raw.closes_within(2.0)


def test_a_chunked_body_over_the_limit_is_cut_at_the_limit(start_gateway, text):
    gateway = start_gateway({"limits": {"body_bytes_max": "64KiB"}})
    key = gateway.create_key()
    assert gateway.chat(key, "x" * 65_000).status_code == 200
    assert gateway.chat(key, "x" * 65_600).status_code == 413
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, headers=["Transfer-Encoding: chunked", "Content-Type: application/json"], length=False))
        chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
        for _ in range(5):
            raw.send(chunk)
        assert raw.read_response()[0] == 413
        assert raw.closes_within(2.0)


def test_expectation_is_met_only_when_the_body_is_wanted(gateway, key, text):
    body = chat_body(text)
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=body, headers=["Expect: 100-continue"])[: -len(body)])
        assert raw.read(b"\r\n\r\n", 2).startswith(b"HTTP/1.1 100")
        raw.received = b""
        raw.send(body)
        assert raw.read_response()[0] == 200
    for headers, length, status in ((None, len(body), 401), (key, 40_000_000, 413)):
        with Raw(gateway.data_address) as raw:
            authorization = f"Authorization: Bearer {headers}\r\n" if headers else ""
            raw.send(f"{GOOD}\r\nHost: w\r\n{authorization}Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n".encode())
            assert raw.read_response()[0] == status
            assert b"100 Continue" not in raw.received


def test_trailers_decide_nothing(gateway, demo, text):
    body = chat_body(text)
    head_bytes = request_bytes(headers=["Transfer-Encoding: chunked", "Content-Type: application/json"], length=False)
    with Raw(gateway.data_address) as raw:
        key = gateway.create_key()
        raw.send(head_bytes + b"%x\r\n%s\r\n0\r\nAuthorization: Bearer %s\r\n\r\n" % (len(body), body, key.encode()))
        assert raw.read_response()[0] in (400, 401)
    assert demo.calls(text) == 0


JSON_REFUSED = {
    "empty": b"", "not JSON": b"model=demo", "truncated": b'{"model":"demo/demo-chat"', "trailing": b'{"model":"demo/demo-chat","messages":[]}x',
    "depth": b'{"model":"demo/demo-chat","messages":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "duplicate": b'{"model":"demo/demo-chat","model":"x","messages":[]}',
    "duplicate escaped": b'{"model":"demo/demo-chat","mod\\u0065l":"x","messages":[]}',
    "huge number": b'{"model":"demo/demo-chat","messages":[],"x":1e400}', "lone surrogate": b'{"model":"demo/demo-chat","messages":[],"x":"\\ud800"}',
    "invalid UTF-8": b'{"model":"demo/demo-chat","messages":[],"x":"\xff"}', "BOM": b'\xef\xbb\xbf{"model":"demo/demo-chat","messages":[]}',
    "array": b"[1]", "string": b'"x"', "NaN": b'{"model":"demo/demo-chat","messages":[],"x":NaN}', "model is a number": b'{"model":1,"messages":[]}',
    "no model": b'{"messages":[]}', "raw newline": b'{"model":"demo/demo-chat","messages":[],"x":"a\nb"}',
    "stream is text": b'{"model":"demo/demo-chat","messages":[],"stream":"yes"}',
}


@pytest.mark.parametrize("body", JSON_REFUSED.values(), ids=JSON_REFUSED.keys())
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/demo/v1/chat/completions", "/v1/messages"])
def test_json_that_two_parsers_may_read_differently_is_400(gateway, key, path, body):
    begun = time.monotonic()
    response = gateway.client.post(path, content=body, headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    assert time.monotonic() - begun < 0.5
    error = response.json()["error"]
    assert error["message"] and ("code" in error or "type" in error)


def test_a_million_keys_are_refused_or_answered_quickly(gateway, key):
    body = b'{"model":"demo/demo-chat","messages":[],' + b",".join(b'"k%d":1' % index for index in range(300_000)) + b"}"
    begun = time.monotonic()
    response = gateway.post("/v1/chat/completions", key, body)
    assert response.status_code in (200, 400) and time.monotonic() - begun < 5


@pytest.mark.parametrize("content_type, status", [("text/plain", 415), ("multipart/form-data; boundary=x", 415), ("application/json; charset=utf-8", 200), (None, 200)])
def test_content_types(gateway, key, text, content_type, status):
    headers = {"Authorization": f"Bearer {key}"} | ({"Content-Type": content_type} if content_type else {})
    assert gateway.client.post("/v1/chat/completions", content=chat_body(text), headers=headers).status_code == status


def test_line_breaks_in_a_model_name_split_no_response(gateway, key):
    """A24."""
    for model in ("demo/demo-chat\r\nX-Evil: 1", "demo/x\n\nHTTP/1.1 200 OK", "demo/\x00"):
        response = gateway.chat(key, unique(), model)
        assert "x-evil" not in response.headers and response.status_code in (200, 400, 404)
        for name, value in response.headers.items():
            assert "\r" not in value and "\n" not in value
    for value in ("a%0d%0aX-Evil:%201", "%00"):
        response = gateway.post(f"/v1beta/models/demo/{value}:generateContent", key, {"contents": [{"parts": [{"text": "x"}]}]})
        assert response.status_code in (200, 400, 404) and "x-evil" not in response.headers


def test_http_1_0_gets_an_answer_and_a_closed_connection(gateway, key, text):
    body = chat_body(text)
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=body).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = raw.read(seconds=5)
        assert raw.is_closed and b" 200 " in answer.split(b"\r\n")[0] and text.encode() in answer
        assert b"transfer-encoding" not in answer.lower()
    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=chat_body(text + "s", stream=True)).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = raw.read(seconds=5)
        assert raw.is_closed and b"[DONE]" in answer and b"transfer-encoding" not in answer.lower()


def test_half_a_goodbye_still_gets_its_answer(gateway, key, text):
    """B8: FIN after the request."""
    import socket

    with Raw(gateway.data_address) as raw:
        raw.send(request_bytes(key=key, body=chat_body(text, "demo/demo-slow-300ms")))
        raw.socket.shutdown(socket.SHUT_WR)
        answer = raw.read(seconds=5)
        assert raw.is_closed and b"HTTP/1.1 200" in answer and text.encode() in answer
