"""Slow and hostile clients (group B), with timers shortened by configuration."""

import socket
import time

import pytest

from harness import Gateway, Raw, chat_body, descriptors, request_bytes, resident_bytes, wait_until

pytestmark = pytest.mark.xdist_group("slow")


@pytest.fixture(scope="module")
def quick(demo, tmp_path_factory):
    """A gateway whose patience is short."""
    gateway = Gateway(demo, tmp_path_factory.mktemp("quick"), {
        "limits": {
            "header_timeout": "1s", "body_rate_grace": "1s", "body_rate_min": 1024, "body_timeout": "4s", "keep_alive_timeout": "1s",
            "write_stall_timeout": "2s", "requests_per_connection_max": 5, "connections_max": 100,
        },
    }).start()
    yield gateway
    gateway.stop()


def seconds_until_closed(raw, limit):
    begun = time.monotonic()
    raw.read(seconds=limit)
    assert raw.is_closed, f"still open after {limit} s"
    return time.monotonic() - begun


def test_a_head_that_never_ends_is_cut_by_a_total_timer(quick):
    """B1: slowloris; a byte now and then must not prolong it."""
    with Raw(quick.data_address) as raw:
        raw.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n")
        begun = time.monotonic()
        while time.monotonic() - begun < 4 and not raw.is_closed:
            raw.send(b"X-A: b\r\n")
            raw.read(b"\x00", 0.2)
        assert raw.is_closed and time.monotonic() - begun < 2.5
        assert raw.received == b"" or raw.received.startswith(b"HTTP/1.1 408")


def test_a_connection_that_says_nothing_is_closed(quick):
    """B5."""
    for first in (b"", b"\r\n"):
        with Raw(quick.data_address) as raw:
            raw.send(first)
            assert 0.7 < seconds_until_closed(raw, 4) < 2.5


def test_a_connection_is_kept_for_its_time_after_a_hit(demo, tmp_path):
    """The bytes of an answered request were taken for the beginning of the next: 408, unasked, after the time that a head may take."""
    gateway = Gateway(demo, tmp_path, {"limits": {"header_timeout": "1s", "keep_alive_timeout": "4s"}}).start()
    try:
        body, key = chat_body("kept after a hit"), gateway.create_key()
        with Raw(gateway.data_address) as raw:
            for wanted in ("weir; fwd=miss", "weir; hit", "weir; hit"):
                raw.send(request_bytes(key=key, body=body))
                status, headers, _ = raw.read_response()
                assert status == 200 and headers["cache-status"].startswith(wanted)
                assert raw.read(seconds=2.5) == b"" and not raw.is_closed
            assert 0.7 < seconds_until_closed(raw, 6)
    finally:
        gateway.stop()


def test_a_body_below_the_minimum_rate_is_cut(quick):
    """B2."""
    key = quick.create_key()
    with Raw(quick.data_address) as raw:
        raw.send(request_bytes(key=key, body=chat_body("x" * 5000))[:300])
        begun = time.monotonic()
        while time.monotonic() - begun < 6 and not raw.is_closed:
            raw.send(b"x")
            raw.read(b"\x00", 0.2)
        assert raw.is_closed and time.monotonic() - begun < 4
        assert raw.received.startswith(b"HTTP/1.1 408")


def test_a_body_that_takes_too_long_is_cut_however_steady(quick):
    key = quick.create_key()
    with Raw(quick.data_address) as raw:
        raw.send(request_bytes(key=key, body=b'"' + b"x" * 1_000_000)[:300])
        begun = time.monotonic()
        while time.monotonic() - begun < 9 and not raw.is_closed:
            raw.send(b"x" * 600)
            raw.read(b"\x00", 0.2)
        assert raw.is_closed and 3 < time.monotonic() - begun < 7


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(quick):
    key = quick.create_key()
    with Raw(quick.data_address) as raw:
        for _ in range(3):
            raw.send(request_bytes("GET", "/v1/models", key))
            assert raw.read_response()[0] == 200
            time.sleep(0.5)
        assert seconds_until_closed(raw, 4) < 2.5


def test_a_request_that_takes_longer_than_the_idle_time_is_answered(quick, text):
    key = quick.create_key()
    assert quick.chat(key, text, "demo/demo-slow-2s").status_code == 200


def test_the_last_request_of_a_connection_says_so(quick):
    key = quick.create_key()
    with Raw(quick.data_address) as raw:
        for index in range(5):
            raw.send(request_bytes("GET", "/v1/models", key))
            status, headers, _ = raw.read_response()
            assert status == 200
            assert (headers.get("connection") == "close") is (index == 4)
        assert raw.closes_within(1)


def test_a_client_that_stops_reading_pauses_the_provider_and_is_cut(quick, demo, text):
    """B3: the answer is 20 MB, the gateway may hold little of it."""
    key = quick.create_key()
    before = resident_bytes(quick.process.pid)
    with Raw(quick.data_address, receive_buffer=4096) as raw:
        raw.send(request_bytes(path="/demo/v1/chat/completions", key=key, body=chat_body(text, "demo-big-20000000", stream=True)))
        raw.read(b"data: ", 5)
        time.sleep(1)
        sent = demo.requests(text)[0]["sent_bytes"]
        assert sent < 15_000_000, "the provider was not held back"
        assert resident_bytes(quick.process.pid) - before < 8 << 20
        wait_until(lambda: demo.states(text) == {"aborted": 1}, 6, "the stalled client's upstream being cancelled")


def test_a_slow_reader_gets_everything_in_order(gateway, demo, key, text):
    """B4: resumes without loss or reorder."""
    before = resident_bytes(gateway.process.pid)
    with Raw(gateway.data_address, receive_buffer=8192) as raw:
        raw.send(request_bytes(path="/demo/v1/chat/completions", key=key, body=chat_body(text, "demo-big-6000000", stream=True)))
        raw.socket.settimeout(20)
        received = bytearray()
        while b"data: [DONE]" not in received[-200:]:
            data = raw.socket.recv(65536)
            assert data, "cut before the end"
            received += data
            if len(received) < 400_000:
                time.sleep(0.01)
    text_only = b"".join(part.split(b'"content":"')[1].split(b'"')[0] for part in bytes(received).split(b"data: ") if b'"content":"' in part)
    assert len(text_only.replace(b"\r\n", b"")) >= 5_900_000
    assert resident_bytes(gateway.process.pid) - before < 16 << 20


def test_many_idle_connections_leave_the_gateway_responsive(gateway, key):
    sockets = []
    before = resident_bytes(gateway.process.pid)
    try:
        for _ in range(300):
            sockets.append(socket.create_connection(gateway.data_address))
        begun = time.monotonic()
        assert gateway.client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        assert time.monotonic() - begun < 0.5
        assert resident_bytes(gateway.process.pid) - before < 300 * 40 * 1024
    finally:
        for one in sockets:
            one.close()


def test_descriptors_come_back(gateway, key, text):
    """B9 and the invariant of every group: whatever the phase, the connection is gone afterwards."""
    request = request_bytes(key=key, body=chat_body(text, "demo/demo-slow-300ms", stream=True))
    gateway.chat(key, text + " warm")
    time.sleep(0.2)
    before = descriptors(gateway.process.pid)
    for cut in (0, 5, 60, len(request) - 5, len(request)):
        for _ in range(5):
            raw = Raw(gateway.data_address)
            raw.send(request[:cut])
            time.sleep(0.01)
            raw.reset()
    # Pooled connections to the provider may stay.
    wait_until(lambda: descriptors(gateway.process.pid) <= before + 6, 5, "descriptors back to the baseline")


def test_the_connection_cap_holds_and_recovers(quick):
    """B10, by configuration: the cap is 100."""
    key = quick.create_key()
    sockets = [socket.create_connection(quick.data_address) for _ in range(130)]
    time.sleep(0.2)
    for one in sockets:
        one.close()

    def works():
        try:
            with Raw(quick.data_address) as raw:
                raw.send(request_bytes("GET", "/v1/models", key))
                return raw.read_response(2)[0] == 200
        except (AssertionError, OSError):
            return False

    wait_until(works, 5, "recovery from the connection cap")
